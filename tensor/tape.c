/* tape.c: recording, and the way back. See tape.h. */
#include "tape.h"

#include "backward.h"
#include "prepare.h"
#include "spans.h"

#include <assert.h>
#include <stdlib.h>

typedef enum {
    TAPE_LINEAR,
    TAPE_CONV2D,
    TAPE_GROUP_NORM,
    TAPE_LAYER_NORM,
    TAPE_ATTENTION,
    TAPE_ACTIVATION,
    TAPE_GEGLU,
    TAPE_AFFINE,
    TAPE_ADD,
    TAPE_EMBEDDING,
    TAPE_CONSTANT,
    TAPE_GAUSSIAN,
} Kind;

enum { SLOTS = 4 };

typedef struct {
    Kind kind;
    bool in_place, causal; /* in_place: y was added to, and keeps its gradient */
    Act act;
    int heads;
    float eps, scale;
    Conv2d g;
    Tensor y, in[SLOTS]; /* data NULL: no such input */
    Tensor saved[SLOTS]; /* where the values of in[] are now; data NULL: not needed */
    Tensor vector, residual;
    const Weight *w, *b;
} TapeOp;

/* A value that some op needs. */
typedef struct {
    Span place;
    int64_t op;
    int slot;
} Need;

struct Tape {
    TapeOp *ops;
    Need *needs;
    int64_t count, room, needed, needs_room;
    Spans filled; /* where the shadow holds gradients, in terms of the memory that it shadows */
    uintptr_t from, to, shadow;
};

Tape *tape_new(void) { return calloc(1, sizeof(Tape)); }

void tape_free(Tape *t) {
    if (!t) return;
    spans_free(&t->filled);
    free(t->ops);
    free(t->needs);
    free(t);
}

static Span span_of(Tensor t) {
    int64_t last = 0;
    for (int i = 0; i < t.nd; i++) last += (t.n[i] - 1) * t.s[i];
    uintptr_t at = (uintptr_t)t.data;
    return (Span){at, at + (uintptr_t)(last + 1) * (uintptr_t)(dtype_bits(t.dtype) / 8)};
}

/* --- recording --- */

void tape_start(Tape *t, Ctx *c) {
    assert(c->arena->base && c->op->backward);
    t->count = t->needed = 0;
    t->filled.count = 0;
    t->from = (uintptr_t)c->arena->base + c->arena->used;
    c->tape = t;
}

static bool out_of_memory(Ctx *c) {
    return error_set(&c->err, ERR_MEMORY, "out of memory for the record of a training step");
}

static TapeOp *push(Ctx *c, Kind kind, Tensor y) {
    Tape *t = c->tape;
    if (t->count == t->room) {
        int64_t room = t->room ? 2 * t->room : 1024;
        TapeOp *ops = realloc(t->ops, (size_t)room * sizeof *ops);
        if (!ops) return out_of_memory(c), NULL;
        t->ops = ops;
        t->room = room;
    }
    t->ops[t->count] = (TapeOp){.kind = kind, .y = y};
    return &t->ops[t->count++];
}

/* Input `slot` of the newest op is x, and its value is needed. */
static void need(Ctx *c, int slot, Tensor x) {
    Tape *t = c->tape;
    if (t->needed == t->needs_room) {
        int64_t room = t->needs_room ? 2 * t->needs_room : 2048;
        Need *needs = realloc(t->needs, (size_t)room * sizeof *needs);
        if (!needs) {
            out_of_memory(c);
            return;
        }
        t->needs = needs;
        t->needs_room = room;
    }
    t->ops[t->count - 1].saved[slot] = x;
    t->needs[t->needed++] = (Need){span_of(x), t->count - 1, slot};
}

static bool same_view(Tensor a, Tensor b) {
    if (a.data != b.data || !tensor_same_shape(a, b)) return false;
    for (int i = 0; i < a.nd; i++)
        if (a.s[i] != b.s[i]) return false;
    return true;
}

static Tensor *saved_of(Tape *t, const Need *n) { return &t->ops[n->op].saved[n->slot]; }

