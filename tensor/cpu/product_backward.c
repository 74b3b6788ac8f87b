/* product_backward.c: gradients of linear layers and convolutions, with the forward kernels:
 *
 *  - dX of a linear layer: dY W, the forward product with W transposed; the copy costs 1/T of the product.
 *  - dX of a convolution: dY convolved with the filters rotated by 180 degrees, with their channels exchanged; through
 *    Winograd's transforms where they serve. Stride 2: dY is spread out first, with zeros between its pixels, so that
 *    each element is still a sum in one fixed order. Up-sampling: the gradient of the resized picture is summed over
 * the pixels that were read from one place.
 *  - dW: [outputs][pixels] x [pixels][taps x channels]. A work item owns a block of dW and goes through all pictures in
 *    order, PIXELS pixels at a time, with its own sums, which are added to dW once. So dW does not depend on threads.
 */
#include "backward.h"

#include "gather.h"
#include "panel.h"
#include "pixels.h"
#include "widen.h"

#include <assert.h>
#include <string.h>

/* --- dX of a linear layer --- */

typedef struct {
    const Weight *w;
    float *to;
    int64_t from, n; /* columns of w */
} Copied;

/* Panel `index` of W^T: [O][32], zeros past the last column. */
static void transpose_panel(void *arg, int64_t index, void *scratch) {
    (void)scratch;
    const Copied *t = arg;
    int64_t outputs = t->w->t.n[0], row = t->w->t.n[1], column = index * PANEL, n = min64(PANEL, t->n - column);
    float *to = t->to + column * outputs;
    for (int64_t o = 0; o < outputs; o++, to += PANEL) {
        widen(to, t->w->t.data, t->w->t.dtype, o * row + t->from + column, n);
        for (int64_t i = n; i < PANEL; i++) to[i] = 0;
    }
}

void K(linear_dx)(Ctx *c, Into dx, const Into *dx2, Tensor dy, const Weight *w, Tensor work) {
    assert(w->t.data); /* training keeps weights as they are */
    int64_t from = 0;
    for (int source = 0; source < (dx2 ? 2 : 1); source++) {
        Into to = source ? *dx2 : dx;
        int64_t n = to.t.n[2];
        if (to.t.data) {
            Copied job = {.w = w, .to = work.data, .from = from, .n = n};
            pool_run(c->pool, (n + PANEL - 1) / PANEL, transpose_panel, &job);
            Weight transposed = {.kind = WEIGHT_LINEAR,
                                 .t = tensor_view(NULL, F32, 2, SHAPE(n, w->t.n[0])),
                                 .prepared = work.data,
                                 .layout = WEIGHT_PANELS};
            K(linear)(c, to.t, dy, NULL, &transposed, NULL, (Epilogue){.residual = to.add ? &to.t : NULL});
        }
        from += n;
    }
}

/* --- dX of a convolution --- */

/* Channels [16 index, 16 index + 16) of the rotated filters, [O][taps][16]. */
static void rotate_filters(void *arg, int64_t index, void *scratch) {
    (void)scratch;
    const Copied *t = arg;
    int64_t outputs = t->w->t.n[0], channels = t->w->t.n[3], taps = t->w->t.n[1] * t->w->t.n[2];
    int64_t channel = index * FILTER_OUTPUTS, n = min64(FILTER_OUTPUTS, channels - channel);
    float *to = t->to + channel * outputs * taps;
    for (int64_t o = 0; o < outputs; o++)
        for (int64_t tap = taps - 1; tap >= 0; tap--, to += FILTER_OUTPUTS) {
            widen(to, t->w->t.data, t->w->t.dtype, (o * taps + tap) * channels + channel, n);
            for (int64_t i = n; i < FILTER_OUTPUTS; i++) to[i] = 0;
        }
}

/* The same as [I][taps][O], for kernel sizes without a prepared form. */
static void rotate_plainly(const Weight *w, float *to) {
    int64_t outputs = w->t.n[0], channels = w->t.n[3], taps = w->t.n[1] * w->t.n[2];
    for (int64_t i = 0; i < channels; i++)
        for (int64_t tap = taps - 1; tap >= 0; tap--)
            for (int64_t o = 0; o < outputs; o++, to++)
                widen(to, w->t.data, w->t.dtype, (o * taps + tap) * channels + i, 1);
}

typedef struct {
    Into to;
    Tensor from;
    Conv2d g;
} Spread;

/* Row `index` of the spread gradient. */
static void spread_row(void *arg, int64_t index, void *scratch) {
    (void)scratch;
    const Spread *s = arg;
    int64_t rows = s->to.t.n[1], picture = index / rows, row = index % rows, channels = s->to.t.n[3];
    float *to = at3(s->to.t, picture, row, 0);
    memset(to, 0, (size_t)(s->to.t.n[2] * channels) * sizeof *to);
    if (row % s->g.stride) return;
    for (int64_t i = 0; i < s->from.n[2]; i++)
        memcpy(to + i * s->g.stride * channels, at3(s->from, picture, row / s->g.stride, i),
               (size_t)channels * sizeof *to);
}

