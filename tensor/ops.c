/* ops.c: the wrappers around the op table. Shapes are checked here, once for every backend. */
#include "backward.h"
#include "tape.h"

#include <assert.h>

static bool skip(const Ctx *c) { return c->err.code != ERR_NONE; }

static void check_epilogue(Tensor y, int64_t channels, Epilogue e) {
    (void)channels; /* asserts vanish under NDEBUG */
    assert(!e.vector || (e.vector->nd == 2 && e.vector->n[0] == y.n[0] && e.vector->n[1] == channels));
    assert(!e.residual || tensor_same_shape(*e.residual, y));
    assert(!e.relu || e.act != ACT_GEGLU);
    (void)y, (void)e;
}

static bool is_vector(const Weight *w, int64_t n) { return w->t.nd == 1 && w->t.n[0] == n; }

/* With a tape, an activation is a separate op: its slope needs its input. */
static bool unfused(const Ctx *c, Epilogue e) { return c->tape && e.act != ACT_NONE; }

/* The rest of the epilogue, applied to the product `before`. */
static void finish_unfused(Ctx *c, Tensor y, Tensor before, Epilogue e) {
    if (e.act == ACT_GEGLU) {
        op_geglu(c, y, before);
        return;
    }
    if (!e.residual) {
        op_activation(c, y, before, e.act);
        return;
    }
    Tensor active = tensor_new(c, y.nd, y.n);
    op_activation(c, active, before, e.act);
    if (e.residual->data != y.data) op_affine(c, y, *e.residual, 1, 0);
    tape_add(c, y, active);
    c->op->backward->add(c, (Into){y, true}, active, 1);
}

/* The weight as the op sees it: w itself, or `copy` with its numbers on the arena until the op's scope ends. */
static const Weight *present(Ctx *c, const Weight *w, Weight *copy) {
    const WeightSource *s = c->source;
    int64_t bytes = s ? (int64_t)s->bytes(s->user, w) : 0;
    if (!bytes) return w;
    Tensor memory = tensor_new_typed(c, U8, 1, &bytes);
    *copy = *w;
    if (memory.data) s->fetch(s->user, copy, w, memory.data);
    return copy;
}

void op_linear(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue e) {
    if (skip(c)) return;
    assert(y.nd == 3 && x.nd == 3 && w->t.nd == 2 && y.n[0] == x.n[0] && y.n[1] == x.n[1]);
    assert(w->t.n[0] == y.n[2] * (e.act == ACT_GEGLU ? 2 : 1) && (e.act != ACT_GEGLU || (!e.vector && !e.residual)));
    assert(w->t.n[1] == x.n[2] + (x2 ? x2->n[2] : 0) && (!b || is_vector(b, w->t.n[0])));
    assert(!x2 || (x2->nd == 3 && x2->n[0] == x.n[0] && x2->n[1] == x.n[1]));
    check_epilogue(y, y.n[2], e);
    assert(!c->tape || !e.relu);
    if (unfused(c, e)) {
        Tensor before = tensor_new(c, 3, SHAPE(y.n[0], y.n[1], w->t.n[0]));
        op_linear(c, before, x, x2, w, b, (Epilogue){.vector = e.vector});
        finish_unfused(c, y, before, e);
        return;
    }
    if (c->tape) tape_linear(c, y, x, x2, w, b, e);
    size_t scope = scope_begin(c);
    Weight copy;
    c->op->linear(c, y, x, x2, present(c, w, &copy), b, e);
    scope_end(c, scope);
}

void op_conv2d(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, Conv2d g, Epilogue e) {
    if (skip(c)) return;
    assert(y.nd == 4 && x.nd == 4 && w->t.nd == 4 && y.n[0] == x.n[0]);
    assert(w->t.n[0] == y.n[3] && w->t.n[3] == x.n[3] && (!b || is_vector(b, y.n[3])) && g.stride >= 1);
    check_epilogue(y, y.n[3], e);
    assert(!c->tape || !e.relu);
    if (unfused(c, e)) {
        Tensor before = tensor_new(c, y.nd, y.n);
        op_conv2d(c, before, x, w, b, g, (Epilogue){.vector = e.vector});
        finish_unfused(c, y, before, e);
        return;
    }
    if (c->tape) tape_conv2d(c, y, x, w, b, g, e);
    size_t scope = scope_begin(c);
    Weight copy;
    c->op->conv2d(c, y, x, present(c, w, &copy), b, g, e);
    scope_end(c, scope);
}

void op_group_norm(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, int groups,
                   float eps, Act act) {
    if (skip(c)) return;
    assert(y.nd == 3 && x.nd == 3 && y.n[0] == x.n[0] && y.n[1] == x.n[1]);
    assert(y.n[2] == x.n[2] + (x2 ? x2->n[2] : 0) && y.n[2] % groups == 0);
    assert(is_vector(w, y.n[2]) && is_vector(b, y.n[2]));
    (void)is_vector; /* asserts vanish under NDEBUG */
    size_t scope = scope_begin(c);
    int64_t blocks = (y.n[1] + GROUP_NORM_PIXELS - 1) / GROUP_NORM_PIXELS;
    Tensor parts = tensor_new_typed(c, F64, 4, SHAPE(y.n[0], blocks, groups, 2));
    if (c->tape) tape_group_norm(c, y, x, x2, w, b, parts, eps, act);
    c->op->group_norm(c, y, x, x2, w, b, parts, eps, act);
    scope_end(c, scope);
}

