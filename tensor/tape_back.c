/* tape_back.c: the backward pass. See tape.h. */
#include "prepare.h"
#include "tape_parts.h"

#include <assert.h>
#include <stdlib.h>

void tape_stop(Tape *t, Ctx *c) {
    c->tape = NULL;
    c->scopes = NULL;
    uintptr_t now = (uintptr_t)c->arena->base + c->arena->used;
    if (now > t->to) t->to = now;
    c->arena->used = (size_t)(t->to - (uintptr_t)c->arena->base); /* segments run again where they were */
    int64_t words = (int64_t)((t->to - t->from) / sizeof(float));
    if (c->err.code || !words) return;
    t->shadow = (uintptr_t)tensor_new(c, 1, &words).data;
}

static bool has_gradient(const Tape *t, Tensor x) {
    uintptr_t at = (uintptr_t)x.data;
    return x.data && at >= t->from && at < t->to;
}

static Tensor shadow_of(const Tape *t, Tensor x) {
    x.data = (void *)((uintptr_t)x.data - t->from + t->shadow);
    return x;
}

static void zero_gaps(Tape *t, Ctx *c, Span place) {
    Span gap;
    for (uintptr_t at = place.from; spans_gap(&t->filled, place, at, &gap); at = gap.to) {
        int64_t n = (int64_t)((gap.to - gap.from) / sizeof(float));
        c->op->backward->zero(c, shadow_of(t, tensor_view((void *)gap.from, F32, 1, &n)));
    }
}

/* Where the gradient of x goes. */
static Into into(Tape *t, Ctx *c, Tensor x) {
    if (!has_gradient(t, x)) return (Into){0};
    if (!spans_reserve(&t->filled)) return tape_out_of_memory(c), (Into){0};
    Span place = span_of(x);
    Cover cover = spans_cover(&t->filled, place);
    bool add = cover != COVERED_NOT || !tensor_dense(x);
    if (add && cover != COVERED) zero_gaps(t, c, place);
    spans_add(&t->filled, place);
    return (Into){shadow_of(t, x), add};
}

/* The gradient of the op's output; data NULL: none. An output that was overwritten loses it. */
static Tensor take(Tape *t, Ctx *c, const TapeOp *r) {
    Span place = span_of(r->y);
    Cover cover = spans_cover(&t->filled, place);
    if (!has_gradient(t, r->y) || cover == COVERED_NOT) return (Tensor){0};
    if (!spans_reserve(&t->filled)) return tape_out_of_memory(c), (Tensor){0};
    if (cover == COVERED_PARTLY) {
        zero_gaps(t, c, place);
        spans_add(&t->filled, place);
    }
    if (!r->in_place && tensor_dense(r->y)) spans_remove(&t->filled, place);
    return shadow_of(t, r->y);
}

Tensor tape_gradient(Tape *t, Ctx *c, Tensor y) {
    assert(has_gradient(t, y) && tensor_dense(y));
    if (!spans_reserve(&t->filled)) return tape_out_of_memory(c), (Tensor){0};
    spans_add(&t->filled, span_of(y));
    return shadow_of(t, y);
}

Tensor tape_input_gradient(const Tape *t, Tensor x) { return shadow_of(t, x); }

static Tensor work_of(Ctx *c, int64_t floats) { return tensor_new(c, 1, &floats); }

