/* plan.c: the backend that computes nothing. Run a model on it with an arena without memory, and the context tells the
 * exact peak of activations (arena->peak) and the arithmetic (flops, 2 per multiply-add of the products). Elementwise
 * work and norms are not counted: they are bound by memory, and papers do not count them either. */
#include "ops.h"

static void linear(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue e) {
    (void)x, (void)x2, (void)b, (void)e;
    c->flops += 2.0 * (double)tensor_count(y) * (double)w->t.n[1];
}

static void conv2d(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, Conv2d g, Epilogue e) {
    (void)x, (void)b, (void)g, (void)e;
    c->flops += 2.0 * (double)tensor_count(y) * (double)(w->t.n[1] * w->t.n[2] * w->t.n[3]);
}

static void group_norm(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Tensor parts,
                       float eps, Act act) {
    (void)c, (void)y, (void)x, (void)x2, (void)w, (void)b, (void)parts, (void)eps, (void)act;
}

static void layer_norm(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, float eps) {
    (void)c, (void)y, (void)x, (void)w, (void)b, (void)eps;
}

static void attention(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal) {
    (void)o, (void)v, (void)heads, (void)causal; /* both products in full, masked or not */
    c->flops += 4.0 * (double)tensor_count(q) * (double)k.n[1];
}

static void activation(Ctx *c, Tensor y, Tensor x, Act act) { (void)c, (void)y, (void)x, (void)act; }
static void geglu(Ctx *c, Tensor y, Tensor x) { (void)c, (void)y, (void)x; }
static void affine(Ctx *c, Tensor y, Tensor x, float scale, float offset) {
    (void)c, (void)y, (void)x, (void)scale, (void)offset;
}
static void embedding(Ctx *c, Tensor y, Tensor ids, const Weight *table, const Weight *positions) {
    (void)c, (void)y, (void)ids, (void)table, (void)positions;
}
static void timestep_embedding(Ctx *c, Tensor y, Tensor t) { (void)c, (void)y, (void)t; }

const Ops *plan_ops(void) {
    static const Ops OPS = {
        .name = "plan",
        .linear = linear,
        .conv2d = conv2d,
        .group_norm = group_norm,
        .layer_norm = layer_norm,
        .attention = attention,
        .activation = activation,
        .geglu = geglu,
        .affine = affine,
        .embedding = embedding,
        .timestep_embedding = timestep_embedding,
    };
    return &OPS;
}
