/* fuzz_gguf.c: GGUF files, what follows their first four bytes. */
#include "fuzz.h"

#include "weights/formats/gguf.h"
#include "weights/formats/other_names.h"

#include <stdlib.h>
#include <string.h>

static bool read_file(WeightFile *f, Error *e) { return gguf_read(f, e) && shapes_undone(f, e) && names_undone(f, e); }

FUZZ(gguf) {
    uint8_t *file = malloc(4 + size);
    if (!file) abort();
    memcpy(file, "GGUF", 4);
    if (size) memcpy(file + 4, data, size);
    fuzz_weight_file(read_file, (FuzzBytes){file, 4 + size});
    free(file);
}
