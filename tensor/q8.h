/* q8.h: Q8_0, the one quantised type that is computed with: blocks of 32 numbers, each a F16 scale and 32 signed bytes,
 * along a weight's last dimension. The layout is GGUF's (github.com/ggml-org/ggml, docs/gguf.md).
 *
 * A number is scale times byte: 11 and 7 significant bits, so that the product is exact in f32. Every table of ops
 * therefore computes with the same numbers, which are those of a file that holds them in F32. */
#ifndef SD_TENSOR_Q8_H
#define SD_TENSOR_Q8_H

#include "half.h"

enum { Q8_NUMBERS = 32, Q8_BYTES = 34 };

SD_INLINE uint16_t q8_scale_bits(const uint8_t *block) { return (uint16_t)(block[0] | block[1] << 8); }

/* Number i of a row of blocks at any address. */
SD_INLINE float q8_number(const void *blocks, int64_t i) {
    const uint8_t *block = (const uint8_t *)blocks + i / Q8_NUMBERS * Q8_BYTES;
    return f16_to_f32(q8_scale_bits(block)) * (float)(int8_t)block[2 + i % Q8_NUMBERS];
}

#endif
