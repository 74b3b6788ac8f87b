/* fma.h: a b + c with one rounding, for vectors and numbers.
 *
 * Kernels are compiled with -ffp-contract=off: a product and a sum are fused where the source says fma, and nowhere
 * else, so that every compiler and instruction set computes the same bits. A processor without the instruction either
 * multiplies and then adds (FUSES 0: last bits differ), or emulates it (SDC_EMULATE_FMA, the table `exact`). */
#ifndef SD_TENSOR_CPU_FMA_H
#define SD_TENSOR_CPU_FMA_H

#include "isa.h"

#include <stdint.h>
#include <string.h>

#if defined __FLT_EVAL_METHOD__ && __FLT_EVAL_METHOD__ != 0
#error "f32 must be computed in f32: on i386 compile with -msse2 -mfpmath=sse"
#endif

#if defined __FMA__ || defined __FP_FAST_FMAF || defined __aarch64__ || defined __ARM_FEATURE_FMA ||                   \
    defined __riscv_flen || defined __powerpc64__ || defined __s390x__
#define FMA_INSTRUCTION 1
enum { FUSES = 1 };
#elif defined SDC_EMULATE_FMA
enum { FUSES = 1 };
#else
enum { FUSES = 0 };
#endif

#if defined __SSE2__
#include <immintrin.h>
#elif defined __aarch64__
#include <arm_neon.h>
#endif

/* Emulated: the product is exact in double; the sum is rounded to odd there (Boldo and Melquiond 2008, "Emulation of
 * FMA and correctly rounded sums"), which leaves the one rounding to f32, subnormal results included. */
static inline __attribute__((always_inline)) float fma1(float a, float b, float c) {
#if defined FMA_INSTRUCTION
    return __builtin_fmaf(a, b, c);
#elif defined SDC_EMULATE_FMA
    double product = (double)a * b, sum = product + c, part = sum - product;
    double error = (product - (sum - part)) + (c - part);
    int64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    int64_t away = (error > 0) == (sum > 0) ? 1 : -1, inexact = (error > 0) | (error < 0);
    bits += away & -(inexact & ~bits & 1);
    memcpy(&sum, &bits, sizeof sum);
    return (float)sum;
#else
    return a * b + c;
#endif
}

static inline __attribute__((always_inline)) V splat(float x) {
#if defined __AVX512F__
    return (V)_mm512_set1_ps(x);
#elif defined __AVX2__
    return (V)_mm256_set1_ps(x);
#else
    return (V){x, x, x, x};
#endif
}

static inline __attribute__((always_inline)) V fma_each(V a, V b, V c) {
    V v;
    for (int i = 0; i < VW; i++) v[i] = fma1(a[i], b[i], c[i]);
    return v;
}

#if defined SDC_EMULATE_FMA && defined __SSE2__
/* Of two numbers, rounded to double. */
static inline __attribute__((always_inline)) __m128d fma_wide(__m128 a, __m128 b, __m128 c) {
    return _mm_add_pd(_mm_mul_pd(_mm_cvtps_pd(a), _mm_cvtps_pd(b)), _mm_cvtps_pd(c));
}

/* Signs of those that may not be rounded once more: half-way between two f32, or subnormal. */
static inline __attribute__((always_inline)) __m128d twice(__m128d sum) {
    const __m128i rest = _mm_set1_epi64x(0x1fffffff), half = _mm_set1_epi64x(0x10000000), one = _mm_set1_epi64x(-1);
    const __m128d least = _mm_set1_pd(0x1p-126), sign = _mm_set1_pd(-0.0);
    __m128i middle = _mm_add_epi64(_mm_xor_si128(_mm_and_si128(_mm_castpd_si128(sum), rest), half), one);
    __m128d tiny = _mm_and_pd(_mm_cmplt_pd(_mm_andnot_pd(sign, sum), least), _mm_cmpneq_pd(sum, _mm_setzero_pd()));
    return _mm_or_pd(_mm_castsi128_pd(middle), tiny);
}

static __attribute__((noinline, unused)) V fma_rarely(V a, V b, V c) { return fma_each(a, b, c); }
#endif

static inline __attribute__((always_inline)) V fma_v(V a, V b, V c) {
#if defined __AVX512F__
    return (V)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined __FMA__
    return (V)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined __aarch64__
    return (V)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#elif defined SDC_EMULATE_FMA && defined __SSE2__
    const __m128 x = (__m128)a, y = (__m128)b, z = (__m128)c;
    __m128d low = fma_wide(x, y, z);
    __m128d high = fma_wide(_mm_movehl_ps(x, x), _mm_movehl_ps(y, y), _mm_movehl_ps(z, z));
    if (_mm_movemask_pd(_mm_or_pd(twice(low), twice(high)))) return fma_rarely(a, b, c);
    return (V)_mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
#elif defined FMA_INSTRUCTION || defined SDC_EMULATE_FMA
    return fma_each(a, b, c);
#else
    return a * b + c;
#endif
}

/* a x + c; x b + c, with numbers for one of the vectors */
static inline __attribute__((always_inline)) V fma_by(float a, V x, V c) { return fma_v(splat(a), x, c); }
static inline __attribute__((always_inline)) V fma_to(V x, V b, float c) { return fma_v(x, b, splat(c)); }

#define FM_FMA fma1
#include "tensor/fmath.h"

#endif
