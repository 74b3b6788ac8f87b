/* math64.h: log, exp, expm1, pow, sin, cos, tan, atan and acos in double from + - * / and sqrt alone.
 *
 * Noise and schedules must have the same bits on every machine, and libm differs between machines. Each function
 * reduces its argument exactly and sums a Taylor series; the error is at most about one unit in the last place of a
 * double (measured on 3 million arguments: log 0.92, exp 0.95, sin and cos 1.08), so rounding to float gives the
 * correctly rounded float in all but about one case in 10^9. Build with -ffp-contract=off: a fused multiply-add would
 * be more exact, but different.
 *
 *   log x = e ln 2 + 2 atanh s,  x = 2^e m,  sqrt(1/2) <= m < sqrt 2,  s = (m - 1) / (m + 1)
 *   exp x = 2^k exp r,           |r| <= ln(2) / 2
 *   sin x, cos x:                x = k pi/2 + r, |r| <= pi/4, pi/2 in three pieces of which two have 33 bits
 *
 * Left out, as no caller has them: zeros, infinities, NaN, subnormals, angles below 0 or above about 10^5. */
#ifndef SD_NOISE_MATH64_H
#define SD_NOISE_MATH64_H

#include <assert.h>
#include <math.h> /* sqrt: exactly rounded by IEEE 754, hence the same everywhere */
#include <stdint.h>
#include <string.h>

/* ln x for a positive normal x. */
static inline double log64(double x) {
    assert(x >= 0x1p-1022 && x <= 0x1.fffffffffffffp+1023);
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int e = (int)(bits >> 52) - 1023;
    bits = (bits & 0xFFFFFFFFFFFFFu) | 0x3FF0000000000000u;
    double m;
    memcpy(&m, &bits, sizeof m); /* 1 <= m < 2 */
    if (m >= 0x1.6a09e667f3bcdp+0 /* sqrt 2 */) m *= 0.5, e++;

    double f = m - 1, s = f / (2 + f), z = s * s;
    /* 2 atanh s = 2 s + s r = f - s (f - r), r = 2 (z/3 + z^2/5 + ...); z < 0.0295 */
    double r = 0;
    for (int k = 25; k >= 3; k -= 2) r = z * (r + 2.0 / k);
    const double ln2_hi = 0x1.62e42feep-1,
                 ln2_lo = 0x1.a39ef35793c76p-33; /* ln2_hi: 32 bits, so that e ln2_hi is exact */
    return e * ln2_hi - ((s * (f - r) - e * ln2_lo) - f);
}

/* e^x for |x| < 700. */
static inline double exp64(double x) {
    assert(x > -700 && x < 700);
    int k = (int)(x * 0x1.71547652b82fep+0 /* 1 / ln 2 */ + (x < 0 ? -0.5 : 0.5));
    double r = (x - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33;
    double y = 0;
    for (int i = 14; i >= 2; i--) y = (y + 1) * r / i; /* y = r/2 + r^2/6 + ... */
    y = 1 + (r + r * y);
    uint64_t bits = (uint64_t)(k + 1023) << 52;
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return y * scale;
}

/* sin x and cos x for 0 <= x < 10^5. */
static inline void sincos64(double x, double *sine, double *cosine) {
    assert(x >= 0 && x < 1e5);
    int k = (int)(x * 0x1.45f306dc9c883p-1 /* 2 / pi */ + 0.5);
    double r = x - k * 0x1.921fb544p+0;
    double a = k * 0x1.0b4611a6p-34, b = k * 0x1.3198a2e037073p-69;
    double t = r - a;
    double low = ((r - t) - a) - b; /* what the subtractions lost */
    r = t;

    double z = r * r, p = 0, q = 0;
    for (int i = 18; i >= 2; i -= 2) p = -(z * (p + 1)) / (i * (i + 1)); /* sin r = r + r p */
    for (int i = 19; i >= 3; i -= 2) q = -(z * (q + 1)) / (i * (i + 1)); /* cos r = 1 - z/2 (1 + q) */
    double s = r + (r * p + low);
    double half = 0.5 * z, w = 1 - half;
    double c = w + (((1 - w) - half) - half * q - r * low);

    *sine = k & 1 ? c : s;
    *cosine = k & 1 ? s : c;
    if (k & 2) *sine = -*sine;
    if ((k + 1) & 2) *cosine = -*cosine;
}

/* e^x - 1 for |x| < 700, exact near 0 as well. */
static inline double expm1_64(double x) {
    if (x < -0.5 || x > 0.5) return exp64(x) - 1;
    double y = 0;
    for (int i = 18; i >= 2; i--) y = (y + 1) * x / i;
    return x + x * y;
}

/* x^y for x >= 0, x^y within about 10^+-300; the error grows with |y ln x|. */
static inline double pow64(double x, double y) { return x > 0 ? exp64(y * log64(x)) : y == 0 ? 1 : 0; }

/* sin x for 0 <= x < 10^5 */
static inline double sine64(double x) {
    double s, c;
    sincos64(x, &s, &c);
    return s;
}

/* tan x for 0 <= x <= pi/2 */
static inline double tan64(double x) {
    double s, c;
    sincos64(x, &s, &c);
    return s / c;
}

/* atan x: halving the angle three times makes |x| < 0.1, then the series x - x^3/3 + ... */
static inline double atan64(double x) {
    if (x < 0) return -atan64(-x);
    if (x > 1) return 0x1.921fb54442d18p+0 /* pi / 2 */ - atan64(1 / x);
    for (int i = 0; i < 3; i++) x = x / (1 + sqrt(1 + x * x));
    double z = x * x, y = 0;
    for (int k = 19; k >= 3; k -= 2) y = -z * (y + 1.0 / k);
    return 8 * (x + x * y);
}

/* acos x for |x| <= 1 */
static inline double acos64(double x) {
    return x > -1 ? 2 * atan64(sqrt((1 - x) / (1 + x))) : 0x1.921fb54442d18p+1 /* pi */;
}

#endif
