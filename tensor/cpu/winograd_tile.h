/* winograd_tile.h: the transforms of Winograd's minimal filtering F(4x4, 3x3) and F(4x4, 2x2), with channels in the
 * vector.
 *
 * A 3x3 convolution of a tile of 6x6 inputs gives 4x4 outputs: Y = A^T [(G g G^T) * (B^T d B)] A, 36 multiplications
 * instead of 144 (Lavin and Gray 2016, "Fast algorithms for convolutional neural networks"). The matrices follow from
 * six points at which polynomials are evaluated. Here they are 0, +-5/8, +-3/2 and infinity instead of the usual 0,
 * +-1, +-2: the relative RMS error in f32 is 7.7e-7 rather than 1.8e-6 (unit inputs, 320 channels; SPEED.md has
 * others), less than that of a plain sum. Every constant of B and G is exact. The points' denominators are all in A, so
 * that filters, which every call transforms again, cost the fewest operations.
 *
 * In a picture enlarged to twice its size by nearest neighbour every row occurs twice, so that an output sees only two
 * combinations of a 3x3 filter's three rows (g0, g1, g2): even rows (g0, g1 + g2), odd rows (g0 + g1, g2); columns
 * likewise. Each of the four phases is a 2x2 convolution of the small picture: 25 multiplications for 4x4 outputs, at
 * the points +-3/8, +-5/4 and infinity, with a smaller error still (0.92e-6 where F(4x4, 3x3) has 1.58e-6, summed in
 * one piece). */
#ifndef SD_TENSOR_CPU_WINOGRAD_TILE_H
#define SD_TENSOR_CPU_WINOGRAD_TILE_H

#include "fma.h"
#include "widen.h"

#include <stdbool.h>

enum { WINO_OUT = 4, WINO_IN = 6, WINO_POINTS = WINO_IN * WINO_IN }; /* of F(4x4, 3x3) */
enum { WINO_UP_IN = 5, WINO_UP_POINTS = WINO_UP_IN * WINO_UP_IN };   /* of F(4x4, 2x2) */

#define WINO_A 0.625f
#define WINO_B 1.5f
#define WINO_A2 (WINO_A * WINO_A)
#define WINO_B2 (WINO_B * WINO_B)
/* 1 / the product of a point's differences from the other finite points */
#define WINO_D0 (1 / (WINO_A2 * WINO_B2))
#define WINO_DA (1 / (2 * WINO_A2 * (WINO_A2 - WINO_B2)))
#define WINO_DB (1 / (2 * WINO_B2 * (WINO_B2 - WINO_A2)))

#define WINO_UP_A 0.375f
#define WINO_UP_B 1.25f
#define WINO_UP_A2 (WINO_UP_A * WINO_UP_A)
#define WINO_UP_B2 (WINO_UP_B * WINO_UP_B)
#define WINO_UP_DA (1 / (2 * WINO_UP_A * (WINO_UP_A2 - WINO_UP_B2)))
#define WINO_UP_DB (1 / (2 * WINO_UP_B * (WINO_UP_B2 - WINO_UP_A2)))

/* B^T d for six rows of `in`, `step` vectors apart. */
static inline __attribute__((always_inline)) void wino_in(const V *in, int step, V *out) {
    V d0 = in[0], d1 = in[step], d2 = in[2 * step], d3 = in[3 * step], d4 = in[4 * step], d5 = in[5 * step];
    V even_a = fma_by(-WINO_B2, d2, d4), odd_a = fma_by(-WINO_B2, d1, d3);
    V even_b = fma_by(-WINO_A2, d2, d4), odd_b = fma_by(-WINO_A2, d1, d3);
    out[0] = fma_by(WINO_A2 * WINO_B2, d0, fma_by(-(WINO_A2 + WINO_B2), d2, d4));
    out[1] = fma_by(WINO_A, odd_a, even_a);
    out[2] = fma_by(-WINO_A, odd_a, even_a);
    out[3] = fma_by(WINO_B, odd_b, even_b);
    out[4] = fma_by(-WINO_B, odd_b, even_b);
    out[5] = fma_by(WINO_A2 * WINO_B2, d1, fma_by(-(WINO_A2 + WINO_B2), d3, d5));
}

