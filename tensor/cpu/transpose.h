/* transpose.h: transposes squares of VW x VW words in registers. */
#ifndef SD_TENSOR_CPU_TRANSPOSE_H
#define SD_TENSOR_CPU_TRANSPOSE_H

#include "exponent.h"

#if defined __clang__
#define TRANSPOSE_MIX(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define TRANSPOSE_MIX(a, b, ...) __builtin_shuffle(a, b, (VI){__VA_ARGS__})
#endif

/* Interleaves the first halves of a and b; and the second halves. */
#if defined __AVX512F__
#define TRANSPOSE_LOW(a, b) TRANSPOSE_MIX(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define TRANSPOSE_HIGH(a, b) TRANSPOSE_MIX(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif defined __AVX2__
#define TRANSPOSE_LOW(a, b) TRANSPOSE_MIX(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define TRANSPOSE_HIGH(a, b) TRANSPOSE_MIX(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define TRANSPOSE_LOW(a, b) TRANSPOSE_MIX(a, b, 0, 4, 1, 5)
#define TRANSPOSE_HIGH(a, b) TRANSPOSE_MIX(a, b, 2, 6, 3, 7)
#endif

/* Transposes a. Each round exchanges one bit of an element's column number for one of its row number; after as many
 * rounds as there are bits, row and column have changed places. */
static inline __attribute__((always_inline)) void transpose_registers(V a[VW]) {
    V b[VW];
#pragma GCC unroll 4
    for (int round = 1; round < VW; round *= 2) {
#pragma GCC unroll 8
        for (int i = 0; i < VW / 2; i++) {
            b[2 * i] = TRANSPOSE_LOW(a[i], a[i + VW / 2]);
            b[2 * i + 1] = TRANSPOSE_HIGH(a[i], a[i + VW / 2]);
        }
#pragma GCC unroll 16
        for (int i = 0; i < VW; i++) a[i] = b[i];
    }
}

/* to[c][r] = from[r][c] scale[c]; rows are ldt and ldf apart. */
static inline __attribute__((always_inline)) void transpose_square(float *to, int64_t ldt, const float *from,
                                                                   int64_t ldf, V scale) {
    V a[VW];
#pragma GCC unroll 16
    for (int i = 0; i < VW; i++) a[i] = *(const V *)(from + i * ldf) * scale;
    transpose_registers(a);
#pragma GCC unroll 16
    for (int i = 0; i < VW; i++) *(V *)(to + i * ldt) = a[i];
}

/* The same for words, without a scale. */
static inline __attribute__((always_inline)) void transpose_words(uint32_t *to, int64_t ldt, const uint32_t *from,
                                                                  int64_t ldf) {
    V a[VW];
#pragma GCC unroll 16
    for (int i = 0; i < VW; i++) a[i] = *(const V *)(from + i * ldf);
    transpose_registers(a);
#pragma GCC unroll 16
    for (int i = 0; i < VW; i++) *(V *)(to + i * ldt) = a[i];
}

#endif
