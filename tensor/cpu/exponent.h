/* exponent.h: what softmax needs, for vectors.
 *
 *   2^x = 2^n 2^r, n = round(x), |r| <= 1/2; 2^r by the polynomial of degree 6 through 2^r at Chebyshev's nodes.
 *   Relative error below 7.3e-8; x below -126 counts as -126, NaN stays NaN. */
#ifndef SD_CPU_EXPONENT_H
#define SD_CPU_EXPONENT_H

#include "isa.h"

#include <stdint.h>

typedef int32_t VI __attribute__((vector_size(4 * VW)));

static inline V exp2_negative(V x) {
    const V low = (V){0} - 126.0f, magic = (V){0} + 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    VI under = x < low;
    x = (V)(((VI)low & under) | ((VI)x & ~under));
    V shifted = x + magic, r = x - (shifted - magic);
    V p = r * 1.546144485e-04f + 1.340042800e-03f;
    p = p * r + 9.618056938e-03f;
    p = p * r + 5.550327152e-02f;
    p = p * r + 2.402265072e-01f;
    p = p * r + 6.931471825e-01f;
    p = p * r + 1.0f;
    return (V)((VI)p + ((VI)shifted << 23)); /* the low bits of `shifted` are n, and go to p's exponent */
}

static inline V larger(V a, V b) {
    VI greater = a > b;
    return (V)(((VI)a & greater) | ((VI)b & ~greater));
}

#endif
