/* conv_few.c: convolutions to a few outputs, such as the last one of a U-Net and of a decoder.
 *
 * A panel of 32 outputs would be nearly empty. Here an output of a pixel is a dot product over the channels of the 3x3
 * pixels around it, in sixteen lanes, for PIXELS neighbours at once: each vector of filters serves all of them, each
 * vector of x all outputs. Each lane sums over taps and channels in order, then lanes are added by halves: a pixel's
 * bits depend neither on its neighbours nor on the width of vectors, which take a part of the lanes at a time. */
#include "conv_few.h"

#include "fma.h"
#include "panel.h"
#include "pixels.h"

#include <assert.h>
#include <string.h>

#if defined __AVX512F__ || defined __aarch64__
enum { PIXELS = 4 }; /* 16 sums, 4 vectors of x and one of filters, of 32 registers */
#else
enum { PIXELS = 3 };
#endif
enum { LANES = ROW_LANES, BLOCKS = 32 /* make about so many */ };

typedef struct {
    Tensor y, x;
    const Weight *w;
    Conv2d g;
    CpuFinish finish;
    int64_t taps, rows, blocks; /* rows: per block; blocks: per picture */
} Few;

/* filters[tap][output][channel], from panels made in `buffer` */
static void transpose_filters(const Few *f, float *filters, float *buffer) {
    int64_t channels = f->x.n[3], outputs = f->y.n[3];
    for (int64_t t = 0; t < f->taps; t++) {
        const float *panel = K(panel_of)(buffer, f->w, 0, t * channels, channels);
        for (int64_t o = 0; o < outputs; o++, filters += channels)
            for (int64_t c = 0; c < channels; c++) filters[c] = panel[c * PANEL + o];
    }
}

static inline float sum_of_lanes(const float *lanes) {
    typedef float Quarter __attribute__((vector_size(16)));
    Quarter q[LANES / 4];
    memcpy(q, lanes, sizeof q);
    q[0] = (q[0] + q[2]) + (q[1] + q[3]);
    return (q[0][0] + q[0][2]) + (q[0][1] + q[0][3]);
}

/* y[n][outputs] (+)= the outputs of n <= PIXELS pixels, which see x[tap][pixel]. */
static inline __attribute__((always_inline)) void pixels(const int outputs, const float *const *x, int64_t taps,
                                                         const float *filters, int64_t channels, float *y, int64_t ldy,
                                                         int64_t n, bool add) {
    float lanes[PIXELS][FEW_OUTPUTS][LANES];
    for (int part = 0; part < LANES; part += VW) {
        V sum[PIXELS][FEW_OUTPUTS];
#pragma GCC unroll 4
        for (int p = 0; p < PIXELS; p++) {
#pragma GCC unroll 4
            for (int o = 0; o < outputs; o++) sum[p][o] = (V){0};
        }
        for (int64_t t = 0; t < taps; t++)
            for (int64_t c = part; c < channels; c += LANES) {
                const float *from = filters + t * outputs * channels + c;
                V in[PIXELS];
#pragma GCC unroll 4
                for (int p = 0; p < PIXELS; p++) in[p] = *(const V *)(x[t * PIXELS + p] + c);
#pragma GCC unroll 4
                for (int o = 0; o < outputs; o++) {
                    V w = *(const V *)(from + o * channels);
#pragma GCC unroll 4
                    for (int p = 0; p < PIXELS; p++) sum[p][o] = fma_v(in[p], w, sum[p][o]);
                }
            }
#pragma GCC unroll 4
        for (int p = 0; p < PIXELS; p++) {
#pragma GCC unroll 4
            for (int o = 0; o < outputs; o++) *(V *)(lanes[p][o] + part) = sum[p][o];
        }
    }
    for (int p = 0; p < n; p++)
        for (int o = 0; o < outputs; o++) y[p * ldy + o] = sum_of_lanes(lanes[p][o]) + (add ? y[p * ldy + o] : 0.0f);
}

/* x[tap][PIXELS]: what the pixels from (row, column) on see; `zeros` outside the picture. */
static void find(const Few *f, int64_t picture, int64_t row, int64_t column, const float *zeros, const float **x) {
    for (int64_t k = 0; k < f->w->t.n[1]; k++) {
        int64_t i = row * f->g.stride + k - f->g.pad_top;
        const float *line = i >= 0 && i < f->x.n[1] ? at3(f->x, picture, i, 0) : NULL;
        for (int64_t l = 0; l < f->w->t.n[2]; l++) {
            int64_t j = column * f->g.stride + l - f->g.pad_left;
            for (int64_t p = 0; p < PIXELS; p++, j += f->g.stride)
                *x++ = line && j >= 0 && j < f->x.n[2] ? line + j * f->x.s[2] : zeros;
        }
    }
}

static void block(void *arg, int64_t index, void *scratch) {
    const Few *f = arg;
    int64_t channels = f->x.n[3], outputs = f->y.n[3], ldy = f->y.s[2];
    int64_t picture = index / f->blocks, first = index % f->blocks * f->rows;
    const float *x[FEW_TAPS * PIXELS];
    float *buffer = scratch, *zeros = buffer + channels * PANEL, *filters = zeros + channels;
    const bool add = f->finish.in_place;
    memset(zeros, 0, (size_t)channels * sizeof *zeros);
    transpose_filters(f, filters, buffer);
    for (int64_t row = first; row < min64(first + f->rows, f->y.n[1]); row++) {
        float *y = at3(f->y, picture, row, 0);
        for (int64_t column = 0; column < f->y.n[2]; column += PIXELS) {
            int64_t n = min64(PIXELS, f->y.n[2] - column);
            float *to = y + column * ldy;
            find(f, picture, row, column, zeros, x);
            switch (outputs) {
            case 1: pixels(1, x, f->taps, filters, channels, to, ldy, n, add); break;
            case 2: pixels(2, x, f->taps, filters, channels, to, ldy, n, add); break;
            case 3: pixels(3, x, f->taps, filters, channels, to, ldy, n, add); break;
            default: pixels(4, x, f->taps, filters, channels, to, ldy, n, add); break;
            }
        }
        K(finish)(&f->finish, y, ldy, picture, row * f->y.n[2], f->y.n[2], 0, outputs);
    }
}

void K(conv_few)(Ctx *c, Tensor y, Tensor x, const Weight *w, Conv2d g, CpuFinish finish) {
    Few f = {.y = y, .x = x, .w = w, .g = g, .finish = finish, .taps = w->t.n[1] * w->t.n[2]};
    assert((size_t)(x.n[3] * (PANEL + 1 + f.taps * y.n[3])) * sizeof(float) <= pool_scratch(c->pool));
    f.rows = (y.n[0] * y.n[1] + BLOCKS - 1) / BLOCKS;
    f.blocks = (y.n[1] + f.rows - 1) / f.rows;
    pool_run(c->pool, y.n[0] * f.blocks, block, &f);
}
