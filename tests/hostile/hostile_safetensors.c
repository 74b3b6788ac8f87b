/* hostile_safetensors.c: the catalogue of safetensors files (tests/weights/hostile.h), by `sdc info`. */
#include "hostile.h"
#include "tests/harness/cli.h"
#include "tests/weights/hostile.h"

#include <stdio.h>
#include <stdlib.h>

HOSTILE(safetensors) {
    for (size_t i = 0; i < hostile_count(); i++) {
        Hostile h;
        if (!hostile_make(i, &h)) abort();
        /* A legal file is no model. */
        HostileCase c = {h.name, "h.safetensors", h.bytes, h.size, "info h.safetensors", 1, h.words};
        hostile_case(&c);
        free(h.bytes);
    }
}
