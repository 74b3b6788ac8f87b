/* pointwise_backward.c: gradients of activations and small ops, and the table of all backward ops.
 *
 *   SiLU        s (1 + x (1 - s)), s = sigmoid(x)
 *   quick GELU  s + 1.702 x s (1 - s), s = sigmoid(1.702 x)
 *   GELU        Phi(x) + x phi(x) */
#include "backward.h"

#include "fma.h"
#include "rows.h"

#include <assert.h>
#include <string.h>

enum { CHUNK = 32 };

typedef struct {
    Into dx;
    Tensor dy, x, noise;
    Act act;
    float scale;
} Pointwise;

static void zero_rows(void *arg, int64_t index, void *scratch) {
    (void)scratch;
    const Pointwise *p = arg;
    Tensor t = p->dx.t;
    int64_t step = rows_at_once(t), n = t.n[t.nd - 1];
    for (int64_t r = index * step; r < min64((index + 1) * step, rows_of(t)); r++)
        memset(tensor_row(t, r), 0, (size_t)n * sizeof(float));
}

static void add_rows(void *arg, int64_t index, void *scratch) {
    (void)scratch;
    const Pointwise *p = arg;
    Tensor t = p->dx.t;
    int64_t step = rows_at_once(t), n = t.n[t.nd - 1];
    for (int64_t r = index * step; r < min64((index + 1) * step, rows_of(t)); r++) {
        float *y = tensor_row(t, r);
        const float *x = tensor_row(p->x, r);
        if (p->dx.add)
            for (int64_t i = 0; i < n; i++) y[i] = fma1(p->scale, x[i], y[i]);
        else
            for (int64_t i = 0; i < n; i++) y[i] = p->scale * x[i];
    }
}

static inline float silu_slope(float x) {
    float s = 1.0f / (1.0f + fm_exp(-x));
    return s * fma1(x, 1.0f - s, 1.0f);
}

static inline float quick_gelu_slope(float x) {
    float s = 1.0f / (1.0f + fm_exp(-1.702f * x));
    return fma1(1.702f * x * s, 1.0f - s, s);
}

static inline float gelu_slope(float x) {
    float t = x < 0.0f ? -x : x, half = 0.5f * fm_erfc(t * 0.70710678f);
    float phi = 0.39894228f * fm_exp(-0.5f * x * x); /* 1 / sqrt(2 pi) */
    return fma1(x, phi, x < 0.0f ? half : 1.0f - half);
}

static inline float tanh_slope(float x) {
    float t = fm_tanh(x);
    return 1.0f - t * t;
}

static inline float leaky_slope(float x) { return x > 0.0f ? 1.0f : 0.2f; }

#define SLOPES(slope)                                                                                                  \
    if (add)                                                                                                           \
        for (int64_t i = 0; i < n; i++) dx[i] = fma1(dy[i], slope(x[i]), dx[i]);                                       \
    else                                                                                                               \
        for (int64_t i = 0; i < n; i++) dx[i] = dy[i] * slope(x[i]);                                                   \
    break

static void activation_rows(void *arg, int64_t index, void *scratch) {
    (void)scratch;
    const Pointwise *p = arg;
    int64_t step = rows_at_once(p->dy), n = p->dy.n[p->dy.nd - 1];
    bool add = p->dx.add;
    for (int64_t r = index * step; r < min64((index + 1) * step, rows_of(p->dy)); r++) {
        float *dx = tensor_row(p->dx.t, r);
        const float *dy = tensor_row(p->dy, r), *x = tensor_row(p->x, r);
        switch (p->act) {
        case ACT_SILU: SLOPES(silu_slope);
        case ACT_GELU: SLOPES(gelu_slope);
        case ACT_QUICK_GELU: SLOPES(quick_gelu_slope);
        case ACT_TANH: SLOPES(tanh_slope);
        case ACT_LEAKY_RELU: SLOPES(leaky_slope);
        case ACT_GEGLU: /* is recorded as another op */
        case ACT_NONE:
            for (int64_t i = 0; i < n; i++) dx[i] = (add ? dx[i] : 0) + dy[i];
        }
    }
}

static void geglu_rows(void *arg, int64_t index, void *scratch) {
    (void)scratch;
    const Pointwise *p = arg;
    int64_t step = rows_at_once(p->dy), n = p->dy.n[2];
    for (int64_t r = index * step; r < min64((index + 1) * step, rows_of(p->dy)); r++) {
        float *dx = tensor_row(p->dx.t, r), *dgate = dx + n;
        const float *dy = tensor_row(p->dy, r), *x = tensor_row(p->x, r), *gate = x + n;
        if (p->dx.add)
            for (int64_t i = 0; i < n; i++) dx[i] = fma1(dy[i], fm_gelu(gate[i]), dx[i]);
        else
            for (int64_t i = 0; i < n; i++) dx[i] = dy[i] * fm_gelu(gate[i]);
        if (p->dx.add)
            for (int64_t i = 0; i < n; i++) dgate[i] = fma1(dy[i] * x[i], gelu_slope(gate[i]), dgate[i]);
        else
            for (int64_t i = 0; i < n; i++) dgate[i] = dy[i] * x[i] * gelu_slope(gate[i]);
    }
}

