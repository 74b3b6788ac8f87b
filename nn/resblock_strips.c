/* resblock_strips.c: a ResBlock of the VAE in strips of rows, with the same bits as the whole one.
 *
 * Both group norms need statistics of the whole map, so there are three sweeps over it:
 *
 *  - the first sums x;
 *  - the second computes the inner map (conv1's output) and sums it;
 *  - the third computes the inner map again, and y from it.
 *
 * An x that is an up-sampled and convolved map is computed in every sweep. Rows that two neighbouring strips read stay
 * in windows that move down the map, so nothing else is computed twice. Strips begin where tiles of the convolutions
 * and blocks of the statistics begin.
 *
 * Rows of y are written once those of x are no longer read: y may be x. With an up-sampling, when the first `ready`
 * rows of y are written, the next row of x to be read is at least ready / 2 + 3: with n = 1, x may lie at the end of a
 * block of memory at whose beginning y lies, and the block need not be larger than either of them. */
#include "resblock.h"
#include "strips.h"

#include <assert.h>

typedef struct {
    const ResBlock *m;
    const Conv *up;
    Tensor x;                 /* [N,H,W,in], or with `up` [N,H/2,W/2,..] */
    int64_t n, h, w, in, out; /* of x as the block reads it, and of y */
    int64_t rows, unit;       /* rows: of a strip, which begins at a multiple of unit */
    Tensor stats1, stats2;    /* F64 [N,groups,2] */
} Strips;

/* Rows [from, from + y.n[1]) of an x that has to be computed. */
static void up_rows(Ctx *c, const Strips *s, Tensor y, int64_t from) {
    int64_t to = from + y.n[1], low = s->x.n[1];
    int64_t first = from ? from / 2 - 1 : 0, last = to / 2 + 1 < low ? to / 2 + 1 : low;
    Conv2d g = {.stride = 1, .pad_top = (int)(2 * first - from) + 1, .pad_left = 1, .whole_h = s->h};
    g.up_h = 2 * (last - first), g.up_w = s->w;
    op_conv2d(c, y, tensor_slice(s->x, 1, first, last - first), &s->up->w, &s->up->b, g, PLAIN);
}

/* Of a map's parts (the statistics of its blocks), those of rows [from, to). */
static Tensor parts_of(const Strips *s, Tensor parts, int64_t from, int64_t to) {
    int64_t first = from * s->w / GROUP_NORM_PIXELS;
    return tensor_slice(parts, 1, first, (to * s->w + GROUP_NORM_PIXELS - 1) / GROUP_NORM_PIXELS - first);
}

static void finish_stats(Ctx *c, const Strips *s, Tensor stats, const Norm *m, Tensor parts) {
    op_group_stats(c, stats, parts, s->h * s->w, m->w.t.n[0] / m->groups, m->eps);
}

static void first_stats(Ctx *c, const Strips *s, Tensor parts) {
    if (!s->up) {
        norm_stats(c, s->stats1, &s->m->norm1, s->x, NULL);
        return;
    }
    for (int64_t from = 0; from < s->h; from += s->rows) {
        size_t scope = scope_begin(c);
        int64_t to = from + s->rows < s->h ? from + s->rows : s->h;
        Tensor x = tensor_new(c, 4, SHAPE(s->n, to - from, s->w, s->in));
        up_rows(c, s, x, from);
        op_group_sums(c, parts_of(s, parts, from, to), tensor_tokens(x), NULL);
        scope_end(c, scope);
    }
    finish_stats(c, s, s->stats1, &s->m->norm1, parts);
}

/* Rows [from, to) of the inner map, from those of x and their neighbours. */
static void inner_rows(Ctx *c, const Strips *s, Tensor y, const Window *x, int64_t from, int64_t to) {
    size_t scope = scope_begin(c);
    int64_t first = from ? from - 1 : 0, last = to < s->h ? to + 1 : s->h;
    Tensor normed = tensor_new(c, 4, SHAPE(s->n, last - first, s->w, s->in));
    norm_rows(c, normed, &s->m->norm1, window_rows(x, first, last), NULL, s->stats1, ACT_SILU, 0, last - first);
    conv3_rows(c, y, &s->m->conv1, normed, first, s->h, from, to, PLAIN);
    scope_end(c, scope);
}

