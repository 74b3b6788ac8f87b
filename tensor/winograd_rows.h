/* winograd_rows.h: the transforms of Winograd's minimal filtering F(4x4, 3x3) and F(4x4, 2x2), of one row or column.
 *
 * Whoever includes it says what it computes with: WINO_NUMBER, a number or a vector of them; WINO_FMA(a, x, c), a x + c
 * with one rounding, a being a float; and WINO_INLINE, how its functions are declared. In every table the fused
 * products are the same ones.
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
#ifndef SD_TENSOR_WINOGRAD_ROWS_H
#define SD_TENSOR_WINOGRAD_ROWS_H

#include <stdbool.h>

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
WINO_INLINE void wino_in(const WINO_NUMBER *in, int step, WINO_NUMBER *out) {
    WINO_NUMBER d0 = in[0], d1 = in[step], d2 = in[2 * step], d3 = in[3 * step], d4 = in[4 * step], d5 = in[5 * step];
    WINO_NUMBER even_a = WINO_FMA(-WINO_B2, d2, d4), odd_a = WINO_FMA(-WINO_B2, d1, d3);
    WINO_NUMBER even_b = WINO_FMA(-WINO_A2, d2, d4), odd_b = WINO_FMA(-WINO_A2, d1, d3);
    out[0] = WINO_FMA(WINO_A2 * WINO_B2, d0, WINO_FMA(-(WINO_A2 + WINO_B2), d2, d4));
    out[1] = WINO_FMA(WINO_A, odd_a, even_a);
    out[2] = WINO_FMA(-WINO_A, odd_a, even_a);
    out[3] = WINO_FMA(WINO_B, odd_b, even_b);
    out[4] = WINO_FMA(-WINO_B, odd_b, even_b);
    out[5] = WINO_FMA(WINO_A2 * WINO_B2, d1, WINO_FMA(-(WINO_A2 + WINO_B2), d3, d5));
}

/* G g for three rows. */
WINO_INLINE void wino_filter(const WINO_NUMBER *in, int step, WINO_NUMBER *out) {
    WINO_NUMBER g0 = in[0], g1 = in[step], g2 = in[2 * step];
    WINO_NUMBER even_a = WINO_FMA(WINO_A2, g2, g0), even_b = WINO_FMA(WINO_B2, g2, g0);
    out[0] = g0;
    out[1] = WINO_FMA(WINO_A, g1, even_a);
    out[2] = WINO_FMA(-WINO_A, g1, even_a);
    out[3] = WINO_FMA(WINO_B, g1, even_b);
    out[4] = WINO_FMA(-WINO_B, g1, even_b);
    out[5] = g2;
}

/* A^T m for six rows. */
WINO_INLINE void wino_out(const WINO_NUMBER *in, int step, WINO_NUMBER *out) {
    WINO_NUMBER even_a = in[step] + in[2 * step], odd_a = in[step] - in[2 * step];
    WINO_NUMBER even_b = in[3 * step] + in[4 * step], odd_b = in[3 * step] - in[4 * step];
    out[0] = WINO_FMA(WINO_DB, even_b, WINO_FMA(WINO_DA, even_a, WINO_D0 * in[0]));
    out[1] = WINO_FMA(WINO_DB * WINO_B, odd_b, (WINO_DA * WINO_A) * odd_a);
    out[2] = WINO_FMA(WINO_DB * WINO_B2, even_b, (WINO_DA * WINO_A2) * even_a);
    out[3] = WINO_FMA(WINO_DB * WINO_B2 * WINO_B, odd_b, WINO_FMA(WINO_DA * WINO_A2 * WINO_A, odd_a, in[5 * step]));
}

/* For F(4x4, 2x2): B^T d for five rows. */
WINO_INLINE void wino_up_in(const WINO_NUMBER *in, int step, WINO_NUMBER *out) {
    WINO_NUMBER d0 = in[0], d1 = in[step], d2 = in[2 * step], d3 = in[3 * step], d4 = in[4 * step];
    WINO_NUMBER even_a = WINO_FMA(-WINO_UP_B2, d0, d2), odd_a = WINO_FMA(-WINO_UP_B2, d1, d3);
    WINO_NUMBER even_b = WINO_FMA(-WINO_UP_A2, d0, d2), odd_b = WINO_FMA(-WINO_UP_A2, d1, d3);
    out[0] = WINO_FMA(WINO_UP_A, even_a, odd_a);
    out[1] = WINO_FMA(-WINO_UP_A, even_a, odd_a);
    out[2] = WINO_FMA(WINO_UP_B, even_b, odd_b);
    out[3] = WINO_FMA(-WINO_UP_B, even_b, odd_b);
    out[4] = WINO_FMA(WINO_UP_A2 * WINO_UP_B2, d0, WINO_FMA(-(WINO_UP_A2 + WINO_UP_B2), d2, d4));
}

/* G g for the two rows that a filter's three make for one phase. */
WINO_INLINE void wino_up_filter(const WINO_NUMBER *in, int step, bool odd, WINO_NUMBER *out) {
    WINO_NUMBER first = in[0], second = in[2 * step];
    if (odd) first += in[step];
    else second += in[step];
    out[0] = WINO_FMA(WINO_UP_A, second, first);
    out[1] = WINO_FMA(-WINO_UP_A, second, first);
    out[2] = WINO_FMA(WINO_UP_B, second, first);
    out[3] = WINO_FMA(-WINO_UP_B, second, first);
    out[4] = second;
}

/* A^T m for five rows. */
WINO_INLINE void wino_up_out(const WINO_NUMBER *in, int step, WINO_NUMBER *out) {
    WINO_NUMBER even_a = in[0] + in[step], odd_a = in[0] - in[step];
    WINO_NUMBER even_b = in[2 * step] + in[3 * step], odd_b = in[2 * step] - in[3 * step];
    out[0] = WINO_FMA(WINO_UP_DB, odd_b, WINO_UP_DA * odd_a);
    out[1] = WINO_FMA(WINO_UP_DB * WINO_UP_B, even_b, (WINO_UP_DA * WINO_UP_A) * even_a);
    out[2] = WINO_FMA(WINO_UP_DB * WINO_UP_B2, odd_b, (WINO_UP_DA * WINO_UP_A2) * odd_a);
    out[3] = WINO_FMA(WINO_UP_DB * WINO_UP_B2 * WINO_UP_B, even_b,
                      WINO_FMA(WINO_UP_DA * WINO_UP_A2 * WINO_UP_A, even_a, in[4 * step]));
}

#endif