/* z = scale (mean + e^(lv/2) noise), lv = log variance clamped to -30..20, with slope 0 outside */
static void gaussian_rows(void *arg, int64_t index, void *scratch) {
    (void)scratch;
    const Pointwise *p = arg;
    int64_t step = rows_at_once(p->dy), n = p->dy.n[p->dy.nd - 1];
    for (int64_t r = index * step; r < min64((index + 1) * step, rows_of(p->dy)); r++) {
        float *dx = tensor_row(p->dx.t, r);
        const float *dz = tensor_row(p->dy, r), *logvar = (float *)tensor_row(p->x, r) + n;
        const float *noise = tensor_row(p->noise, r);
        for (int64_t i = 0; i < n; i++) {
            float g = p->scale * dz[i], lv = logvar[i];
            float slope = lv > -30.0f && lv < 20.0f ? 0.5f * fm_exp(0.5f * lv) * noise[i] : 0.0f;
            dx[i] = (p->dx.add ? dx[i] : 0) + g;
            dx[n + i] = (p->dx.add ? dx[n + i] : 0) + g * slope;
        }
    }
}

void K(zero)(Ctx *c, Tensor t) { run_rows(c, t, &(Pointwise){.dx.t = t}, zero_rows); }

void K(add)(Ctx *c, Into y, Tensor x, float scale) {
    run_rows(c, y.t, &(Pointwise){.dx = y, .x = x, .scale = scale}, add_rows);
}

void K(activation_backward)(Ctx *c, Into dx, Tensor dy, Tensor x, Act act) {
    run_rows(c, dy, &(Pointwise){.dx = dx, .dy = dy, .x = x, .act = act}, activation_rows);
}

void K(geglu_backward)(Ctx *c, Into dx, Tensor dy, Tensor x) {
    run_rows(c, dy, &(Pointwise){.dx = dx, .dy = dy, .x = x}, geglu_rows);
}

void K(gaussian_backward)(Ctx *c, Into dmoments, Tensor dz, Tensor moments, Tensor noise, float scale) {
    run_rows(c, dz, &(Pointwise){.dx = dmoments, .dy = dz, .x = moments, .noise = noise, .scale = scale},
             gaussian_rows);
}

/* --- sums --- */

typedef struct {
    Tensor sums, dy, ids;
    float *table, *positions;
} Sums;

/* Sums one picture: in f32 over 64 rows, then in double. */
static void picture_sums(void *arg, int64_t p, void *scratch) {
    const Sums *s = arg;
    int64_t n = s->dy.n[2], rows = s->dy.n[1];
    double *total = scratch;
    float *part = (float *)(total + n), *out = at2(s->sums, p, 0);
    for (int64_t i = 0; i < n; i++) total[i] = 0;
    for (int64_t from = 0; from < rows; from += GROUP_NORM_PIXELS) {
        memset(part, 0, (size_t)n * sizeof *part);
        for (int64_t t = from; t < min64(from + GROUP_NORM_PIXELS, rows); t++) {
            const float *dy = at2(s->dy, p, t);
            for (int64_t i = 0; i < n; i++) part[i] += dy[i];
        }
        for (int64_t i = 0; i < n; i++) total[i] += part[i];
    }
    for (int64_t i = 0; i < n; i++) out[i] = (float)total[i];
}

void K(row_sums)(Ctx *c, Tensor sums, const Weight *bias, Tensor dy) {
    Sums s = {.sums = sums, .dy = dy};
    pool_run(c->pool, dy.n[0], picture_sums, &s);
    for (int64_t i = 0; bias && i < sums.n[1]; i++) {
        double total = 0;
        for (int64_t p = 0; p < sums.n[0]; p++) total += at2(sums, p, 0)[i];
        bias->grad[i] += (float)total;
    }
}

/* One chunk of channels of all rows: a row of the table that occurs more than once is added to in order. */
static void embedding_chunk(void *arg, int64_t index, void *scratch) {
    (void)scratch;
    const Sums *s = arg;
    int64_t width = s->dy.n[2], from = index * CHUNK, n = min64(CHUNK, width - from);
    for (int64_t p = 0; p < s->dy.n[0]; p++)
        for (int64_t t = 0; t < s->dy.n[1]; t++) {
            const float *dy = at2(s->dy, p, t) + from;
            int64_t id = ((const int32_t *)s->ids.data)[p * s->ids.s[0] + t];
            float *row = s->table ? s->table + id * width + from : NULL;
            float *position = s->positions ? s->positions + t * width + from : NULL;
            for (int64_t i = 0; row && i < n; i++) row[i] += dy[i];
            for (int64_t i = 0; position && i < n; i++) position[i] += dy[i];
        }
}

void K(embedding_backward)(Ctx *c, Tensor dy, Tensor ids, const Weight *table, const Weight *positions) {
    Sums s = {.dy = dy, .ids = ids, .table = table->grad, .positions = positions->grad};
    pool_run(c->pool, (dy.n[2] + CHUNK - 1) / CHUNK, embedding_chunk, &s);
}

const BackwardOps K(backward_table) = {
    .zero = K(zero),
    .add = K(add),
    .row_sums = K(row_sums),
    .linear_dx = K(linear_dx),
    .linear_dw = K(linear_dw),
    .conv2d_dx = K(conv2d_dx),
    .conv2d_dw = K(conv2d_dw),
    .group_norm = K(group_norm_backward),
    .layer_norm = K(layer_norm_backward),
    .attention = K(attention_backward),
    .activation = K(activation_backward),
    .geglu = K(geglu_backward),
    .embedding = K(embedding_backward),
    .gaussian = K(gaussian_backward),
};
