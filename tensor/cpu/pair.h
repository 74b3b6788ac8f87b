/* pair.h: two bf16 numbers in a 32-bit word, that of the even step of k in the low half, and their product.
 *
 * pair_dot is vdpbf16ps: sum + a1 b1, then + a0 b0, each product exact and each sum rounded to f32. A twin in plain C
 * computes the same sums on machines without the instruction, so that every machine can test the logic. They differ
 * only for subnormal numbers (below 1.2e-38), which the instruction treats as zeros. */
#ifndef SD_TENSOR_CPU_PAIR_H
#define SD_TENSOR_CPU_PAIR_H

#include "tensor/half.h"
#include "isa.h"

#include <string.h>

#if defined __AVX512BF16__
#include <immintrin.h>
#endif

typedef uint32_t VU __attribute__((vector_size(4 * VW), aligned(4), may_alias));

static inline __attribute__((always_inline)) V pair_dot(V sum, VU a, VU b) {
#if defined __AVX512BF16__
    return (V)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
#else
    const uint32_t high = 0xffff0000u;
    sum += (V)(a & high) * (V)(b & high);
    return sum + (V)(a << 16) * (V)(b << 16);
#endif
}

/* Rounds to the nearest bf16, ties to even, in the high half of each word; NaN stays NaN. */
static inline __attribute__((always_inline)) VU bf16_high(V v) {
    VU u = (VU)v, rounded = u + 0x7fffu + (u >> 16 & 1);
    VU nan = (VU)((u & 0x7fffffffu) > 0x7f800000u);
    return ((rounded & ~nan) | ((u | 0x400000u) & nan)) & 0xffff0000u;
}

/* The words that hold the pairs (even, odd). */
static inline __attribute__((always_inline)) VU pair_of(V even, V odd) {
#if defined __AVX512BF16__
    const VU places = {0x100000, 0x110001, 0x120002, 0x130003, 0x140004, 0x150005, 0x160006, 0x170007,
                       0x180008, 0x190009, 0x1a000a, 0x1b000b, 0x1c000c, 0x1d000d, 0x1e000e, 0x1f000f};
    return (VU)_mm512_permutexvar_epi16((__m512i)places, (__m512i)_mm512_cvtne2ps_pbh((__m512)odd, (__m512)even));
#else
    return bf16_high(even) >> 16 | bf16_high(odd);
#endif
}

/* The words of 2 VW numbers next to each other. */
static inline __attribute__((always_inline)) VU pairs_along(V first, V second) {
#if defined __AVX512BF16__
    return (VU)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
#else
    VU a = bf16_high(first), b = bf16_high(second), words;
    for (int i = 0; i < VW / 2; i++) {
        words[i] = a[2 * i] >> 16 | a[2 * i + 1];
        words[VW / 2 + i] = b[2 * i] >> 16 | b[2 * i + 1];
    }
    return words;
#endif
}

/* Packs a row of n numbers into (n + 1) / 2 words; if n is odd, the last half is 0. */
static inline void pair_row(uint32_t *out, const float *in, int64_t n) {
    int64_t i = 0;
#if defined __AVX512BF16__
    for (; i + 16 <= n; i += 16)
        _mm256_storeu_si256((void *)(out + i / 2), (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(in + i)));
    if (i < n) {
        __m512 rest = _mm512_maskz_loadu_ps((__mmask16)((1u << (n - i)) - 1), in + i);
        __mmask8 words = (__mmask8)((1u << ((n - i + 1) / 2)) - 1);
        _mm256_mask_storeu_epi32(out + i / 2, words, (__m256i)_mm512_cvtneps_pbh(rest));
    }
#else
    for (; i + 2 <= n; i += 2) out[i / 2] = f32_to_bf16(in[i]) | (uint32_t)f32_to_bf16(in[i + 1]) << 16;
    if (i < n) out[i / 2] = f32_to_bf16(in[i]);
#endif
}

/* words[(k + 1) / 2][width] = pairs of rows of in[k][width], rows ldi apart; if k is odd, the last pairs with zeros. */
static inline void pair_rows(uint32_t *words, const float *in, int64_t ldi, int64_t k, int64_t width) {
    for (int64_t p = 0; p < k; p += 2, words += width) {
        const float *even = in + p * ldi, *odd = even + ldi;
        int64_t i = 0;
        for (; i + VW <= width; i += VW)
            *(VU *)(words + i) = pair_of(*(const V *)(even + i), p + 1 < k ? *(const V *)(odd + i) : (V){0});
#if defined __AVX512BF16__
        if (i == width) continue;
        __mmask16 rest = (__mmask16)((1u << (width - i)) - 1);
        V last = p + 1 < k ? (V)_mm512_maskz_loadu_ps(rest, odd + i) : (V){0};
        _mm512_mask_storeu_epi32(words + i, rest, (__m512i)pair_of((V)_mm512_maskz_loadu_ps(rest, even + i), last));
#else
        for (; i < width; i++) words[i] = f32_to_bf16(even[i]) | (p + 1 < k ? (uint32_t)f32_to_bf16(odd[i]) << 16 : 0);
#endif
    }
}

#endif
