/* In sd/guide/plain.c: noise(). */
/* noise.c: standard normal numbers from seeds.
 *
 * Box-Muller: for uniform u, v in (0,1]:  sqrt(-2 ln u) cos(2 pi v)  and  sqrt(-2 ln u) sin(2 pi v)  are two
 * independent standard normals. Three forms of it are in use, and the bits depend on the form:
 *
 *  - NV: u, v from two 32-bit words, sine only, in double (the webui's modules/rng_philox.py).
 *
 *  - CPU, n < 16: u, v from 53 bits each, cosine first, the sine kept for later, in double (ATen's
 *    core/DistributionsHelper.h, normal_distribution).
 *
 *  - CPU, n >= 16: 24-bit uniforms, eight pairs at a time in float with Cephes' polynomials and fused multiply-adds
 *    (ATen's native/cpu/DistributionTemplates.h, normal_fill_AVX2, and avx_mathfun.h as GCC contracts it). A torch
 *    without AVX2 (ATEN_CPU_CAPABILITY=default, ARM) has other last bits; ours are AVX2's everywhere.
 *
 * Generators: M. Matsumoto, T. Nishimura, "Mersenne Twister" (1998); J. Salmon et al., "Parallel Random Numbers: As
 * Easy as 1, 2, 3" (2011).
 *
 * Left out: types other than float32, and what a real GPU does with more numbers than it has threads, which depends on
 * the GPU. */
#include "noise.h"

#include "math64.h"

#include <assert.h>
#include <math.h> /* fmaf, sqrt, sqrtf: exactly rounded by IEEE 754, hence the same everywhere */

/* mt19937 */

enum { MT_SHIFT = 397, BLOCK = 16 };

static void mt_seed(Noise *g) {
    g->state[0] = (uint32_t)g->seed;
    for (uint32_t i = 1; i < MT_WORDS; i++) g->state[i] = 1812433253u * (g->state[i - 1] ^ (g->state[i - 1] >> 30)) + i;
    g->next = MT_WORDS;
}

static void mt_twist(Noise *g) {
    uint32_t *s = g->state;
    for (int i = 0; i < MT_WORDS; i++) {
        uint32_t y = (s[i] & 0x80000000u) | (s[(i + 1) % MT_WORDS] & 0x7FFFFFFFu);
        s[i] = s[(i + MT_SHIFT) % MT_WORDS] ^ (y >> 1) ^ (y & 1 ? 0x9908B0DFu : 0);
    }
    g->next = 0;
}

