/* widen.h: numbers of a file's types as f32, exactly. */
#ifndef SD_CPU_WIDEN_H
#define SD_CPU_WIDEN_H

#include "../half.h"
#include "../tensor.h"
#include "isa.h"

#include <string.h>

#if defined __F16C__
#include <immintrin.h>
#elif defined __aarch64__
#include <arm_neon.h>
#endif

#if defined __aarch64__
/* Four numbers on any byte boundary. Every processor widens f16, also those that do not compute with it. */
static inline __attribute__((always_inline)) V widen_four(const void *from, DType dtype) {
    uint16x4_t h = vreinterpret_u16_u8(vld1_u8(from));
    return dtype == F16 ? (V)vcvt_f32_f16(vreinterpret_f16_u16(h)) : (V)vshll_n_u16(h, 16);
}
#endif

/* A vector of f32 from VW numbers. */
static inline __attribute__((always_inline)) V widen_vector(const void *from, DType dtype) {
    if (dtype == F32) return *(const V *)from;
    V v;
#if defined __AVX512F__
    if (dtype == F16) return (V)_mm512_cvtph_ps(_mm256_loadu_si256(from));
#elif defined __F16C__
    if (dtype == F16) return (V)_mm256_cvtph_ps(_mm_loadu_si128(from));
#elif defined __aarch64__
    return widen_four(from, dtype);
#endif
    const uint16_t *h = from;
    for (int i = 0; i < VW; i++) v[i] = dtype == F16 ? f16_to_f32(h[i]) : bf16_to_f32(h[i]);
    return v;
}

/* out[0..n) = in[0..n); `in` lies on any byte boundary. */
static inline void widen(float *out, const void *in, DType dtype, int64_t n) {
    if (dtype == F32) {
        memcpy(out, in, (size_t)n * sizeof *out);
        return;
    }
    const char *bytes = in;
    int64_t i = 0;
#if defined __AVX512F__
    for (; dtype == F16 && i + 16 <= n; i += 16)
        _mm512_storeu_ps(out + i, _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(bytes + 2 * i))));
#elif defined __F16C__
    for (; dtype == F16 && i + 8 <= n; i += 8)
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(bytes + 2 * i))));
#elif defined __aarch64__
    for (; i + VW <= n; i += VW) *(V *)(out + i) = widen_four(bytes + 2 * i, dtype);
#endif
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
