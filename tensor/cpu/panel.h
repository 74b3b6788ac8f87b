/* panel.h: y[m][n] (+)= x[m][k] panel[k][PANEL], the kernel under every product of the CPU backend.
 *
 * A panel is PANEL columns of the right-hand side, row after row, 64-byte aligned, f32. Columns past the last are zeros
 * (or anything finite: they are computed but not stored). x is where the layer left it, rows ldx apart. Each element of
 * y is summed over k from 0 upwards in one accumulator; when accumulating, the old y is added last. So an element's
 * bits depend only on its row of x, its column of the panel and k: not on m, on n, or on where it lies. */
#ifndef SD_TENSOR_CPU_PANEL_H
#define SD_TENSOR_CPU_PANEL_H

#include "tensor/tensor.h"
#include "isa.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PANEL = 32 };

/* n: columns stored, 1 to PANEL. y is not read unless `accumulate`. */
void K(panel_product)(int64_t m, int64_t k, const float *x, int64_t ldx, const float *panel, float *y, int64_t ldy,
                      int64_t n, bool accumulate);
/* What is read next, for tiles to prefetch: a line of 64 bytes in each step of K (for pairs, two). AHEAD_ROWS lines
 * `across` bytes apart, then as many `along` bytes after those, and so on; the next tile begins `skip` bytes further,
 * up to `end`. at NULL: whatever follows the panel. */
typedef struct {
    const char *at, *end;
    int64_t across, along, skip;
} Ahead;

enum { AHEAD_ROWS = 16 };

/* `bytes` contiguous bytes, for tiles of `steps` steps. */
static inline Ahead ahead_bytes(const void *at, size_t bytes, int64_t steps) {
    return (Ahead){at, (const char *)at + bytes, 64, 64 * AHEAD_ROWS, 64 * steps};
}

/* The beginnings of `rows` rows, `apart` bytes apart. */
static inline Ahead ahead_rows(const void *at, int64_t rows, int64_t apart) {
    return (Ahead){at, (const char *)at + rows * apart, apart, 64, AHEAD_ROWS * apart};
}

/* panel_product, which also prefetches what is read next. */
void K(panel_product_then)(int64_t m, int64_t k, const float *x, int64_t ldx, const float *panel, float *y, int64_t ldy,
                           int64_t n, bool accumulate, Ahead next);
/* The same with a panel of F16 or BF16. If m > 1 it is left widened in `buffer`, [k][PANEL]. k <= 320. */
void K(panel_product_widening)(int64_t m, int64_t k, const float *x, int64_t ldx, const uint16_t *panel, DType type,
                               float *buffer, float *y, int64_t ldy, int64_t n, bool accumulate, Ahead next);
/* panel_product with x given as [k][m], its rows ldx apart. */
void K(panel_product_transposed)(int64_t m, int64_t k, const float *x, int64_t ldx, const float *panel, float *y,
                                 int64_t ldy, int64_t n, bool accumulate);

/* The same for pairs of bf16 (pair.h): k, x, ldx and the panel [k][PANEL] in words of two steps; y in f32. */
void K(pair_product)(int64_t m, int64_t k, const uint32_t *x, int64_t ldx, const uint32_t *panel, float *y, int64_t ldy,
                     int64_t n, bool accumulate);
void K(pair_product_then)(int64_t m, int64_t k, const uint32_t *x, int64_t ldx, const uint32_t *panel, float *y,
                          int64_t ldy, int64_t n, bool accumulate, Ahead next);
void K(pair_product_transposed)(int64_t m, int64_t k, const uint32_t *x, int64_t ldx, const uint32_t *panel, float *y,
                                int64_t ldy, int64_t n, bool accumulate);

#endif
