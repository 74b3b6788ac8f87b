/* fuzz_gguf.c: GGUF files, what follows their first four bytes. */
#include "fuzz.h"

#include "weights/gguf.h"

#include <stdlib.h>
#include <string.h>

FUZZ(gguf) {
    uint8_t *file = malloc(4 + size);
    if (!file) abort();
    memcpy(file, "GGUF", 4);
    if (size) memcpy(file + 4, data, size);
    fuzz_weight_file(gguf_read, (FuzzBytes){file, 4 + size});
    free(file);
}
