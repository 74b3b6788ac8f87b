/* libfuzzer.c: the targets under libFuzzer, in one program; its own name says which (`make fuzz` links it under each).
 * The environment's FUZZ_LIST=1 prints their names. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const FuzzTarget *target;

void fuzz_failed(const char *file, int line, const char *what) {
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    const char *name = strrchr((*argv)[0], '/');
    name = name ? name + 1 : (*argv)[0];
    (void)argc;
    for (const FuzzTarget *t = fuzz_targets(); t; t = t->next) {
        if (getenv("FUZZ_LIST")) puts(t->name);
        if (!strcmp(t->name, name)) target = t;
    }
    if (getenv("FUZZ_LIST")) exit(0);
    if (target) return 0;
    fprintf(stderr, "%s: no target of that name\n", name);
    exit(2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    target->run(data, size);
    return 0;
}
