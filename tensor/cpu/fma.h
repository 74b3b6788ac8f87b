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
#error "f32 must be computed in f32: compile with -msse2 -mfpmath=sse (i386), -fexcess-precision=fast (s390x)"
#endif

#if defined __FMA__ || defined __FP_FAST_FMAF || defined __aarch64__ || defined __ARM_FEATURE_FMA ||                   \
    defined __riscv_flen || defined __powerpc64__ || defined __s390x__ || defined __wasm_relaxed_simd__
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
#elif defined __wasm_simd128__
#include <wasm_simd128.h>
#endif

/* Emulated: the product is exact in double; the sum is rounded to odd there (Boldo and Melquiond 2008, "Emulation of
 * FMA and correctly rounded sums"), which leaves the one rounding to f32, subnormal results included. */
static inline __attribute__((always_inline)) float fma1(float a, float b, float c) {
#if defined __wasm_relaxed_simd__
    return wasm_f32x4_extract_lane(
        wasm_f32x4_relaxed_madd(wasm_f32x4_splat(a), wasm_f32x4_splat(b), wasm_f32x4_splat(c)), 0);
#elif defined FMA_INSTRUCTION
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

#if defined SDC_EMULATE_FMA && (defined __SSE2__ || defined __wasm_simd128__)
#define FMA_BY_TWO 1
typedef double Pair __attribute__((vector_size(16)));
typedef int32_t Bits __attribute__((vector_size(16)));
typedef uint32_t Whole __attribute__((vector_size(16)));

/* The lower two numbers in double, the upper two in their place, two pairs as four numbers; the lower halves of four
 * doubles; whether any of four is -1 (and none but 0). */
#if defined __SSE2__
static inline __attribute__((always_inline)) Pair widen_low(V x) { return (Pair)_mm_cvtps_pd((__m128)x); }
static inline __attribute__((always_inline)) V upper_two(V x) { return (V)_mm_movehl_ps((__m128)x, (__m128)x); }
static inline __attribute__((always_inline)) V narrow(Pair low, Pair high) {
    return (V)_mm_movelh_ps(_mm_cvtpd_ps((__m128d)low), _mm_cvtpd_ps((__m128d)high));
}
static inline __attribute__((always_inline)) Whole lower_halves(Pair low, Pair high) {
    return (Whole)_mm_shuffle_ps((__m128)low, (__m128)high, _MM_SHUFFLE(2, 0, 2, 0));
}
static inline __attribute__((always_inline)) int any(Bits x) { return _mm_movemask_ps((__m128)x); }
#else
static inline __attribute__((always_inline)) Pair widen_low(V x) {
    return (Pair)wasm_f64x2_promote_low_f32x4((v128_t)x);
}
static inline __attribute__((always_inline)) V upper_two(V x) {
    return (V)wasm_i64x2_shuffle((v128_t)x, (v128_t)x, 1, 1);
}
static inline __attribute__((always_inline)) V narrow(Pair low, Pair high) {
    v128_t a = wasm_f32x4_demote_f64x2_zero((v128_t)low), b = wasm_f32x4_demote_f64x2_zero((v128_t)high);
    return (V)wasm_i64x2_shuffle(a, b, 0, 2);
}
static inline __attribute__((always_inline)) Whole lower_halves(Pair low, Pair high) {
    return (Whole)wasm_i32x4_shuffle((v128_t)low, (v128_t)high, 0, 2, 4, 6);
}
static inline __attribute__((always_inline)) int any(Bits x) { return wasm_v128_any_true((v128_t)x); }
#endif

/* Of the lower two numbers, rounded to double. */
static inline __attribute__((always_inline)) Pair fma_wide(V a, V b, V c) {
    return widen_low(a) * widen_low(b) + widen_low(c);
}

/* Whether one of the sums may not be rounded once more, to y: it is half-way between two f32 (the 29 bits that f32 has
 * not are 1 and zeros), or y is 2^-126 or less and not 0, where f32 has fewer bits still. A sum that is 0 in f32 is
 * exact in double: of p = a b, a number of 48 bits, and c, which is 0 or at least 2^-149. */
static inline __attribute__((always_inline)) int rounded_twice(Pair low, Pair high, V y) {
    Bits half_way = lower_halves(low, high) << 3 == 0x80000000;
    Whole size = ((Whole)y << 1) - 1; /* 2 abs(y) - 1; with the sign turned it is compared as if it had none */
    Bits tiny = (Bits)(size ^ 0x80000000) < INT32_MIN + 0x01000000;
    return any(half_way | tiny);
}
#endif

#if defined SDC_EMULATE_FMA
/* Not inlined: unrolled transforms of nothing else take a compiler minutes. */
static __attribute__((noinline, unused)) V fma_called(V a, V b, V c) { return fma_each(a, b, c); }
#endif

static inline __attribute__((always_inline)) V fma_v(V a, V b, V c) {
#if defined __AVX512F__
    return (V)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined __FMA__
    return (V)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined __aarch64__
    return (V)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#elif defined __wasm_relaxed_simd__
    return (V)wasm_f32x4_relaxed_madd((v128_t)a, (v128_t)b, (v128_t)c);
#elif defined FMA_BY_TWO
    Pair low = fma_wide(a, b, c), high = fma_wide(upper_two(a), upper_two(b), upper_two(c));
    V y = narrow(low, high);
    return rounded_twice(low, high, y) ? fma_called(a, b, c) : y;
#elif defined FMA_INSTRUCTION
    return fma_each(a, b, c);
#elif defined SDC_EMULATE_FMA
    return fma_called(a, b, c);
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