/* Row `index` of dx: sums the gradients of all pixels that were read from it. */
static void gather_row(void *arg, int64_t index, void *scratch) {
    (void)scratch;
    const Spread *s = arg;
    Tensor dx = s->to.t;
    int64_t picture = index / dx.n[1], row = index % dx.n[1], channels = dx.n[3];
    if (!s->to.add)
        for (int64_t i = 0; i < dx.n[2]; i++) memset(at3(dx, picture, row, i), 0, (size_t)channels * sizeof(float));
    for (int64_t y = 0; y < s->g.up_h; y++) {
        if (nearest_source(y, dx.n[1], s->g.up_h) != row) continue;
        for (int64_t x = 0; x < s->g.up_w; x++) {
            float *to = at3(dx, picture, row, nearest_source(x, dx.n[2], s->g.up_w));
            const float *from = at3(s->from, picture, y, x);
            for (int64_t i = 0; i < channels; i++) to[i] += from[i];
        }
    }
}

void K(conv2d_dx)(Ctx *c, Into dx, Tensor dy, const Weight *w, Conv2d g, Tensor filters, Tensor spread, Tensor wide) {
    assert(w->t.data);
    int64_t outputs = w->t.n[0], channels = w->t.n[3], kh = w->t.n[1], kw = w->t.n[2];
    Weight rotated = {.kind = WEIGHT_CONV, .t = tensor_view(NULL, F32, 4, SHAPE(channels, kh, kw, outputs))};
    if (kh == 3 && kw == 3) {
        Copied job = {.w = w, .to = filters.data};
        pool_run(c->pool, (channels + FILTER_OUTPUTS - 1) / FILTER_OUTPUTS, rotate_filters, &job);
        rotated.prepared = filters.data;
        rotated.layout = WEIGHT_FILTERS;
    } else {
        rotate_plainly(w, filters.data);
        rotated.t.data = filters.data;
    }
    if (g.stride > 1) {
        Spread s = {.to = {spread, false}, .from = dy, .g = g};
        pool_run(c->pool, spread.n[0] * spread.n[1], spread_row, &s);
        dy = spread;
    }
    Conv2d back = {.stride = 1, .pad_top = (int)kh - 1 - g.pad_top, .pad_left = (int)kw - 1 - g.pad_left};
    if (!g.up_h) {
        K(conv2d)(c, dx.t, dy, &rotated, NULL, back, (Epilogue){.residual = dx.add ? &dx.t : NULL});
        return;
    }
    K(conv2d)(c, wide, dy, &rotated, NULL, back, (Epilogue){0});
    Spread s = {.to = dx, .from = wide, .g = g};
    pool_run(c->pool, dx.t.n[0] * dx.t.n[1], gather_row, &s);
}

/* --- dW --- */

enum {
    PIXELS = 256,  /* per product */
    DEPTH = 160,   /* most rows (taps x channels) per work item */
    COLUMNS = 320, /* most outputs per work item */
    ITEMS = 8,     /* make at least so many, for threads to share */
};

typedef struct {
    Tensor dy, x; /* tokens [N,T,O]; [N,T,K], or none with `gather` */
    const Gather *gather;
    float *dw;
    int64_t row, at; /* in dw: elements from one output to the next; where this source begins */
    int64_t all_taps, all_channels, taps, channels, pieces, columns;
    bool even; /* rows of x are equally far apart, even across pictures */
} Sum;

static void gather_inputs(const Sum *s, float *to, int64_t picture, int64_t row, int64_t m, int64_t tap, int64_t taps,
                          int64_t channel, int64_t channels) {
    if (s->gather) {
        K(gather)(s->gather, to, picture, row, m, tap, taps, channel, channels);
        return;
    }
    for (int64_t i = 0; i < m; i++, to += channels)
        memcpy(to, at2(s->x, picture, row + i) + channel, (size_t)channels * sizeof *to);
}

/* Copying 16 or 32 floats takes a few instructions; calls would cost more than the products. */
static void copy_row(float *to, const float *from, int64_t n) {
    if (n >= PANEL) memcpy(to, from, PANEL * sizeof *to);
    else if (n == PANEL / 2) {
        memcpy(to, from, PANEL / 2 * sizeof *to);
        memset(to + PANEL / 2, 0, PANEL / 2 * sizeof *to);
    } else
        for (int64_t i = 0; i < PANEL; i++) to[i] = i < n ? from[i] : 0;
}