static uint32_t mt_word(Noise *g) {
    if (g->next == MT_WORDS) mt_twist(g);
    uint32_t y = g->state[g->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9D2C5680u;
    y ^= (y << 15) & 0xEFC60000u;
    return y ^ (y >> 18);
}

static float uniform24(Noise *g) { return (float)(mt_word(g) & 0xFFFFFF) * 0x1p-24f; }

static double uniform53(Noise *g) {
    uint64_t high = mt_word(g), low = mt_word(g);
    return (double)((high << 32 | low) & 0x1FFFFFFFFFFFFFu) * 0x1p-53;
}

/* CPU, n < 16: one at a time. torch has log1p(-v); 1 - v is exact for 53-bit uniforms, so log gives the same. */
static float normal_one(Noise *g) {
    if (g->has_second) {
        g->has_second = false;
        return (float)g->second;
    }
    double u = uniform53(g), v = uniform53(g), sine, cosine;
    double r = sqrt(-2 * log64(1 - v));
    sincos64(6.283185307179586 /* 2 pi */ * u, &sine, &cosine);
    g->second = r * sine;
    g->has_second = true;
    return (float)(r * cosine);
}

/* Cephes' logf for 2^-24 <= x <= 1, in the order of avx_mathfun.h's log256_ps. */
static float cephes_log(float x) {
    int exponent;
    float m = frexpf(x, &exponent), e = (float)exponent; /* 1/2 <= m < 1; exact */
    float f = m - 1;
    if (m < 0.707106781186547524f) f += m, e -= 1;
    float z = f * f, y = 7.0376836292E-2f;
    y = fmaf(y, f, -1.1514610310E-1f);
    y = fmaf(y, f, 1.1676998740E-1f);
    y = fmaf(y, f, -1.2420140846E-1f);
    y = fmaf(y, f, 1.4249322787E-1f);
    y = fmaf(y, f, -1.6668057665E-1f);
    y = fmaf(y, f, 2.0000714765E-1f);
    y = fmaf(y, f, -2.4999993993E-1f);
    y = fmaf(y, f, 3.3333331174E-1f);
    y = y * f;
    y = fmaf(y, z, e * -2.12194440e-4f); /* ln 2 = 0.693359375 - 2.12194440e-4 */
    y = fmaf(-z, 0.5f, y);
    return fmaf(e, 0.693359375f, f + y);
}

/* Cephes' sinf and cosf for x >= 0, in the order of avx_mathfun.h's sincos256_ps: octant j, made even. */
static void cephes_sincos(float x, float *sine, float *cosine) {
    int j = ((int)(x * 1.27323954473516f /* 4 / pi */) + 1) & ~1;
    float y = (float)j;
    x = fmaf(y, -0.78515625f, x); /* pi / 4 in three pieces */
    x = fmaf(y, -2.4187564849853515625e-4f, x);
    x = fmaf(y, -3.77489497744594108e-8f, x);
    float z = x * x;
    float c = fmaf(2.443315711809948E-5f, z, -1.388731625493765E-3f);
    c = fmaf(c, z, 4.166664568298827E-2f);
    c = c * z;
    c = fmaf(c, z, -(z * 0.5f));
    c = c + 1;
    float s = fmaf(-1.9515295891E-4f, z, 8.3321608736E-3f);
    s = fmaf(s, z, -1.6666654611E-1f);
    s = s * z;
    s = fmaf(s, x, x);
    *sine = j & 2 ? c : s;
    *cosine = j & 2 ? s : c;
    if (j & 4) *sine = -*sine;
    if ((j + 2) & 4) *cosine = -*cosine;
}

/* d[16]: uniforms in, normals out; elements i and i + 8 are a pair. */
static void normal_block(float *d) {
    for (int i = 0; i < BLOCK / 2; i++) {
        float sine, cosine, r = sqrtf(-2 * cephes_log(1 - d[i]));
        cephes_sincos(6.283185307179586f * d[i + BLOCK / 2], &sine, &cosine);
        d[i] = r * cosine + 0; /* torch adds the mean: -0 becomes 0 */
        d[i + BLOCK / 2] = r * sine + 0;
    }
}

static void fill_cpu(Noise *g, float *out, int64_t n) {
    if (n < BLOCK) {
        for (int64_t i = 0; i < n; i++) out[i] = normal_one(g);
        return;
    }
    for (int64_t i = 0; i < n; i++) out[i] = uniform24(g);
    for (int64_t i = 0; i + BLOCK <= n; i += BLOCK) normal_block(out + i);
    if (n % BLOCK) { /* the uniforms left over go unused: the last 16 are drawn anew */
        float *last = out + n - BLOCK;
        for (int i = 0; i < BLOCK; i++) last[i] = uniform24(g);
        normal_block(last);
    }
}

/* Philox4x32-10: ten rounds over a counter of four words, c, under a key of two. */
static void philox(uint32_t c[4], uint32_t key0, uint32_t key1) {
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)c[0] * 0xD2511F53u, b = (uint64_t)c[2] * 0xCD9E8D57u;
        c[0] = (uint32_t)(b >> 32) ^ c[1] ^ key0;
        c[1] = (uint32_t)b;
        c[2] = (uint32_t)(a >> 32) ^ c[3] ^ key1;
        c[3] = (uint32_t)a;
        key0 += 0x9E3779B9u; /* the golden ratio */
        key1 += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
}

static void fill_nv(Noise *g, float *out, int64_t n) {
    /* float constants in double arithmetic, as numpy promotes them: 2^-32 and 2 pi 2^-32, nearly */
    const double a = 2.3283064e-10f, b = (float)(2.3283064e-10 * 6.2831855);
    for (int64_t i = 0; i < n; i++) {
        uint32_t c[4] = {g->draws, 0, (uint32_t)i, 0};
        philox(c, (uint32_t)g->seed, (uint32_t)(g->seed >> 32));
        double u = c[0] * a + a / 2, v = c[1] * b + b / 2, sine, cosine;
        sincos64(v, &sine, &cosine);
        out[i] = (float)(sqrt(-2 * log64(u)) * sine);
    }
    g->draws++;
}

void noise_init(Noise *g, SdRng kind, uint64_t seed) {
    *g = (Noise){.kind = kind, .seed = seed};
    if (kind == SD_RNG_CPU) mt_seed(g);
}

void noise_fill(Noise *g, float *out, int64_t n) {
    assert(n >= 0 && (out || n == 0));
    if (g->kind == SD_RNG_CPU) fill_cpu(g, out, n);
    else fill_nv(g, out, n);
}
