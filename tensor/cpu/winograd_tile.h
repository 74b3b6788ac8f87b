/* winograd_tile.h: Winograd's transforms of whole tiles (tensor/winograd_rows.h), with channels in the vector. */
#ifndef SD_TENSOR_CPU_WINOGRAD_TILE_H
#define SD_TENSOR_CPU_WINOGRAD_TILE_H

#include "tensor/pieces.h"
#include "fma.h"
#include "widen.h"

#include <stdbool.h>

#define WINO_NUMBER V
#define WINO_FMA fma_by
#define WINO_INLINE static inline __attribute__((always_inline))
#include "tensor/winograd_rows.h"

/* Which of the two transforms; for F(4x4, 2x2) also the phase. */
typedef struct {
    bool up, odd_row, odd_column;
} WinoForm;

/* A tile of 6x6 (5x5) pixels at `p` (vectors of channels from c on) into 36 (25) planes, `plane` floats apart. */
static inline __attribute__((always_inline)) void wino_transform_in(const bool up, const float *const *p, int64_t c,
                                                                    float *out, int64_t plane) {
    const int n = up ? WINO_UP_IN : WINO_IN;
    V columns[WINO_IN][WINO_IN]; /* [column][row]: B^T d */
#pragma GCC unroll 6
    for (int i = 0; i < n; i++) {
        V d[WINO_IN];
#pragma GCC unroll 6
        for (int r = 0; r < n; r++) d[r] = *(const V *)(p[r * n + i] + c);
        if (up) wino_up_in(d, 1, columns[i]);
        else wino_in(d, 1, columns[i]);
    }
#pragma GCC unroll 6
    for (int r = 0; r < n; r++) {
        V v[WINO_IN];
        if (up) wino_up_in(&columns[0][r], WINO_IN, v);
        else wino_in(&columns[0][r], WINO_IN, v);
#pragma GCC unroll 6
        for (int i = 0; i < n; i++) *(V *)(out + (r * n + i) * plane) = v[i];
    }
}

/* A filter's nine taps, each a vector of output channels, into 36 (25) planes; or into those of rows [first, end), none
 * past the last. */
static inline __attribute__((always_inline)) void
wino_transform_filter(const WinoForm form, const V g[9], const int first, const int end, float *out, int64_t plane) {
    const int n = form.up ? WINO_UP_IN : WINO_IN, last = end < n ? end : n;
    V columns[3][WINO_IN];
#pragma GCC unroll 3
    for (int i = 0; i < 3; i++)
        if (form.up) wino_up_filter(g + i, 3, form.odd_row, columns[i]);
        else wino_filter(g + i, 3, columns[i]);
#pragma GCC unroll 6
    for (int r = first; r < last; r++) {
        V v[WINO_IN];
        if (form.up) wino_up_filter(&columns[0][r], WINO_IN, form.odd_column, v);
        else wino_filter(&columns[0][r], WINO_IN, v);
#pragma GCC unroll 6
        for (int i = 0; i < n; i++) *(V *)(out + (r * n + i) * plane) = v[i];
    }
}

/* 36 (25) planes into 4x4 pixels of one vector of channels. */
static inline __attribute__((always_inline)) void wino_transform_out(const bool up, const float *m, int64_t plane,
                                                                     V out[WINO_OUT * WINO_OUT]) {
    const int n = up ? WINO_UP_IN : WINO_IN;
    V columns[WINO_IN][WINO_OUT];
#pragma GCC unroll 6
    for (int i = 0; i < n; i++) {
        V d[WINO_IN];
#pragma GCC unroll 6
        for (int r = 0; r < n; r++) d[r] = *(const V *)(m + (r * n + i) * plane);
        if (up) wino_up_out(d, 1, columns[i]);
        else wino_out(d, 1, columns[i]);
    }
#pragma GCC unroll 4
    for (int r = 0; r < WINO_OUT; r++)
        if (up) wino_up_out(&columns[0][r], WINO_OUT, out + WINO_OUT * r);
        else wino_out(&columns[0][r], WINO_OUT, out + WINO_OUT * r);
}

#endif