/* Rows [from, to) of y get x, which the normalised inner map is convolved on top of. */
static void skip_rows(Ctx *c, const Strips *s, Tensor y, const Window *x, int64_t from, int64_t to) {
    Tensor rows = tensor_slice(y, 1, from, to - from), in = window_rows(x, from, to);
    if (s->m->has_skip) linear(c, tensor_tokens(rows), &s->m->skip, tensor_tokens(in), NULL, PLAIN);
    else if (s->up) op_affine(c, rows, in, 1, 0);
}

/* Rows [from, to) of y, which hold x, from the normalised inner rows with their neighbours. */
static void outer_rows(Ctx *c, const Strips *s, Tensor y, const Window *inner, int64_t from, int64_t to) {
    int64_t first = from ? from - 1 : 0, last = to < s->h ? to + 1 : s->h;
    Tensor rows = tensor_slice(y, 1, from, to - from);
    conv3_rows(c, rows, &s->m->conv2, window_rows(inner, first, last), first, s->h, from, to,
               (Epilogue){.residual = &rows});
}

/* With y, the third sweep; else the second, which sums the inner map into parts. The inner map is a unit ahead of y,
 * and a computed x a unit ahead of that. */
static void sweep(Ctx *c, const Strips *s, Tensor *y, Tensor parts) {
    size_t scope = scope_begin(c);
    int64_t h = s->h, most = s->rows + s->unit + 1 < h ? s->rows + s->unit + 1 : h, written = 0;
    Window x = {.buffer = s->x, .to = h}, inner = {.buffer = tensor_new(c, 4, SHAPE(s->n, most, s->w, s->out))};
    if (s->up) x = (Window){.buffer = tensor_new(c, 4, SHAPE(s->n, most, s->w, s->in))};
    for (int64_t done = 0, ready; done < h; done = ready) {
        ready = done + s->rows < h ? done + s->rows : h;
        int64_t upto = ready + s->unit < h ? ready + s->unit : h, begun = x.to;
        if (s->up && upto > begun) up_rows(c, s, window_grow(&x, upto), begun);
        Tensor made = window_grow(&inner, ready);
        inner_rows(c, s, made, &x, done, ready);
        if (y) {
            int64_t to = ready < h ? ready - s->unit : h;
            norm_rows(c, made, &s->m->norm2, made, NULL, s->stats2, ACT_SILU, 0, ready - done);
            skip_rows(c, s, *y, &x, done, ready);
            if (to > written) outer_rows(c, s, *y, &inner, written, to);
            written = to;
        } else op_group_sums(c, parts_of(s, parts, done, ready), tensor_tokens(made), NULL);
        if (ready == h) break;
        window_move(c, &inner, y ? (written ? written - 1 : 0) : ready);
        if (s->up) window_move(c, &x, ready - 1);
    }
    scope_end(c, scope);
}

void resblock_strips(Ctx *c, Tensor y, const ResBlock *m, Tensor x, const Conv *up) {
    assert(!m->has_emb && c->strip);
    size_t scope = scope_begin(c);
    Strips s = {.m = m, .up = up, .x = x, .n = y.n[0], .h = y.n[1], .w = y.n[2], .out = y.n[3]};
    s.in = m->conv1.w.t.n[3];
    for (s.unit = up ? 8 : 4; s.unit * s.w % GROUP_NORM_PIXELS; s.unit *= 2) {}
    /* low strips: windows hold more than one, and the purpose is to save memory */
    s.rows = strip_rows(s.h, (size_t)(s.n * s.w * s.in) * 4, c->strip / 4, s.unit);
    int64_t groups = m->norm1.groups, blocks = (s.h * s.w + GROUP_NORM_PIXELS - 1) / GROUP_NORM_PIXELS;
    Tensor parts = tensor_new_typed(c, F64, 4, SHAPE(s.n, blocks, groups, 2));
    s.stats1 = tensor_new_typed(c, F64, 3, SHAPE(s.n, groups, 2));
    s.stats2 = tensor_new_typed(c, F64, 3, SHAPE(s.n, groups, 2));
    first_stats(c, &s, parts);
    sweep(c, &s, NULL, parts);
    finish_stats(c, &s, s.stats2, &m->norm2, parts);
    sweep(c, &s, &y, parts);
    scope_end(c, scope);
}