/* Fills panels[n / 32][PIXELS][32], from row `filled` on, with columns [column, column + n) of dy. */
static void gather_panels(const Sum *s, float *panels, int64_t filled, int64_t picture, int64_t row, int64_t m,
                          int64_t column, int64_t n) {
    for (int64_t j = 0; j < n; j += PANEL) {
        float *to = panels + j * PIXELS + filled * PANEL;
        const float *from = at2(s->dy, picture, row) + column + j;
        for (int64_t i = 0; i < m; i++, to += PANEL, from += s->dy.s[1]) copy_row(to, from, n - j);
    }
}

static void sum_item(void *arg, int64_t index, void *scratch) {
    const Sum *s = arg;
    int64_t k = index % s->pieces, column = index / s->pieces * s->columns, n = min64(s->columns, s->dy.n[2] - column);
    int64_t per_tap = (s->all_channels + s->channels - 1) / s->channels;
    int64_t tap = k / per_tap * s->taps, channel = k % per_tap * s->channels;
    int64_t taps = min64(s->taps, s->all_taps - tap), channels = min64(s->channels, s->all_channels - channel);
    int64_t depth = taps * channels, padded = (n + PANEL - 1) / PANEL * PANEL, rows = s->dy.n[1];
    float *sums = scratch, *panels = sums + depth * padded, *inputs = panels + padded * PIXELS;
    memset(sums, 0, (size_t)(depth * padded) * sizeof *sums);
    int64_t filled = 0;
    const float *x = NULL;
    for (int64_t p = 0; p < s->dy.n[0]; p++)
        for (int64_t row = 0; row < rows;) {
            int64_t m = min64(PIXELS - filled, rows - row);
            bool lies = !s->gather && (m == PIXELS || s->even); /* x can be read where it is */
            if (!lies) gather_inputs(s, inputs + filled * depth, p, row, m, tap, taps, channel, channels);
            else if (!filled) x = at2(s->x, p, row) + channel;
            gather_panels(s, panels, filled, p, row, m, column, n);
            filled += m;
            row += m;
            if (filled < PIXELS && (p + 1 < s->dy.n[0] || row < rows)) continue;
            for (int64_t j = 0; j < n; j += PANEL) K(panel_product_transposed)
            (depth, filled, lies ? x : inputs, lies ? s->x.s[1] : depth, panels + j * PIXELS, sums + j * depth, PANEL,
             PANEL, true);
            filled = 0;
        }
    for (int64_t o = 0; o < n; o++) {
        float *dw = s->dw + (column + o) * s->row + s->at + tap * s->all_channels + channel;
        const float *from = sums + o / PANEL * PANEL * depth + o % PANEL;
        for (int64_t i = 0; i < depth; i++) dw[i] += from[i * PANEL];
    }
}

static void sum(Ctx *c, Sum *s) {
    s->even = !s->gather && s->x.s[0] == s->x.n[1] * s->x.s[1];
    int64_t outputs = s->dy.n[2], k = s->all_taps * s->all_channels;
    s->columns = part_size(outputs, COLUMNS, PANEL);
    int64_t blocks = (outputs + s->columns - 1) / s->columns;
    int64_t most = min64(DEPTH, k * blocks / ITEMS);
    if (most < 24) most = 24;
    s->channels = part_size(s->all_channels, most, 12);
    if (s->channels > s->all_channels) s->channels = s->all_channels;
    s->taps =
        s->channels == s->all_channels ? part_size(s->all_taps, most / s->channels > 0 ? most / s->channels : 1, 1) : 1;
    s->pieces = (s->all_taps + s->taps - 1) / s->taps * ((s->all_channels + s->channels - 1) / s->channels);
    while (s->pieces * blocks < ITEMS && s->columns > PANEL) {
        s->columns = part_size(s->columns, s->columns - 1, PANEL);
        blocks = (outputs + s->columns - 1) / s->columns;
    }
    pool_run(c->pool, s->pieces * blocks, sum_item, s);
}

void K(linear_dw)(Ctx *c, const Weight *w, Tensor dy, Tensor x, const Tensor *x2) {
    Sum s = {.dy = dy, .x = x, .dw = w->grad, .row = w->t.n[1], .all_taps = 1, .all_channels = x.n[2]};
    sum(c, &s);
    if (!x2) return;
    s.at = x.n[2];
    s.x = *x2;
    s.all_channels = x2->n[2];
    sum(c, &s);
}

void K(conv2d_dw)(Ctx *c, const Weight *w, Tensor dy, Tensor x, Conv2d g, Tensor work) {
    if (work.data) {
        K(winograd_dw)(c, w, dy, x, g, work);
        return;
    }
    Gather gather = {.x = x, .g = g, .kernel_width = w->t.n[2], .width = dy.n[2]};
    Sum s = {.dy = tensor_tokens(dy), .gather = &gather, .dw = w->grad, .all_channels = x.n[3]};
    s.all_taps = w->t.n[1] * w->t.n[2];
    s.row = s.all_taps * s.all_channels;
    sum(c, &s);
}
