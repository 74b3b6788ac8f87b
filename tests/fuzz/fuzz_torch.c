/* fuzz_torch.c: PyTorch's files. Target `pickle`: what follows the first three pickles of a file before torch 1.6: the
 * object, the list of storages and these. Target `zip`: an archive. */
#include "fuzz.h"

#include "weights/formats/torch.h"

#include <stdlib.h>
#include <string.h>

FUZZ(pickle) {
    static const char FRONT[] = "\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\2M\xe9\3.\x80\2}.";
    uint8_t *file = malloc(sizeof FRONT - 1 + size);
    if (!file) abort();
    memcpy(file, FRONT, sizeof FRONT - 1);
    if (size) memcpy(file + sizeof FRONT - 1, data, size);
    fuzz_weight_file(torch_old_read, (FuzzBytes){file, sizeof FRONT - 1 + size});
    free(file);
}

FUZZ(zip) { fuzz_weight_file(torch_zip_read, (FuzzBytes){data, size}); }
