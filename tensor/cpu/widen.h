/* widen.h: F16 and BF16 to f32, exactly. */
#ifndef SD_TENSOR_CPU_WIDEN_H
#define SD_TENSOR_CPU_WIDEN_H

#include "tensor/half.h"
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
    if (dtype == F32) return *(const V *)from;
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
    V v;
    for (int i = 0; i < VW; i++) v[i] = f16_to_f32(h[i]);
    return v;
#endif
}

/* out[0..n) = in[0..n), which may begin at any byte boundary. */
static inline void widen(float *out, const void *in, DType dtype, int64_t n) {
    if (dtype == F32) {
        memcpy(out, in, (size_t)n * sizeof *out);
        return;
    }
    const char *bytes = in;
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