/* y is about to be written: copies the needed values that lie there. */
static void before_write(Ctx *c, Tensor y) {
    Tape *t = c->tape;
    Span place = span_of(y);
    for (int64_t i = 0; i < t->needed; i++) {
        if (t->needs[i].place.to <= place.from || t->needs[i].place.from >= place.to) continue;
        Tensor old = *saved_of(t, &t->needs[i]), copy = tensor_new(c, old.nd, old.n);
        assert(old.dtype == F32);
        c->op->affine(c, copy, old, 1, 0);
        for (int64_t j = i; j < t->needed; j++)
            if (same_view(*saved_of(t, &t->needs[j]), old)) {
                *saved_of(t, &t->needs[j]) = copy;
                t->needs[j].place = span_of(copy);
            }
    }
}

static TapeOp *product(Ctx *c, Kind kind, Tensor y, Tensor x, const Weight *w, const Weight *b, Epilogue e) {
    TapeOp *r = push(c, kind, y);
    if (!r) return NULL;
    assert(e.act == ACT_NONE);
    r->in[0] = x;
    r->w = w;
    r->b = b;
    if (e.vector) r->vector = *e.vector;
    if (e.residual) r->residual = *e.residual;
    r->in_place = e.residual && e.residual->data == y.data;
    if (w->grad) need(c, 0, x);
    return r;
}

void tape_linear(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue e) {
    TapeOp *r = product(c, TAPE_LINEAR, y, x, w, b, e);
    if (!r) return;
    if (x2) r->in[1] = *x2;
    if (x2 && w->grad) need(c, 1, *x2);
    before_write(c, y);
}

void tape_conv2d(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, Conv2d g, Epilogue e) {
    TapeOp *r = product(c, TAPE_CONV2D, y, x, w, b, e);
    if (!r) return;
    r->g = g;
    before_write(c, y);
}

/* An op of one input, whose value is needed. */
static TapeOp *unary(Ctx *c, Kind kind, Tensor y, Tensor x) {
    TapeOp *r = push(c, kind, y);
    if (!r) return NULL;
    r->in[0] = x;
    need(c, 0, x);
    return r;
}

void tape_group_norm(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Tensor parts,
                     Act act) {
    TapeOp *r = unary(c, TAPE_GROUP_NORM, y, x);
    if (!r) return;
    if (x2) {
        r->in[1] = *x2;
        need(c, 1, *x2);
    }
    r->saved[2] = parts; /* its own memory, never written again */
    r->w = w;
    r->b = b;
    r->act = act;
    before_write(c, y);
}

void tape_layer_norm(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, float eps) {
    TapeOp *r = unary(c, TAPE_LAYER_NORM, y, x);
    if (!r) return;
    r->w = w;
    r->b = b;
    r->eps = eps;
    before_write(c, y);
}

void tape_attention(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal) {
    TapeOp *r = unary(c, TAPE_ATTENTION, o, q);
    if (!r) return;
    r->in[1] = k;
    r->in[2] = v;
    r->heads = heads;
    r->causal = causal;
    need(c, 1, k);
    need(c, 2, v);
    before_write(c, o);
    need(c, 3, o);
}

void tape_activation(Ctx *c, Tensor y, Tensor x, Act act) {
    TapeOp *r = unary(c, TAPE_ACTIVATION, y, x);
    if (!r) return;
    r->act = act;
    before_write(c, y);
}

void tape_geglu(Ctx *c, Tensor y, Tensor x) {
    if (unary(c, TAPE_GEGLU, y, x)) before_write(c, y);
}

void tape_affine(Ctx *c, Tensor y, Tensor x, float scale) {
    TapeOp *r = push(c, TAPE_AFFINE, y);
    if (!r) return;
    r->in[0] = x;
    r->scale = scale;
    before_write(c, y);
}

void tape_add(Ctx *c, Tensor y, Tensor x) {
    TapeOp *r = push(c, TAPE_ADD, y);
    if (!r) return;
    r->in[0] = x;
    r->in_place = true;
    before_write(c, y);
}

void tape_embedding(Ctx *c, Tensor y, Tensor ids, const Weight *table, const Weight *positions) {
    TapeOp *r = push(c, TAPE_EMBEDDING, y);
    if (!r) return;
    r->saved[0] = ids; /* the caller's, who leaves them alone */
    r->w = table;
    r->b = positions;
    before_write(c, y);
}