static int64_t rounded(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

/* The gradients of bias, vector and residual. */
static void epilogue(Tape *t, Ctx *c, const TapeOp *r, Tensor dy) {
    const BackwardOps *op = c->op->backward;
    Tensor tokens = dy.nd == 4 ? tensor_tokens(dy) : dy;
    bool bias = r->b && r->b->grad;
    if (bias || has_gradient(t, r->in[SLOT_VECTOR])) {
        Tensor sums = tensor_new(c, 2, SHAPE(tokens.n[0], tokens.n[2]));
        op->row_sums(c, sums, bias ? r->b : NULL, tokens);
        Into to = into(t, c, r->in[SLOT_VECTOR]);
        if (to.t.data) op->add(c, to, sums, 1);
    }
    if (r->in_place) return;
    Into to = into(t, c, r->in[SLOT_RESIDUAL]);
    if (to.t.data) op->add(c, to, dy, 1);
}

static void linear(Tape *t, Ctx *c, const TapeOp *r, Tensor dy) {
    const BackwardOps *op = c->op->backward;
    bool second = r->in[1].data;
    epilogue(t, c, r, dy);
    if (r->w->grad) op->linear_dw(c, r->w, dy, r->saved[0], second ? &r->saved[1] : NULL);
    Into dx = into(t, c, r->in[0]), dx2 = second ? into(t, c, r->in[1]) : (Into){0};
    if (c->err.code || (!dx.t.data && !dx2.t.data)) return;
    dx.t.nd = 3;
    int64_t first = r->in[0].n[2], other = second ? r->in[1].n[2] : 0, wide = first > other ? first : other;
    dx.t.n[2] = first; /* even if not wanted: the second source's columns begin after these */
    op->linear_dx(c, dx, second ? &dx2 : NULL, dy, r->w, work_of(c, r->w->t.n[0] * rounded(wide, PANEL_OUTPUTS)));
}

static void conv2d(Tape *t, Ctx *c, const TapeOp *r, Tensor dy) {
    const BackwardOps *op = c->op->backward;
    epilogue(t, c, r, dy);
    if (r->w->grad) {
        size_t scope = scope_begin(c);
        int64_t floats = conv2d_dw_work(c, r->w, dy, r->g);
        op->conv2d_dw(c, r->w, dy, r->saved[0], r->g, floats ? work_of(c, floats) : (Tensor){0});
        scope_end(c, scope);
    }
    Into dx = into(t, c, r->in[0]);
    if (c->err.code || !dx.t.data) return;
    const int64_t *w = r->w->t.n, *y = r->y.n, n = y[0], s = r->g.stride;
    Tensor filters = work_of(c, w[0] * w[1] * w[2] * rounded(w[3], FILTER_OUTPUTS)), spread = {0}, wide = {0};
    if (s > 1) spread = tensor_new(c, 4, SHAPE(n, s * (y[1] - 1) + 1, s * (y[2] - 1) + 1, w[0]));
    if (r->g.up_h) wide = tensor_new(c, 4, SHAPE(n, r->g.up_h, r->g.up_w, w[3]));
    op->conv2d_dx(c, dx, dy, r->w, r->g, filters, spread, wide);
}

static void group_norm(Tape *t, Ctx *c, const TapeOp *r, Tensor dy) {
    bool second = r->in[1].data;
    Into dx = into(t, c, r->in[0]), dx2 = second ? into(t, c, r->in[1]) : (Into){0};
    Tensor parts = r->saved[2], work = tensor_new(c, 4, SHAPE(parts.n[0], parts.n[1], 2, dy.n[2]));
    if (c->err.code) return;
    c->op->backward->group_norm(c, dx, second ? &dx2 : NULL, dy, r->saved[0], second ? &r->saved[1] : NULL, r->w, r->b,
                                parts, work, r->act);
}

static void layer_norm(Tape *t, Ctx *c, const TapeOp *r, Tensor dy) {
    int64_t blocks = (dy.n[1] + LAYER_NORM_ROWS - 1) / LAYER_NORM_ROWS;
    Tensor work = tensor_new(c, 3, SHAPE(dy.n[0] * blocks, 2, dy.n[2]));
    Into dx = into(t, c, r->in[0]);
    if (!c->err.code) c->op->backward->layer_norm(c, dx, dy, r->saved[0], r->w, r->b, work, r->eps);
}

static void attention(Tape *t, Ctx *c, const TapeOp *r, Tensor dy) {
    Into dq = into(t, c, r->in[0]), dk = into(t, c, r->in[1]), dv = into(t, c, r->in[2]);
    Tensor work = tensor_new(c, 4, SHAPE(dy.n[0], r->heads, dy.n[1], 3));
    if (c->err.code || (!dq.t.data && !dk.t.data && !dv.t.data)) return;
    if (r->in[0].data == r->y.data) { /* o overwrote q, so dq would overwrite dy, which both loops read */
        Tensor copy = tensor_new(c, dy.nd, dy.n);
        c->op->backward->add(c, (Into){copy, false}, dy, 1);
        dy = copy;
    }
    c->op->backward->attention(c, dq, dk, dv, dy, r->saved[3], r->saved[0], r->saved[1], r->saved[2], work, r->heads,
                               r->causal);
}

static void run_back(Tape *t, Ctx *c, const TapeOp *r) {
    const BackwardOps *op = c->op->backward;
    Tensor dy = take(t, c, r);
    if (!dy.data) return;
    Into dx = {0};
    switch (r->kind) {
    case TAPE_LINEAR: linear(t, c, r, dy); break;
    case TAPE_CONV2D: conv2d(t, c, r, dy); break;
    case TAPE_GROUP_NORM: group_norm(t, c, r, dy); break;
    case TAPE_LAYER_NORM: layer_norm(t, c, r, dy); break;
    case TAPE_ATTENTION: attention(t, c, r, dy); break;
    case TAPE_EMBEDDING: op->embedding(c, dy, r->saved[0], r->w, r->b); break;
    case TAPE_TIMESTEP: break;
    default: dx = into(t, c, r->in[0]); break;
    }
    if (dx.t.data) {
        if (r->kind == TAPE_ACTIVATION) op->activation(c, dx, dy, r->saved[0], r->act);
        if (r->kind == TAPE_GEGLU) op->geglu(c, dx, dy, r->saved[0]);
        if (r->kind == TAPE_AFFINE) op->add(c, dx, dy, r->scale);
        if (r->kind == TAPE_ADD) op->add(c, dx, dy, 1);
        if (r->kind == TAPE_GAUSSIAN) op->gaussian(c, dx, dy, r->saved[0], r->saved[1], r->scale);
    }
    if (!r->in_place && !tensor_dense(r->y)) op->zero(c, dy); /* the gaps in its span may hold other gradients */
}

void tape_backward(Tape *t, Ctx *c) {
    assert(!c->tape);
    for (int64_t i = t->count - 1; i >= 0 && !c->err.code; i--) {
        size_t scope = scope_begin(c);
        const TapeOp *r = &t->ops[i];
        const Segment *s = r->segment >= 0 ? &t->segments[r->segment] : NULL;
        if (s && i == s->end - 1) tape_rerun(t, c, s);
        run_back(t, c, r);
        if (s && i == s->first && spans_reserve(&t->filled)) spans_remove(&t->filled, (Span){s->from, s->to});
        scope_end(c, scope);
    }
    t->count = 0;
}
