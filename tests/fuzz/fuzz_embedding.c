/* fuzz_embedding.c: embeddings. Target `embedding`: a file of weights. Target `ti_picture`: a PNG. */
#include "fuzz.h"

#include "sd/load/networks/embedding_file.h"

static void read_it(const char *name, const uint8_t *data, size_t size) {
    Error e = {0};
    EmbeddingFile f;
    fuzz_verdict(embedding_file_of(name, data, size, &f, &e), &e);
    embedding_file_free(&f);
}

FUZZ(embedding) { read_it("x.pt", data, size); }
FUZZ(ti_picture) { read_it("x.png", data, size); }
