/* fmath.h: exp, erfc, GELU, sin and cos from plain arithmetic, the same on every machine and libc.
 *
 * The float functions are branch-free, so that compilers vectorise loops over them. NaN stays NaN. FM_FMA(a, b, c) is
 * a b + c with one rounding, if whoever includes this file has something better than fmaf.
 *
 *   exp(x)  = 2^n e^r, n = round(x / ln 2), r in two pieces of ln 2; e^r by its Taylor polynomial of degree 7.
 *             Arguments are clamped to [-87, 87]: results stay normal numbers. Relative error below 1.5e-7.
 *   erfc(t) = exp(-t^2) p(u), u = (t - 2.75) / (t + 2.75), t >= 0; p fitted to exp(t^2) erfc(t) on [0, 9.5] with
 *             relative error 5e-9 (a weighted least-squares fit of degree 9, iterated towards equal ripple).
 *   GELU    = x Phi(x): Phi(-|x|) = erfc(|x| / sqrt 2) / 2 keeps its relative accuracy in the left tail. */
#ifndef SD_TENSOR_FMATH_H
#define SD_TENSOR_FMATH_H

#include <stdint.h>
#include <string.h>

#ifndef FM_FMA
#include <math.h>
#define FM_FMA fmaf
#endif

#ifndef SD_INLINE
#define SD_INLINE static inline /* cuda/ compiles them for the GPU as well */
#endif

SD_INLINE float fm_exp(float x) {
    x = x < -87.0f ? -87.0f : x;
    x = x > 87.0f ? 87.0f : x;
    const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer held in the low bits */
    float shifted = FM_FMA(1.44269504f, x, magic);
    float n = shifted - magic;
    float r = FM_FMA(2.12194440e-4f, n, FM_FMA(-0.693359375f, n, x)); /* ln 2 = 0.693359375 - 2.1219444e-4 */
    float p = FM_FMA(r, 1.0f / 5040, 1.0f / 720);
    p = FM_FMA(p, r, 1.0f / 120);
    p = FM_FMA(p, r, 1.0f / 24);
    p = FM_FMA(p, r, 1.0f / 6);
    p = FM_FMA(p, r, 0.5f);
    p = FM_FMA(p, r, 1.0f);
    p = FM_FMA(p, r, 1.0f);
    uint32_t bits, power;
    memcpy(&bits, &shifted, 4);
    power = (bits << 23) + 0x3f800000u; /* the low bits of `shifted` are n; exponent bias 127 */
    float scale;
    memcpy(&scale, &power, 4);
    return p * scale;
}

/* p(u) of erfc, for numbers and vectors of them: fma(x, u, c), and the first coefficient as one of them */
#define FM_ERFC_FIRST -1.369437137e-04f
/* clang-format off */
#define FM_ERFC_FACTOR(fma, first, u)                                                                                  \
    fma(fma(fma(fma(fma(fma(fma(fma(fma(first, u, -1.984910471e-04f), u, 1.354946504e-03f), u, -2.015499132e-04f), u,  \
        -1.368607946e-02f), u, 5.683520370e-02f), u, -1.397372954e-01f), u, 2.498903508e-01f), u, -3.478070133e-01f),  \
        u, 1.936620971e-01f)
/* clang-format on */

/* erfc(t) for t >= 0 */
SD_INLINE float fm_erfc(float t) {
    float u = (t - 2.75f) / (t + 2.75f);
    return fm_exp(-t * t) * FM_ERFC_FACTOR(FM_FMA, FM_ERFC_FIRST, u);
}

/* 2^x for x <= 0: 2^n 2^r, n = round(x), 2^r by a polynomial of degree 6, interpolating at Chebyshev's nodes; relative
 * error below 7.3e-8. Below -125.5 the result is that of -125.5, so that none is subnormal. */
#define FM_EXP2_TERMS                                                                                                  \
    { 1.546144485e-04f, 1.340042800e-03f, 9.618056938e-03f, 5.550327152e-02f, 2.402265072e-01f, 6.931471825e-01f, 1.0f }
SD_INLINE float fm_exp2(float x) {
    const float terms[] = FM_EXP2_TERMS, magic = 12582912.0f;
    x = -125.5f > x ? -125.5f : x;
    float shifted = x + magic, r = x - (shifted - magic), p = terms[0];
    for (int k = 1; k <= 6; k++) p = FM_FMA(p, r, terms[k]);
    uint32_t bits, power;
    memcpy(&bits, &p, 4);
    memcpy(&power, &shifted, 4);
    bits += power << 23; /* adds n to the exponent */
    memcpy(&p, &bits, 4);
    return p;
}

SD_INLINE float fm_silu(float x) { return x / (1.0f + fm_exp(-x)); }
SD_INLINE float fm_quick_gelu(float x) { return x / (1.0f + fm_exp(-1.702f * x)); }

/* max(x, 0) - |x| Phi(-|x|) */
SD_INLINE float fm_gelu(float x) {
    float size = x > -x ? x : -x, t = size * 0.70710678f, u = (t - 2.75f) / (t + 2.75f);
    float half = 0.5f * FM_ERFC_FACTOR(FM_FMA, FM_ERFC_FIRST, u);
    return FM_FMA(-size, fm_exp(-t * t) * half, 0.0f > x ? 0.0f : x);
}

/* The double functions are for the few values computed once per step. */

/* e^x for |x| < 700: Taylor to degree 13 on |r| <= ln(2)/2, relative error below 2e-16 times a few. */
SD_INLINE double fm_exp64(double x) {
    double magic = 6755399441055744.0; /* 1.5 * 2^52 */
    double n = (x * 1.4426950408889634 + magic) - magic;
    double r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
    double p = 1.0;
    for (int k = 13; k >= 1; k--) p = 1.0 + p * r / k;
    uint64_t power = (uint64_t)((int64_t)n + 1023) << 52;
    double scale;
    memcpy(&scale, &power, 8);
    return p * scale;
}

/* tanh x = (1 - e) / (1 + e), e = e^(-2|x|), with the sign of x: within half a step of f32 and a little. */
SD_INLINE float fm_tanh(float x) {
    double size = x < 0.0f ? -(double)x : (double)x, e;
    if (x != x) return x;
    e = fm_exp64(-2.0 * (size < 20.0 ? size : 20.0));
    e = (1.0 - e) / (1.0 + e);
    return (float)(x < 0.0f ? -e : e);
}

/* sin and cos of |x| < 1e5: three-piece reduction by pi/2, Taylor to degree 17 and 18 on |r| <= pi/4. */
SD_INLINE void fm_sincos64(double x, double *s, double *c) {
    double magic = 6755399441055744.0;
    double n = (x * 0.63661977236758134308 + magic) - magic;
    double r = ((x - n * 1.57079632673412561417e+00) - n * 6.07710050630396597660e-11) - n * 2.02226624879595063154e-21;
    double r2 = r * r, sine = 1.0, cosine = 1.0;
    for (int k = 16; k >= 2; k -= 2) sine = 1.0 - sine * r2 / (k * (k + 1));
    for (int k = 17; k >= 1; k -= 2) cosine = 1.0 - cosine * r2 / (k * (k + 1));
    sine *= r;
    switch ((int64_t)n & 3) {
    case 0: *s = sine, *c = cosine; break;
    case 1: *s = cosine, *c = -sine; break;
    case 2: *s = -sine, *c = -cosine; break;
    default: *s = -cosine, *c = sine; break;
    }
}

#endif
