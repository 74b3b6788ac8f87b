/* goldens.c: the goldens that the program holds, files of tests/golden that the Makefile lists (SDC_GOLDENS). */
#include "golden.h"

#include "weights/embed.h"

#include <stdio.h>
#include <string.h>

#ifdef SDC_GOLDENS_ARRAYS /* the same bytes as numbers in C: embed_NAME */
#include SDC_GOLDENS_ARRAYS
#define GOLDEN(name) {#name, embed_##name, embed_##name + sizeof embed_##name},
#else
#define EMBED_GOLDEN(name) EMBED_FILE(name, "tests/golden/" #name ".safetensors")
SDC_GOLDENS(EMBED_GOLDEN)
#define GOLDEN(name) {#name, embed_##name##_begin, embed_##name##_end},
#endif

static const struct {
    const char *name;
    const unsigned char *begin, *end;
} GOLDENS[] = {SDC_GOLDENS(GOLDEN){NULL, NULL, NULL}};

enum { COUNT = sizeof GOLDENS / sizeof *GOLDENS - 1 };

static int find(const char *name) {
    int i = 0;
    while (i < COUNT && strcmp(GOLDENS[i].name, name)) i++;
    return i;
}

bool golden_is_builtin(const char *name) { return find(name) < COUNT; }

Golden *golden_builtin(const char *name, Error *e) {
    int i = find(name);
    char what[96];
    snprintf(what, sizeof what, "golden %s", name);
    if (i == COUNT) return error_set(e, ERR_ARGUMENT, "%s: is not in the program", what), NULL;
    size_t size = (size_t)(GOLDENS[i].end - GOLDENS[i].begin);
    Golden *g = golden_of(weight_file_open_memory(what, GOLDENS[i].begin, size, e), name);
    if (!g) error_set(e, ERR_MEMORY, "%s: out of memory", what);
    return g;
}