void op_group_sums(Ctx *c, Tensor parts, Tensor x, const Tensor *x2) {
    if (skip(c)) return;
    assert(x.nd == 3 && parts.nd == 4 && parts.dtype == F64 && parts.n[0] == x.n[0]);
    assert(parts.n[1] == (x.n[1] + GROUP_NORM_PIXELS - 1) / GROUP_NORM_PIXELS);
    assert((x.n[2] + (x2 ? x2->n[2] : 0)) % parts.n[2] == 0);
    c->op->group_sums(c, parts, x, x2);
}

void op_group_stats(Ctx *c, Tensor stats, Tensor parts, int64_t pixels, int64_t width, float eps) {
    if (skip(c)) return;
    assert(stats.nd == 3 && stats.dtype == F64 && stats.n[0] == parts.n[0] && stats.n[1] == parts.n[2]);
    assert(parts.n[1] == (pixels + GROUP_NORM_PIXELS - 1) / GROUP_NORM_PIXELS);
    c->op->group_stats(c, stats, parts, pixels, width, eps);
}

void op_group_apply(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Tensor stats,
                    Act act) {
    if (skip(c)) return;
    assert(y.nd == 3 && x.nd == 3 && y.n[0] == x.n[0] && y.n[1] == x.n[1] && stats.n[0] == y.n[0]);
    assert(y.n[2] == x.n[2] + (x2 ? x2->n[2] : 0) && y.n[2] % stats.n[1] == 0);
    assert(is_vector(w, y.n[2]) && is_vector(b, y.n[2]));
    c->op->group_apply(c, y, x, x2, w, b, stats, act);
}

void op_layer_norm(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, float eps) {
    if (skip(c)) return;
    assert(y.nd == 3 && tensor_same_shape(x, y) && is_vector(w, x.n[2]) && is_vector(b, x.n[2]));
    if (c->tape) tape_layer_norm(c, y, x, w, b, eps);
    c->op->layer_norm(c, y, x, w, b, eps);
}

void op_attention(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal) {
    if (skip(c)) return;
    assert(o.nd == 3 && tensor_same_shape(o, q) && tensor_same_shape(k, v) && k.n[0] == q.n[0] && k.n[2] == q.n[2]);
    assert(q.n[2] % heads == 0 && (!causal || q.n[1] == k.n[1]));
    if (c->tape) tape_attention(c, o, q, k, v, heads, causal);
    c->op->attention(c, o, q, k, v, heads, causal);
}

void op_activation(Ctx *c, Tensor y, Tensor x, Act act) {
    if (skip(c)) return;
    assert(tensor_same_shape(y, x));
    if (c->tape) tape_activation(c, y, x, act);
    c->op->activation(c, y, x, act);
}

void op_geglu(Ctx *c, Tensor y, Tensor x) {
    if (skip(c)) return;
    assert(y.nd == 3 && x.nd == 3 && y.n[0] == x.n[0] && y.n[1] == x.n[1] && 2 * y.n[2] == x.n[2]);
    if (c->tape) tape_geglu(c, y, x);
    c->op->geglu(c, y, x);
}

void op_affine(Ctx *c, Tensor y, Tensor x, float scale, float offset) {
    if (skip(c)) return;
    assert(tensor_same_shape(y, x));
    if (c->tape) tape_affine(c, y, x, scale, offset);
    c->op->affine(c, y, x, scale, offset);
}

void op_accumulate(Ctx *c, Tensor y, Tensor x, float scale) {
    if (skip(c)) return;
    assert(tensor_same_shape(y, x) && !c->tape);
    c->op->accumulate(c, y, x, scale);
}

void op_prelu(Ctx *c, Tensor y, Tensor x, const Weight *slope) {
    if (skip(c)) return;
    assert(tensor_same_shape(y, x) && is_vector(slope, x.n[x.nd - 1]) && !c->tape);
    c->op->prelu(c, y, x, slope);
}

void op_embedding(Ctx *c, Tensor y, Tensor ids, const Weight *table, const Weight *positions) {
    if (skip(c)) return;
    assert(y.nd == 3 && ids.nd == 2 && ids.dtype == I32 && ids.n[0] == y.n[0] && ids.n[1] == y.n[1]);
    assert(table->t.n[1] == y.n[2] && (positions || !c->tape));
    assert(!positions || (positions->t.n[1] == y.n[2] && positions->t.n[0] >= y.n[1]));
    if (c->tape) tape_embedding(c, y, ids, table, positions);
    c->op->embedding(c, y, ids, table, positions);
}

void op_timestep_embedding(Ctx *c, Tensor y, Tensor t) {
    if (skip(c)) return;
    assert(y.nd == 2 && t.nd == 1 && t.n[0] == y.n[0] && y.n[1] % 2 == 0);
    if (c->tape) tape_timestep(c, y, t);
    c->op->timestep_embedding(c, y, t);
}

void op_gaussian(Ctx *c, Tensor z, Tensor moments, Tensor noise, float scale) {
    if (skip(c)) return;
    assert(z.nd == 4 && tensor_same_shape(z, noise) && moments.nd == 4 && moments.n[0] == z.n[0]);
    assert(moments.n[1] == z.n[1] && moments.n[2] == z.n[2] && moments.n[3] == 2 * z.n[3]);
    if (c->tape) tape_gaussian(c, z, moments, noise, scale);
    c->op->gaussian(c, z, moments, noise, scale);
}

Tensor arena_replace(Ctx *c, size_t top, Tensor t) {
    arena_set_top(c, top);
    Tensor y = tensor_new_typed(c, t.dtype, t.nd, t.n);
    const char *from = t.data, *to = y.data;
    assert(tensor_dense(t));
    assert(c->err.code || !to || from + tensor_bytes(t) <= to || to + tensor_bytes(t) <= from);
    op_affine(c, y, t, 1, 0);
    (void)from, (void)to;
    return y;
}
