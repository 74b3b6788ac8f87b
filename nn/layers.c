#include "layers.h"

#include <assert.h>
#include <stdio.h>

static void bind_pair(WeightList *l, Weight *w, Weight *b, WeightKind kind, const char *name, int nd,
                      const int64_t *n) {
    size_t mark = bind_enter(l, "%s.", name);
    bind_weight(l, w, kind, "weight", nd, n);
    if (b) bind_weight(l, b, WEIGHT_VECTOR, "bias", 1, n);
    bind_leave(l, mark);
}

void bind_linear(WeightList *l, Linear *m, const char *name, int64_t in, int64_t out, bool bias, bool pointwise) {
    bind_pair(l, &m->w, bias ? &m->b : NULL, WEIGHT_LINEAR, name, 2, SHAPE(out, in));
    m->w.pointwise = pointwise;
    m->bias = bias;
}

void bind_linear_f32(WeightList *l, Linear *m, const char *name, int64_t in, int64_t out, bool pointwise) {
    bool before = l->keep_f32;
    l->keep_f32 = true;
    bind_linear(l, m, name, in, out, true, pointwise);
    l->keep_f32 = before;
}

void bind_conv(WeightList *l, Conv *m, const char *name, int64_t in, int64_t out, int size) {
    bind_pair(l, &m->w, &m->b, WEIGHT_CONV, name, 4, SHAPE(out, size, size, in));
    m->bias = true;
}

void bind_conv_plain(WeightList *l, Conv *m, const char *name, int64_t in, int64_t out, int size) {
    bind_pair(l, &m->w, NULL, WEIGHT_CONV, name, 4, SHAPE(out, size, size, in));
    m->bias = false;
}

const Weight *conv_bias(const Conv *m) { return m->bias ? &m->b : NULL; }

void bind_norm(WeightList *l, Norm *m, const char *name, int64_t channels, int groups, float eps) {
    bind_pair(l, &m->w, &m->b, WEIGHT_VECTOR, name, 1, SHAPE(channels));
    m->groups = groups;
    m->eps = eps;
}

void linear(Ctx *c, Tensor y, const Linear *m, Tensor x, const Tensor *x2, Epilogue e) {
    op_linear(c, y, x, x2, &m->w, m->bias ? &m->b : NULL, e);
}

/* --- maps whose edges meet (Ctx.wrap) --- */

/* part = what lies at `from` of a map along a dimension, `n` of it. */
static void copy_slice(Ctx *c, Tensor map, int dim, int64_t to, Tensor other, int64_t from, int64_t n) {
    op_affine(c, tensor_slice(map, dim, to, n), tensor_slice(other, dim, from, n), 1, 0);
}

/* A map [N,h,w,C] within one that has a row or column more on the sides that meet; *inner is where it goes. */
static Tensor bordered(Ctx *c, Tensor *inner, int64_t n, int64_t h, int64_t w, int64_t channels) {
    int64_t down = c->wrap & WRAP_Y ? 1 : 0, across = c->wrap & WRAP_X ? 1 : 0;
    Tensor all = tensor_new(c, 4, SHAPE(n, h + 2 * down, w + 2 * across, channels));
    *inner = tensor_slice(tensor_slice(all, 1, down, h), 2, across, w);
    return all;
}

/* Fills the border from the opposite sides, and convolves. */
static void conv_bordered(Ctx *c, Tensor y, const Conv *m, Tensor all, int64_t h, int64_t w, int stride, Epilogue e) {
    int down = c->wrap & WRAP_Y ? 1 : 0, across = c->wrap & WRAP_X ? 1 : 0;
    Tensor rows = tensor_slice(all, 1, down, h);
    if (across) copy_slice(c, rows, 2, 0, rows, w, 1), copy_slice(c, rows, 2, w + 1, rows, 1, 1);
    if (down) copy_slice(c, all, 1, 0, all, h, 1), copy_slice(c, all, 1, h + 1, all, 1, 1);
    op_conv2d(c, y, all, &m->w, conv_bias(m), (Conv2d){.stride = stride, .pad_top = 1 - down, .pad_left = 1 - across},
              e);
}

static void conv3_wrapped(Ctx *c, Tensor y, const Conv *m, Tensor x, int stride, Epilogue e) {
    size_t scope = scope_begin(c);
    Tensor inner, all = bordered(c, &inner, x.n[0], x.n[1], x.n[2], x.n[3]);
    op_affine(c, inner, x, 1, 0);
    conv_bordered(c, y, m, all, x.n[1], x.n[2], stride, e);
    scope_end(c, scope);
}

/* Pixel i of up is this one of n, as a convolution reads an enlarged picture (ops.h). */
static int64_t enlarged_from(int64_t i, int64_t n, int64_t up) {
    int64_t at = (int64_t)((float)i * ((float)n / (float)up));
    return at < n ? at : n - 1;
}

/* The enlarged map is made: its edges are not those of x. */
static void conv3_up_wrapped(Ctx *c, Tensor y, const Conv *m, Tensor x) {
    size_t scope = scope_begin(c);
    int64_t h = y.n[1], w = y.n[2];
    Tensor inner, all = bordered(c, &inner, x.n[0], h, w, x.n[3]);
    Tensor tall = tensor_new(c, 4, SHAPE(x.n[0], h, x.n[2], x.n[3]));
    for (int64_t i = 0; i < h; i++) copy_slice(c, tall, 1, i, x, enlarged_from(i, x.n[1], h), 1);
    for (int64_t i = 0; i < w; i++) copy_slice(c, inner, 2, i, tall, enlarged_from(i, x.n[2], w), 1);
    conv_bordered(c, y, m, all, h, w, 1, PLAIN);
    scope_end(c, scope);
}

void conv3(Ctx *c, Tensor y, const Conv *m, Tensor x, Epilogue e) {
    int stride = y.n[1] == x.n[1] && y.n[2] == x.n[2] ? 1 : 2;
    assert(stride == 1 || (y.n[1] == (x.n[1] + 1) / 2 && y.n[2] == (x.n[2] + 1) / 2));
    if (c->wrap) {
        conv3_wrapped(c, y, m, x, stride, e);
        return;
    }
    op_conv2d(c, y, x, &m->w, conv_bias(m), (Conv2d){.stride = stride, .pad_top = 1, .pad_left = 1}, e);
}

void conv3_down_right(Ctx *c, Tensor y, const Conv *m, Tensor x) {
    op_conv2d(c, y, x, &m->w, conv_bias(m), (Conv2d){.stride = 2}, PLAIN);
}

void conv3_up(Ctx *c, Tensor y, const Conv *m, Tensor x) {
    Conv2d g = {.stride = 1, .pad_top = 1, .pad_left = 1, .up_h = y.n[1], .up_w = y.n[2]};
    if (c->wrap) {
        conv3_up_wrapped(c, y, m, x);
        return;
    }
    op_conv2d(c, y, x, &m->w, conv_bias(m), g, PLAIN);
}

void norm(Ctx *c, Tensor y, const Norm *m, Tensor x, const Tensor *x2, Act act) {
    Tensor second = {0};
    if (x2) second = x2->nd == 4 ? tensor_tokens(*x2) : *x2;
    if (y.nd == 4) y = tensor_tokens(y);
    if (x.nd == 4) x = tensor_tokens(x);
    if (m->groups) op_group_norm(c, y, x, x2 ? &second : NULL, &m->w, &m->b, m->groups, m->eps, act);
    else {
        assert(!x2 && act == ACT_NONE);
        op_layer_norm(c, y, x, &m->w, &m->b, m->eps);
    }
}
