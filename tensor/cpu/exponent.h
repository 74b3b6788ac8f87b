/* exponent.h: 2^x for x <= 0, e^x, and the larger of two, for vectors.
 *
 *   2^x = 2^n 2^r, n = round(x), |r| <= 1/2, 2^r by a polynomial.
 *
 * exp2_negative: degree 6, interpolating 2^r at Chebyshev's nodes; relative error below 7.3e-8. Rough: degree 3, of
 * least relative error: 7.5e-5, a fiftieth of the error of rounding to bf16. NaN stays NaN; below -125.5 the result is
 * that of -125.5, so that none is subnormal. Both take up to four vectors at once, to hide the latency of one chain of
 * operations. */
#ifndef SD_TENSOR_CPU_EXPONENT_H
#define SD_TENSOR_CPU_EXPONENT_H

#include "fma.h"

#include <stdbool.h>
#include <stdint.h>

typedef int32_t VI __attribute__((vector_size(4 * VW)));

/* a > b ? a : b, by element: b if either is NaN, or both are zeros */
static inline __attribute__((always_inline)) V larger(V a, V b) {
#if defined __AVX512F__
    return (V)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined __AVX2__
    return (V)_mm256_max_ps((__m256)a, (__m256)b);
#else
    VI greater = a > b;
    return (V)(((VI)a & greater) | ((VI)b & ~greater));
#endif
}

enum { AT_ONCE_EXP2 = 4 };

#define EACH _Pragma("GCC unroll 4") for (int i = 0; i < count; i++)

/* x[0..count) = 2^x */
static inline __attribute__((always_inline)) void exp2_by(V *x, const int count, const bool rough) {
    static const float FINE[] = FM_EXP2_TERMS,
                       ROUGH[] = {5.51716691e-02f, 2.42611122e-01f, 6.93260985e-01f, 9.99928074e-01f};
    const float *term = rough ? ROUGH : FINE;
    const int degree = rough ? 3 : 6;
    V n[AT_ONCE_EXP2], p[AT_ONCE_EXP2];
    const V low = splat(-125.5f);
    EACH x[i] = larger(low, x[i]); /* NaN if x is */
#if defined __AVX512F__
    EACH n[i] = (V)_mm512_roundscale_ps((__m512)x[i], 0);
    EACH x[i] -= n[i];
#else
    const V magic = splat(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
    EACH n[i] = x[i] + magic;
    EACH x[i] -= n[i] - magic;
#endif
    EACH p[i] = fma_v(x[i], splat(term[0]), splat(term[1]));
#pragma GCC unroll 5
    for (int k = 2; k <= degree; k++) EACH p[i] = fma_to(p[i], x[i], term[k]);
#if defined __AVX512F__
    EACH x[i] = (V)_mm512_scalef_ps((__m512)p[i], (__m512)n[i]);
#else
    EACH x[i] = (V)((VI)p[i] + ((VI)n[i] << 23)); /* adds the integer in n's low bits to p's exponent */
#endif
}

/* x[0..count) = e^x by fm_exp's method (tensor/fmath.h); x is clamped to -87..87. */
static inline __attribute__((always_inline)) void exp_by(V *x, const int count) {
    static const float TERMS[] = {1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};
    const V least = splat(-87.0f), magic = splat(12582912.0f);
    V n[AT_ONCE_EXP2], p[AT_ONCE_EXP2];
    EACH x[i] = -larger(least, -larger(least, x[i])); /* NaN if x is */
    EACH n[i] = fma_by(1.44269504f, x[i], magic);
    EACH x[i] = fma_by(2.12194440e-4f, n[i] - magic, fma_by(-0.693359375f, n[i] - magic, x[i]));
    EACH p[i] = fma_v(x[i], splat(TERMS[0]), splat(TERMS[1]));
#pragma GCC unroll 6
    for (int k = 2; k < 8; k++) EACH p[i] = fma_to(p[i], x[i], TERMS[k]);
    EACH x[i] = (V)((VI)p[i] + ((VI)n[i] << 23));
}

#undef EACH

static inline __attribute__((always_inline)) V exp2_negative(V x) {
    exp2_by(&x, 1, false);
    return x;
}

#endif