void tape_constant(Ctx *c, Tensor y) {
    if (push(c, TAPE_CONSTANT, y)) before_write(c, y);
}

void tape_gaussian(Ctx *c, Tensor z, Tensor moments, Tensor noise, float scale) {
    TapeOp *r = unary(c, TAPE_GAUSSIAN, z, moments);
    if (!r) return;
    r->saved[1] = noise; /* the caller's */
    r->scale = scale;
    before_write(c, z);
}

/* --- the way back --- */

void tape_turn(Tape *t, Ctx *c) {
    c->tape = NULL;
    t->to = (uintptr_t)c->arena->base + c->arena->used;
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
    if (!spans_reserve(&t->filled)) return out_of_memory(c), (Into){0};
    Span place = span_of(x);
    Cover cover = spans_cover(&t->filled, place);
    bool add = cover != COVERED_NOT || !tensor_dense(x);
    if (add && cover != COVERED) zero_gaps(t, c, place);
    spans_add(&t->filled, place);
    return (Into){shadow_of(t, x), add};
}

/* The gradient of the op's output; data NULL: it has none. Overwritten outputs lose it. */
static Tensor take(Tape *t, Ctx *c, const TapeOp *r) {
    Span place = span_of(r->y);
    Cover cover = spans_cover(&t->filled, place);
    if (!has_gradient(t, r->y) || cover == COVERED_NOT) return (Tensor){0};
    if (!spans_reserve(&t->filled)) return out_of_memory(c), (Tensor){0};
    if (cover == COVERED_PARTLY) {
        zero_gaps(t, c, place);
        spans_add(&t->filled, place);
    }
    if (!r->in_place && tensor_dense(r->y)) spans_remove(&t->filled, place);
    return shadow_of(t, r->y);
}

Tensor tape_gradient(Tape *t, Tensor y) {
    assert(has_gradient(t, y) && tensor_dense(y));
    if (!spans_reserve(&t->filled)) abort(); /* the list has hundreds of places */
    spans_add(&t->filled, span_of(y));
    return shadow_of(t, y);
}

Tensor tape_shown(const Tape *t, Tensor x) { return shadow_of(t, x); }

static Tensor room_of(Ctx *c, int64_t floats) { return tensor_new(c, 1, &floats); }

