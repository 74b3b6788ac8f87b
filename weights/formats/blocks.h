/* blocks.h: numbers quantised in blocks, as GGUF files hold them (github.com/ggml-org/ggml, docs/gguf.md and the
 * structs of src/ggml-common.h).
 *
 * A number is d q, or d q + m (types _1), or d s q - e t m (types _K: 256 numbers with scales s and t of their own for
 * each 16 or 32). d, e and m of a block are F16, q, s and t small whole numbers, so that products are exact in F32, and
 * a number is rounded once. */
#ifndef SD_WEIGHTS_FORMATS_BLOCKS_H
#define SD_WEIGHTS_FORMATS_BLOCKS_H

#include "tensor/q8.h"
#include "tensor/tensor.h"

enum { BLOCK_MOST = 256 };

bool dtype_is_quantised(DType t);
/* The numbers of one block of a quantised type: out[dtype_block(t)]. */
void block_f32(DType t, const uint8_t *block, float *out);
/* No number of these blocks is larger than this; infinity where one may be infinite or NaN. */
double blocks_bound(DType t, const uint8_t *p, int64_t blocks);

/* Whether a block of this type is a block of Q8_0 with the same scale, so that nothing is lost: Q8_0, Q4_0, Q5_0. */
bool block_is_q8_0(DType t);
/* That block, Q8_BYTES. */
void block_q8_0(DType t, const uint8_t *block, uint8_t *out);
/* The block of Q8_0 nearest to 32 numbers, as ggml chooses it (quantize_row_q8_0_ref): the scale is the largest
 * magnitude / 127, rounded to F16, each byte x / that magnitude * 127, rounded, ties away from zero. If a number is not
 * finite, all of them are NaN. */
void quantise_q8_0(const float *numbers, uint8_t *out);

#endif
