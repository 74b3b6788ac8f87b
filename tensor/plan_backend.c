/* plan_backend.c: the backend that computes nothing. Running a model on it, with an arena without memory, gives the
 * exact peak of activations (arena->peak) and the arithmetic (ctx->flops: 2 per multiply-add of products). Elementwise
 * work and norms are not counted: they are bound by memory, and papers do not count them either. */
#include "backward.h"

static void linear(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue e) {
    (void)x, (void)x2, (void)b, (void)e;
    c->flops += 2.0 * (double)(y.n[0] * y.n[1]) * (double)(w->t.n[0] * w->t.n[1]);
}

static void conv2d(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, Conv2d g, Epilogue e) {
    (void)x, (void)b, (void)g, (void)e;
    c->flops += 2.0 * (double)tensor_count(y) * (double)(w->t.n[1] * w->t.n[2] * w->t.n[3]);
}

static void group_norm(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Tensor parts,
                       float eps, Act act) {
    (void)c, (void)y, (void)x, (void)x2, (void)w, (void)b, (void)parts, (void)eps, (void)act;
}

static void group_sums(Ctx *c, Tensor parts, Tensor x, const Tensor *x2) { (void)c, (void)parts, (void)x, (void)x2; }
static void group_stats(Ctx *c, Tensor stats, Tensor parts, int64_t pixels, int64_t width, float eps) {
    (void)c, (void)stats, (void)parts, (void)pixels, (void)width, (void)eps;
}
static void group_apply(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Tensor stats,
                        Act act) {
    (void)c, (void)y, (void)x, (void)x2, (void)w, (void)b, (void)stats, (void)act;
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
static void accumulate(Ctx *c, Tensor y, Tensor x, float scale) { (void)c, (void)y, (void)x, (void)scale; }
static void prelu(Ctx *c, Tensor y, Tensor x, const Weight *slope) { (void)c, (void)y, (void)x, (void)slope; }
static void embedding(Ctx *c, Tensor y, Tensor ids, const Weight *table, const Weight *positions) {
    (void)c, (void)y, (void)ids, (void)table, (void)positions;
}
static void timestep_embedding(Ctx *c, Tensor y, Tensor t) { (void)c, (void)y, (void)t; }

static void gaussian(Ctx *c, Tensor z, Tensor moments, Tensor noise, float scale) {
    (void)c, (void)z, (void)moments, (void)noise, (void)scale;
}

/* --- backward: the two gradients of a product cost twice the product --- */

static void zero(Ctx *c, Tensor t) { (void)c, (void)t; }
static void add(Ctx *c, Into y, Tensor x, float scale) { (void)c, (void)y, (void)x, (void)scale; }
static void row_sums(Ctx *c, Tensor sums, const Weight *bias, Tensor dy) { (void)c, (void)sums, (void)bias, (void)dy; }
static void count_product(Ctx *c, Tensor dy, const Weight *w) {
    c->flops += 2.0 * (double)tensor_count(dy) * (double)(tensor_count(w->t) / w->t.n[0]);
}
static void linear_dx(Ctx *c, Into dx, const Into *dx2, Tensor dy, const Weight *w, Tensor work) {
    (void)dx, (void)dx2, (void)work;
    count_product(c, dy, w);
}
static void linear_dw(Ctx *c, const Weight *w, Tensor dy, Tensor x, const Tensor *x2) {
    (void)x, (void)x2;
    count_product(c, dy, w);
}
static void conv2d_dx(Ctx *c, Into dx, Tensor dy, const Weight *w, Conv2d g, Tensor filters, Tensor spread,
                      Tensor wide) {
    (void)dx, (void)g, (void)filters, (void)spread, (void)wide;
    count_product(c, dy, w);
}
static void conv2d_dw(Ctx *c, const Weight *w, Tensor dy, Tensor x, Conv2d g, Tensor work) {
    (void)x, (void)g, (void)work;
    count_product(c, dy, w);
}
static void group_norm_back(Ctx *c, Into dx, const Into *dx2, Tensor dy, Tensor x, const Tensor *x2, const Weight *w,
                            const Weight *b, Tensor parts, Tensor work, Act act) {
    (void)c, (void)dx, (void)dx2, (void)dy, (void)x, (void)x2, (void)w, (void)b, (void)parts, (void)work, (void)act;
}
static void layer_norm_back(Ctx *c, Into dx, Tensor dy, Tensor x, const Weight *w, const Weight *b, Tensor work,
                            float eps) {
    (void)c, (void)dx, (void)dy, (void)x, (void)w, (void)b, (void)work, (void)eps;
}
static void attention_back(Ctx *c, Into dq, Into dk, Into dv, Tensor dy, Tensor o, Tensor q, Tensor k, Tensor v,
                           Tensor work, int heads, bool causal) {
    (void)dq, (void)dk, (void)dv, (void)dy, (void)o, (void)v, (void)work, (void)heads, (void)causal;
    c->flops += 10.0 * (double)tensor_count(q) * (double)k.n[1]; /* five products */
}
static void activation_back(Ctx *c, Into dx, Tensor dy, Tensor x, Act act) {
    (void)c, (void)dx, (void)dy, (void)x, (void)act;
}
static void geglu_back(Ctx *c, Into dx, Tensor dy, Tensor x) { (void)c, (void)dx, (void)dy, (void)x; }
static void embedding_back(Ctx *c, Tensor dy, Tensor ids, const Weight *table, const Weight *positions) {
    (void)c, (void)dy, (void)ids, (void)table, (void)positions;
}
static void gaussian_back(Ctx *c, Into dmoments, Tensor dz, Tensor moments, Tensor noise, float scale) {
    (void)c, (void)dmoments, (void)dz, (void)moments, (void)noise, (void)scale;
}

const Ops *plan_ops(void) {
    static const BackwardOps BACK = {
        .zero = zero,
        .add = add,
        .row_sums = row_sums,
        .linear_dx = linear_dx,
        .linear_dw = linear_dw,
        .conv2d_dx = conv2d_dx,
        .conv2d_dw = conv2d_dw,
        .group_norm = group_norm_back,
        .layer_norm = layer_norm_back,
        .attention = attention_back,
        .activation = activation_back,
        .geglu = geglu_back,
        .embedding = embedding_back,
        .gaussian = gaussian_back,
    };
    static const Ops OPS = {
        .name = "plan",
        .linear = linear,
        .conv2d = conv2d,
        .group_norm = group_norm,
        .group_sums = group_sums,
        .group_stats = group_stats,
        .group_apply = group_apply,
        .layer_norm = layer_norm,
        .attention = attention,
        .activation = activation,
        .geglu = geglu,
        .affine = affine,
        .accumulate = accumulate,
        .prelu = prelu,
        .embedding = embedding,
        .timestep_embedding = timestep_embedding,
        .gaussian = gaussian,
        .backward = &BACK,
    };
    return &OPS;
}

bool ctx_plans(const Ctx *c) { return c->op == plan_ops(); }
