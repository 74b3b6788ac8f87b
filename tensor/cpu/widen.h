/* widen.h: F16, BF16 and Q8_0 to f32, exactly. */
#ifndef SD_TENSOR_CPU_WIDEN_H
#define SD_TENSOR_CPU_WIDEN_H

#include "tensor/q8.h"
#include "tensor/tensor.h"
#include "isa.h"

#include <string.h>

#if defined __F16C__
#include <immintrin.h>
#elif defined __aarch64__
#include <arm_neon.h>
#endif

/* Whether an instruction or two widen a vector, for both types. */
#if defined __F16C__ || defined __aarch64__
enum { WIDENS_BY_VECTORS = 1 };
#else
enum { WIDENS_BY_VECTORS = 0 };
#endif

/* A vector of f32 from VW numbers at any byte boundary. Every aarch64 can widen f16, even if it cannot compute with it.
 */
static inline __attribute__((always_inline)) V widen_vector(const void *from, DType dtype) {
    typedef uint16_t Narrow __attribute__((vector_size(2 * VW)));
    typedef uint32_t Wide __attribute__((vector_size(4 * VW)));
    if (dtype == F32) {
        V v;
        memcpy(&v, from, sizeof v);
        return v;
    }
    Narrow h;
    memcpy(&h, from, sizeof h);
    if (dtype == BF16) return (V)(__builtin_convertvector(h, Wide) << 16);
#if defined __AVX512F__
    return (V)_mm512_cvtph_ps((__m256i)h);
#elif defined __F16C__
    return (V)_mm256_cvtph_ps((__m128i)h);
#elif defined __aarch64__
    return (V)vcvt_f32_f16((float16x4_t)h);
#else
    V v = {0};
    for (int i = 0; i < VW; i++) v[i] = f16_to_f32(h[i]);
    return v;
#endif
}

/* A vector of f32 from VW signed bytes. */
static inline __attribute__((always_inline)) V widen_bytes(const int8_t *from) {
#if defined __AVX512F__
    return (V)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)from)));
#elif defined __AVX2__
    return (V)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)from)));
#else
    V v;
    for (int i = 0; i < VW; i++) v[i] = from[i];
    return v;
#endif
}

/* The F16 scales of blocks that lie together (prepare.h); n: whole vectors. */
static inline void widen_scales(float *out, const char *scales, int n) {
    for (int i = 0; i < n; i += VW) *(V *)(out + i) = widen_vector(scales + 2 * i, F16);
}

/* n numbers of one block of Q8_0, from number `first` on. */
static inline void widen_block(float *out, const uint8_t *block, int first, int n) {
    const int8_t *bytes = (const int8_t *)block + 2 + first;
    float scale = f16_to_f32(q8_scale_bits(block));
    int i = 0;
    for (; i + VW <= n; i += VW) *(V *)(out + i) = scale * widen_bytes(bytes + i);
    for (; i < n; i++) out[i] = scale * (float)bytes[i];
}

static inline void widen_q8(float *out, const uint8_t *blocks, int64_t first, int64_t n) {
    blocks += first / Q8_NUMBERS * Q8_BYTES;
    for (int skip = (int)(first % Q8_NUMBERS); n > 0; skip = 0, blocks += Q8_BYTES) {
        int count = n < Q8_NUMBERS - skip ? (int)n : Q8_NUMBERS - skip;
        widen_block(out, blocks, skip, count);
        out += count, n -= count;
    }
}

/* out[0..n) = numbers [first, first + n) of `in`, which may begin at any byte boundary. */
static inline void widen(float *out, const void *in, DType dtype, int64_t first, int64_t n) {
    if (dtype == Q8_0) {
        widen_q8(out, in, first, n);
        return;
    }
    const char *bytes = (const char *)in + dtype_bytes(dtype, first);
    if (dtype == F32) {
        memcpy(out, bytes, (size_t)n * sizeof *out);
        return;
    }
    int64_t i = 0;
    for (; WIDENS_BY_VECTORS && i + VW <= n; i += VW) *(V *)(out + i) = widen_vector(bytes + 2 * i, dtype);
    if (dtype == BF16)
        for (; i < n; i++) {
            uint16_t h;
            memcpy(&h, bytes + 2 * i, 2);
            out[i] = bf16_to_f32(h);
        }
    for (; i < n; i++) {
        uint16_t h;
        memcpy(&h, bytes + 2 * i, 2);
        out[i] = f16_to_f32(h);
    }
}

#endif
