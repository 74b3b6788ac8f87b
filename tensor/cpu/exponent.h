/* exponent.h: 2^x for x <= 0, and the larger of two, by vectors.
 *
 *   2^x = 2^n 2^r, n = round(x), |r| <= 1/2, 2^r by a polynomial.
 *
 * exp2_negative: degree 6, through 2^r at Chebyshev's nodes; relative error below 7.3e-8. exp2_rough: degree 3, of
 * least relative error: 7.5e-5, a fiftieth of what rounding to bf16 does to it. NaN stays NaN; below -126 the result
 * is at most 2^-126. */
#ifndef SD_CPU_EXPONENT_H
#define SD_CPU_EXPONENT_H

#include "isa.h"

#include <stdint.h>

#if defined __AVX2__
#include <immintrin.h>
#endif

typedef int32_t VI __attribute__((vector_size(4 * VW)));

/* a > b ? a : b, by element */
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

static inline __attribute__((always_inline)) V exp2_by(V x, const int degree) {
#if defined __AVX512F__
    V n = (V)_mm512_roundscale_ps((__m512)x, 0), r = x - n;
#else
    const V low = (V){0} - 126.0f, magic = (V){0} + 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    x = larger(low, x);                                          /* NaN where x is */
    V shifted = x + magic, r = x - (shifted - magic);
#endif
    V p;
    if (degree == 6) {
        p = r * 1.546144485e-04f + 1.340042800e-03f;
        p = p * r + 9.618056938e-03f;
        p = p * r + 5.550327152e-02f;
        p = p * r + 2.402265072e-01f;
        p = p * r + 6.931471825e-01f;
        p = p * r + 1.0f;
    } else {
        p = r * 5.51716691e-02f + 2.42611122e-01f;
        p = p * r + 6.93260985e-01f;
        p = p * r + 9.99928074e-01f;
    }
#if defined __AVX512F__
    return (V)_mm512_scalef_ps((__m512)p, (__m512)n);
#else
    return (V)((VI)p + ((VI)shifted << 23)); /* the low bits of `shifted` are n, and go to p's exponent */
#endif
}

static inline __attribute__((always_inline)) V exp2_negative(V x) { return exp2_by(x, 6); }
static inline __attribute__((always_inline)) V exp2_rough(V x) { return exp2_by(x, 3); }

#endif
