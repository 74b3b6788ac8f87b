#include "strips.h"

#include <assert.h>

int64_t row_piece(int64_t rows, size_t bytes, size_t most) {
    int64_t fit = most ? (int64_t)(most / bytes) / 64 * 64 : rows;
    if (fit >= rows) return rows;
    int64_t pieces = (rows + (fit ? fit : 64) - 1) / (fit ? fit : 64);
    return ((rows + pieces - 1) / pieces + 63) / 64 * 64;
}

int64_t strip_rows(int64_t h, size_t bytes, size_t most, int64_t unit) {
    int64_t fit = (int64_t)(most / bytes) / unit * unit;
    if (!most || fit >= h) return h;
    int64_t strips = (h + (fit ? fit : unit) - 1) / (fit ? fit : unit);
    return ((h + strips - 1) / strips + unit - 1) / unit * unit;
}

void norm_stats(Ctx *c, Tensor stats, const Norm *m, Tensor x, const Tensor *x2) {
    size_t scope = scope_begin(c);
    int64_t pixels = x.n[1] * x.n[2], channels = x.n[3] + (x2 ? x2->n[3] : 0);
    Tensor second = {0};
    if (x2) second = tensor_tokens(*x2);
    int64_t blocks = (pixels + GROUP_NORM_PIXELS - 1) / GROUP_NORM_PIXELS;
    Tensor parts = tensor_new_typed(c, F64, 4, SHAPE(x.n[0], blocks, m->groups, 2));
    op_group_sums(c, parts, tensor_tokens(x), x2 ? &second : NULL);
    op_group_stats(c, stats, parts, pixels, channels / m->groups, m->eps);
    scope_end(c, scope);
}

void norm_rows(Ctx *c, Tensor y, const Norm *m, Tensor x, const Tensor *x2, Tensor stats, Act act, int64_t from,
               int64_t to) {
    Tensor second = {0};
    if (x2) second = tensor_tokens(tensor_slice(*x2, 1, from, to - from));
    op_group_apply(c, tensor_tokens(y), tensor_tokens(tensor_slice(x, 1, from, to - from)), x2 ? &second : NULL, &m->w,
                   &m->b, stats, act);
}

void conv3_rows(Ctx *c, Tensor y, const Conv *m, Tensor x, int64_t first, int64_t h, int64_t from, int64_t to,
                Epilogue e) {
    assert(from % 4 == 0 && first <= from && (first < from || !from) && first + x.n[1] <= h);
    Conv2d g = {.stride = 1, .pad_top = (int)(first - from) + 1, .pad_left = 1, .whole_h = h};
    assert(y.n[1] == to - from && first + x.n[1] >= (to < h ? to + 1 : h));
    (void)to; /* asserts vanish under NDEBUG */
    op_conv2d(c, y, x, &m->w, conv_bias(m), g, e);
}

void conv3_normed(Ctx *c, Tensor y, const Conv *m, const Norm *normed, Tensor x, const Tensor *x2, Epilogue e) {
    size_t scope = scope_begin(c);
    int64_t n = x.n[0], h = x.n[1], w = x.n[2], channels = x.n[3] + (x2 ? x2->n[3] : 0);
    size_t row = dtype_bytes(c->type, n * w * channels);
    int64_t rows = h;
    if (c->strip && !c->wrap && (size_t)h * row > c->strip)
        rows = strip_rows(h, row, c->strip > 2 * row ? c->strip - 2 * row : 1, 4);
    if (rows == h) { /* only the whole map can use fused forms */
        Tensor all = tensor_new(c, 4, SHAPE(n, h, w, channels));
        norm(c, all, normed, x, x2, ACT_SILU);
        conv3(c, y, m, all, e);
        scope_end(c, scope);
        return;
    }
    Tensor stats = tensor_new_typed(c, F64, 3, SHAPE(n, normed->groups, 2));
    norm_stats(c, stats, normed, x, x2);
    for (int64_t from = 0; from < h; from += rows) {
        size_t inner = scope_begin(c);
        int64_t to = from + rows < h ? from + rows : h, above = from > 0, below = to < h;
        Tensor part = tensor_new(c, 4, SHAPE(n, to - from + above + below, w, channels)), rest = {0};
        Epilogue own = e;
        norm_rows(c, part, normed, x, x2, stats, ACT_SILU, from - above, to + below);
        if (e.residual) rest = tensor_slice(*e.residual, 1, from, to - from), own.residual = &rest;
        conv3_rows(c, tensor_slice(y, 1, from, to - from), m, part, from - above, h, from, to, own);
        scope_end(c, inner);
    }
    scope_end(c, scope);
}

/* --- windows --- */

Tensor window_rows(const Window *w, int64_t from, int64_t to) {
    assert(w->from <= from && to <= w->to);
    return tensor_slice(w->buffer, 1, from - w->from, to - from);
}

Tensor window_grow(Window *w, int64_t to) {
    int64_t from = w->to;
    w->to = to;
    return window_rows(w, from, to);
}

void window_move(Ctx *c, Window *w, int64_t from) {
    int64_t kept = w->to - from, down = from - w->from, n;
    for (int64_t at = 0; down && at < kept; at += n) { /* pieces that do not overlap what they become */
        n = kept - at < down ? kept - at : down;
        op_affine(c, tensor_slice(w->buffer, 1, at, n), tensor_slice(w->buffer, 1, down + at, n), 1, 0);
    }
    w->from = from;
}
