/* test_corpus.c: the suite that replays the fuzzers' corpora, what they have found among it, with any compiler. */
#define _XOPEN_SOURCE 700
#include "fuzz.h"

#include "tensor/os.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 4096 }; /* bytes of a file of a corpus */

typedef struct {
    const FuzzTarget *target;
    char path[256];
    int files;
} Corpus;

static char failures[1024];

void fuzz_failed(const char *file, int line, const char *what) {
    size_t n = strlen(failures);
    snprintf(failures + n, sizeof failures - n, "%s:%d: %s; ", file, line, what);
}

static bool replay(void *user, const char *name) {
    Corpus *c = user;
    char path[512];
    size_t size = 0;
    if (*name == '.') return true;
    snprintf(path, sizeof path, "%s/%s", c->path, name);
    char *text = test_read(path, &size);
    if (!text) return test_check(false, "%s is read", path);
    uint8_t *exact = malloc(size ? size : 1); /* ends where the input ends, for AddressSanitizer */
    if (exact && size) memcpy(exact, text, size);
    free(text);
    *failures = 0;
    if (exact) c->target->run(exact, size);
    free(exact);
    c->files++;
    if (*failures) test_check(false, "%s", path), test_note("%s", failures);
    if (size > LARGEST) test_check(false, "%s: %zu bytes, at most %d", path, size, LARGEST);
    return true;
}

SUITE(corpus, .seconds = 2) {
    for (const FuzzTarget *t = fuzz_targets(); t; t = t->next) {
        Corpus c = {.target = t};
        snprintf(c.path, sizeof c.path, "tests/fuzz/%s", t->name);
        bool listed = os_list(c.path, replay, &c);
        test_check(listed && c.files > 0, "%s: %d files", c.path, c.files);
    }
}
