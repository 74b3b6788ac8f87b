/* hostile_fuzz.c: what fuzzing found (tests/fuzz) that shows from outside. */
#include "hostile.h"
#include "tests/harness/test.h"

#include <stdlib.h>

typedef struct {
    const char *name, *finding; /* a file of a corpus */
    const char *file, *args;
    int code;
    const char *words;
} Row;

static const Row ROWS[] = {
    /* 3,866,628 x 4 pixels: rows of 77 MB */
    {"png-wide", "tests/fuzz/png/11", "wide.png", "img2img -m $B -i wide.png -p x", 1, "wide.png|3866628 x 4|too many"},
};

HOSTILE(fuzz) {
    for (const Row *r = ROWS; r < ROWS + sizeof ROWS / sizeof *ROWS; r++) {
        size_t size = 0;
        char *bytes = test_read(r->finding, &size);
        if (!bytes) abort();
        HostileCase c = {r->name, r->file, bytes, size, r->args, r->code, r->words};
        hostile_case(&c);
        free(bytes);
    }
}
