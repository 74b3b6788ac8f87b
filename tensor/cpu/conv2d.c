/* In sd/guide/plain.c: conv(). */
/* conv2d.c: convolution as a product over gathered pixels (implicit im2col), by blocks of one picture's output pixels
 * and of output channels.
 *
 * K = kh kw I is cut into pieces: whole taps, or some of one tap's channels. For each piece a block makes its panels of
 * weights, then, picture by picture, gathers the pixels that its outputs see into scratch, [pixels][piece], and
 * multiplies. The whole im2col matrix never exists. Gathering for a block of 320 outputs costs about 1 % of
 * multiplying.
 */
#include "kernels.h"

#include "conv_few.h"
#include "gather.h"
#include "panel.h"
#include "winograd.h"

typedef struct {
    Tensor y;
    const Weight *w;
    Gather gather;
    CpuFinish finish;
    int64_t rows, pixel_blocks, columns, column_blocks;
    int64_t pictures; /* per block: how the batch is cut changes no result */
} CpuConv;

enum { BLOCKS = 16 /* make at least so many, for threads to share */ };

/* At most `most` rows of PRODUCT_K numbers, and as many as half of the scratch holds: whole units. */
static int64_t in_half(const Ctx *ctx, int64_t most, int64_t unit) {
    int64_t rows = (int64_t)(pool_scratch(ctx->pool) / 2 / (PRODUCT_K * sizeof(float))) / unit * unit;
    return min64(most, rows);
}

static void block(void *arg, int64_t index, void *scratch) {
    const CpuConv *c = arg;
    Tensor y = tensor_tokens(c->y);
    int64_t pixel = index % c->pixel_blocks * c->rows;
    int64_t column = index / c->pixel_blocks % c->column_blocks * c->columns;
    int64_t first = index / c->pixel_blocks / c->column_blocks * c->pictures, last = min64(first + c->pictures, y.n[0]);
    int64_t m = min64(c->rows, y.n[1] - pixel), n = min64(c->columns, y.n[2] - column);
    const int64_t all_taps = c->w->t.n[1] * c->w->t.n[2], all_channels = c->w->t.n[3];
    const ConvPieces pieces = conv_pieces(c->w);
    float *buffer = scratch, *pixels = buffer + (c->columns + PANEL - 1) / PANEL * PANEL * PRODUCT_K;
    bool started = c->finish.in_place;
    for (int64_t t = 0; t < all_taps; t += pieces.taps) {
        int64_t tt = min64(pieces.taps, all_taps - t);
        for (int64_t k = 0; k < all_channels; k += pieces.channels, started = true) {
            int64_t kk = min64(pieces.channels, all_channels - k), all = tt * kk;
            const float *panels[PRODUCT_N / PANEL];
            for (int64_t j = 0; j < n; j += PANEL)
                panels[j / PANEL] = K(panel_of)(buffer + j * all, c->w, column + j, t * all_channels + k, all);
            for (int64_t p = first; p < last; p++) {
                K(gather)(&c->gather, pixels, p, pixel, m, t, tt, k, kk);
                for (int64_t j = 0; j < n; j += PANEL) K(panel_product)
                (m, all, pixels, all, panels[j / PANEL], at2(y, p, pixel) + column + j, y.s[1], min64(PANEL, n - j),
                 started);
            }
        }
    }
    for (int64_t p = first; p < last; p++)
        K(finish)(&c->finish, at2(y, p, pixel) + column, y.s[1], p, pixel, m, column, n);
}

void K(conv2d)(Ctx *ctx, Tensor y, Tensor x, const Weight *w, const Weight *b, Conv2d g, Epilogue e) {
    const CpuFinish finish = finish_of(y, b, e);
    if (conv_is_few(w, g)) {
        K(conv_few)(ctx, y, x, w, g, finish);
        return;
    }
    if (ctx->precision == PRECISION_F32 && conv_by_winograd(y, w, g)) {
        K(winograd)(ctx, y, x, w, g, finish);
        return;
    }
    CpuConv c = {.y = y, .w = w, .finish = finish};
    c.gather = (Gather){.x = x, .g = g, .kernel_width = w->t.n[2], .width = y.n[2]};
    int64_t pixels = y.n[1] * y.n[2];
    c.rows = part_size(pixels, in_half(ctx, PRODUCT_ROWS, 12), 12);
    c.pixel_blocks = (pixels + c.rows - 1) / c.rows;
    c.columns = part_size(y.n[3], in_half(ctx, c.pixel_blocks > 4 ? PRODUCT_N : 128, PANEL), PANEL);
    c.column_blocks = (y.n[3] + c.columns - 1) / c.columns;
    int64_t blocks = c.pixel_blocks * c.column_blocks, parts = min64(y.n[0], (BLOCKS + blocks - 1) / blocks);
    c.pictures = (y.n[0] + parts - 1) / parts;
    pool_run(ctx->pool, blocks * ((y.n[0] + c.pictures - 1) / c.pictures), block, &c);
}
