/* gguf.h: GGUF files, versions 2 and 3, little-endian (github.com/ggml-org/ggml, docs/gguf.md), as stable-diffusion.cpp
 * writes them.
 *
 * "GGUF", u32 version, u64 tensors, u64 pairs; the pairs: a key, a type, a value; then of each tensor its name, u32
 * dimensions, u64 sizes (the contiguous one first), u32 type and u64 offset; then, at a multiple of
 * general.alignment (32), the data. A string is a u64 length and bytes. */
#ifndef SD_WEIGHTS_FORMATS_GGUF_H
#define SD_WEIGHTS_FORMATS_GGUF_H

#include "weight_file.h"

/* Reading, for the table of formats (formats.h). Texts among the pairs become f->meta. */
bool gguf_read(WeightFile *f, Error *e);

/* Writing. The file appears under its name only once it is complete (atomic_file.h). Give names, types and shapes in
 * the order of the data, and keep them until the end; begin and end are set here, each tensor at a multiple of 32
 * bytes. At most 4 dimensions, and rows of whole blocks: else ERR_ARGUMENT. */
typedef struct GgufWriter GgufWriter;
GgufWriter *gguf_write_begin(const char *path, FileTensor *tensors, size_t count, const FileMeta *meta,
                             size_t meta_count, Error *e);
/* The next of the tensors' data, any count of numbers as they lie in memory; what lies between tensors is written here.
 */
bool gguf_write_data(GgufWriter *w, const void *bytes, size_t size, Error *e);
/* Completes the file; frees w. False on an I/O error, or when data are missing; then nothing is left, and an old file
 * is intact. */
bool gguf_write_end(GgufWriter *w, Error *e);
void gguf_write_abort(GgufWriter *w); /* removes the temporary file, frees w; NULL is fine */

/* GGUF's number of a type; -1: it has none. */
int gguf_type(DType t);

#endif