static int64_t rounded(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

/* The gradients of bias, vector and residual. */
static void epilogue(Tape *t, Ctx *c, const TapeOp *r, Tensor dy) {
    const BackwardOps *op = c->op->backward;
    Tensor tokens = dy.nd == 4 ? tensor_tokens(dy) : dy;
    bool bias = r->b && r->b->grad;
    if (bias || has_gradient(t, r->vector)) {
        Tensor sums = tensor_new(c, 2, SHAPE(tokens.n[0], tokens.n[2]));
        op->row_sums(c, sums, bias ? r->b : NULL, tokens);
        Into to = into(t, c, r->vector);
        if (to.t.data) op->add(c, to, sums, 1);
    }
    if (r->in_place) return;
    Into to = into(t, c, r->residual);
    if (to.t.data) op->add(c, to, dy, 1);
}

static void linear(Tape *t, Ctx *c, const TapeOp *r, Tensor dy) {
    const BackwardOps *op = c->op->backward;
    bool second = r->in[1].data;
    epilogue(t, c, r, dy);
    if (r->w->grad) op->linear_dw(c, r->w, dy, r->saved[0], second ? &r->saved[1] : NULL);
    Into dx = into(t, c, r->in[0]), dx2 = second ? into(t, c, r->in[1]) : (Into){0};
    if (!dx.t.data && !dx2.t.data) return;
    dx.t.nd = 3;
    int64_t first = r->in[0].n[2], other = second ? r->in[1].n[2] : 0, wide = first > other ? first : other;
    dx.t.n[2] = first; /* also where nobody asks: the second source begins behind it */
    op->linear_dx(c, dx, second ? &dx2 : NULL, dy, r->w, room_of(c, r->w->t.n[0] * rounded(wide, PANEL_OUTPUTS)));
}

static void conv2d(Tape *t, Ctx *c, const TapeOp *r, Tensor dy) {
    const BackwardOps *op = c->op->backward;
    epilogue(t, c, r, dy);
    if (r->w->grad) {
        size_t scope = scope_begin(c);
        int64_t floats = conv2d_dw_room(c, r->w, dy, r->g);
        op->conv2d_dw(c, r->w, dy, r->saved[0], r->g, floats ? room_of(c, floats) : (Tensor){0});
        scope_end(c, scope);
    }
    Into dx = into(t, c, r->in[0]);
    if (!dx.t.data) return;
    const int64_t *w = r->w->t.n, *y = r->y.n, n = y[0], s = r->g.stride;
    Tensor filters = room_of(c, w[0] * w[1] * w[2] * rounded(w[3], FILTER_OUTPUTS)), spread = {0}, wide = {0};
    if (s > 1) spread = tensor_new(c, 4, SHAPE(n, s * (y[1] - 1) + 1, s * (y[2] - 1) + 1, w[0]));
    if (r->g.up_h) wide = tensor_new(c, 4, SHAPE(n, r->g.up_h, r->g.up_w, w[3]));
    op->conv2d_dx(c, dx, dy, r->w, r->g, filters, spread, wide);
}

static void group_norm(Tape *t, Ctx *c, const TapeOp *r, Tensor dy) {
    bool second = r->in[1].data;
    Into dx = into(t, c, r->in[0]), dx2 = second ? into(t, c, r->in[1]) : (Into){0};
    Tensor parts = r->saved[2], room = tensor_new(c, 4, SHAPE(parts.n[0], parts.n[1], 2, dy.n[2]));
    c->op->backward->group_norm(c, dx, second ? &dx2 : NULL, dy, r->saved[0], second ? &r->saved[1] : NULL, r->w, r->b,
                                parts, room, r->act);
}

static void layer_norm(Tape *t, Ctx *c, const TapeOp *r, Tensor dy) {
    int64_t blocks = (dy.n[1] + LAYER_NORM_ROWS - 1) / LAYER_NORM_ROWS;
    Tensor room = tensor_new(c, 3, SHAPE(dy.n[0] * blocks, 2, dy.n[2]));
    c->op->backward->layer_norm(c, into(t, c, r->in[0]), dy, r->saved[0], r->w, r->b, room, r->eps);
}

static void attention(Tape *t, Ctx *c, const TapeOp *r, Tensor dy) {
    Into dq = into(t, c, r->in[0]), dk = into(t, c, r->in[1]), dv = into(t, c, r->in[2]);
    Tensor room = tensor_new(c, 4, SHAPE(dy.n[0], r->heads, dy.n[1], 3));
    if (!dq.t.data && !dk.t.data && !dv.t.data) return;
    if (r->in[0].data == r->y.data) { /* o was written over q: so is its gradient, which both loops read */
        Tensor copy = tensor_new(c, dy.nd, dy.n);
        c->op->backward->add(c, (Into){copy, false}, dy, 1);
        dy = copy;
    }
    c->op->backward->attention(c, dq, dk, dv, dy, r->saved[3], r->saved[0], r->saved[1], r->saved[2], room, r->heads,
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
    case TAPE_CONSTANT: break;
    default: dx = into(t, c, r->in[0]); break;
    }
    if (dx.t.data) {
        if (r->kind == TAPE_ACTIVATION) op->activation(c, dx, dy, r->saved[0], r->act);
        if (r->kind == TAPE_GEGLU) op->geglu(c, dx, dy, r->saved[0]);
        if (r->kind == TAPE_AFFINE) op->add(c, dx, dy, r->scale);
        if (r->kind == TAPE_ADD) op->add(c, dx, dy, 1);
        if (r->kind == TAPE_GAUSSIAN) op->gaussian(c, dx, dy, r->saved[0], r->saved[1], r->scale);
    }
    if (!r->in_place && !tensor_dense(r->y)) op->zero(c, dy); /* the rest of its span may still be wanted */
}

void tape_backward(Tape *t, Ctx *c) {
    assert(!c->tape);
    for (int64_t i = t->count - 1; i >= 0 && !c->err.code; i--) {
        size_t scope = scope_begin(c);
        run_back(t, c, &t->ops[i]);
        scope_end(c, scope);
    }
    t->count = 0;
}
