/* gguf.h: GGUF files, versions 2 and 3, little-endian (github.com/ggml-org/ggml, docs/gguf.md), as stable-diffusion.cpp
 * writes them.
 *
 * "GGUF", u32 version, u64 tensors, u64 pairs; the pairs: a key, a type, a value; then of each tensor its name, u32
 * dimensions, u64 sizes (the contiguous one first), u32 type and u64 offset; then, at a multiple of
 * general.alignment (32), the data. A string is a u64 length and bytes. */
#ifndef SD_WEIGHTS_GGUF_H
#define SD_WEIGHTS_GGUF_H

#include "weight_file.h"

/* Reading, for the table of formats (formats.h). Texts among the pairs become f->meta. */
bool gguf_read(WeightFile *f, Error *e);

#endif