/* G g for three rows. */
static inline __attribute__((always_inline)) void wino_filter(const V *in, int step, V *out) {
    V g0 = in[0], g1 = in[step], g2 = in[2 * step];
    V even_a = fma_by(WINO_A2, g2, g0), even_b = fma_by(WINO_B2, g2, g0);
    out[0] = g0;
    out[1] = fma_by(WINO_A, g1, even_a);
    out[2] = fma_by(-WINO_A, g1, even_a);
    out[3] = fma_by(WINO_B, g1, even_b);
    out[4] = fma_by(-WINO_B, g1, even_b);
    out[5] = g2;
}

/* A^T m for six rows. */
static inline __attribute__((always_inline)) void wino_out(const V *in, int step, V *out) {
    V even_a = in[step] + in[2 * step], odd_a = in[step] - in[2 * step];
    V even_b = in[3 * step] + in[4 * step], odd_b = in[3 * step] - in[4 * step];
    out[0] = fma_by(WINO_DB, even_b, fma_by(WINO_DA, even_a, WINO_D0 * in[0]));
    out[1] = fma_by(WINO_DB * WINO_B, odd_b, (WINO_DA * WINO_A) * odd_a);
    out[2] = fma_by(WINO_DB * WINO_B2, even_b, (WINO_DA * WINO_A2) * even_a);
    out[3] = fma_by(WINO_DB * WINO_B2 * WINO_B, odd_b, fma_by(WINO_DA * WINO_A2 * WINO_A, odd_a, in[5 * step]));
}

/* For F(4x4, 2x2): B^T d for five rows. */
static inline __attribute__((always_inline)) void wino_up_in(const V *in, int step, V *out) {
    V d0 = in[0], d1 = in[step], d2 = in[2 * step], d3 = in[3 * step], d4 = in[4 * step];
    V even_a = fma_by(-WINO_UP_B2, d0, d2), odd_a = fma_by(-WINO_UP_B2, d1, d3);
    V even_b = fma_by(-WINO_UP_A2, d0, d2), odd_b = fma_by(-WINO_UP_A2, d1, d3);
    out[0] = fma_by(WINO_UP_A, even_a, odd_a);
    out[1] = fma_by(-WINO_UP_A, even_a, odd_a);
    out[2] = fma_by(WINO_UP_B, even_b, odd_b);
    out[3] = fma_by(-WINO_UP_B, even_b, odd_b);
    out[4] = fma_by(WINO_UP_A2 * WINO_UP_B2, d0, fma_by(-(WINO_UP_A2 + WINO_UP_B2), d2, d4));
}

/* G g for the two rows that a filter's three make for one phase. */
static inline __attribute__((always_inline)) void wino_up_filter(const V *in, int step, bool odd, V *out) {
    V first = in[0], second = in[2 * step];
    if (odd) first += in[step];
    else second += in[step];
    out[0] = fma_by(WINO_UP_A, second, first);
    out[1] = fma_by(-WINO_UP_A, second, first);
    out[2] = fma_by(WINO_UP_B, second, first);
    out[3] = fma_by(-WINO_UP_B, second, first);
    out[4] = second;
}

/* A^T m for five rows. */
static inline __attribute__((always_inline)) void wino_up_out(const V *in, int step, V *out) {
    V even_a = in[0] + in[step], odd_a = in[0] - in[step];
    V even_b = in[2 * step] + in[3 * step], odd_b = in[2 * step] - in[3 * step];
    out[0] = fma_by(WINO_UP_DB, odd_b, WINO_UP_DA * odd_a);
    out[1] = fma_by(WINO_UP_DB * WINO_UP_B, even_b, (WINO_UP_DA * WINO_UP_A) * even_a);
    out[2] = fma_by(WINO_UP_DB * WINO_UP_B2, odd_b, (WINO_UP_DA * WINO_UP_A2) * odd_a);
    out[3] = fma_by(WINO_UP_DB * WINO_UP_B2 * WINO_UP_B, even_b,
                    fma_by(WINO_UP_DA * WINO_UP_A2 * WINO_UP_A, even_a, in[4 * step]));
}

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

/* A filter's nine taps, each a vector of output channels, into 36 (25) planes. */
static inline __attribute__((always_inline)) void wino_transform_filter(const WinoForm form, const V g[9], float *out,
                                                                        int64_t plane) {
    const int n = form.up ? WINO_UP_IN : WINO_IN;
    V columns[3][WINO_IN];
#pragma GCC unroll 3
    for (int i = 0; i < 3; i++)
        if (form.up) wino_up_filter(g + i, 3, form.odd_row, columns[i]);
        else wino_filter(g + i, 3, columns[i]);
#pragma GCC unroll 6
    for (int r = 0; r < n; r++) {
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
