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

void conv3(Ctx *c, Tensor y, const Conv *m, Tensor x, Epilogue e) {
    int stride = y.n[1] == x.n[1] && y.n[2] == x.n[2] ? 1 : 2;
    assert(stride == 1 || (y.n[1] == (x.n[1] + 1) / 2 && y.n[2] == (x.n[2] + 1) / 2));
    op_conv2d(c, y, x, &m->w, conv_bias(m), (Conv2d){.stride = stride, .pad_top = 1, .pad_left = 1}, e);
}

void conv3_down_right(Ctx *c, Tensor y, const Conv *m, Tensor x) {
    op_conv2d(c, y, x, &m->w, conv_bias(m), (Conv2d){.stride = 2}, PLAIN);
}

void conv3_up(Ctx *c, Tensor y, const Conv *m, Tensor x) {
    Conv2d g = {.stride = 1, .pad_top = 1, .pad_left = 1, .up_h = y.n[1], .up_w = y.n[2]};
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
