/* pointwise.c: epilogues, activations and the small ops. */
#include "kernels.h"

#include "exponent.h"
#include "rows.h"
#include "widen.h"

#include <assert.h>
#include <string.h>

/* x / (1 + e^-x) of `count` vectors at once. If e^-x would overflow, the result is below 1e-35. */
static inline __attribute__((always_inline)) void silu_by(V *x, const int count) {
    V e[AT_ONCE_EXP2];
#pragma GCC unroll 4
    for (int i = 0; i < count; i++) e[i] = -x[i];
    exp_by(e, count);
#pragma GCC unroll 4
    for (int i = 0; i < count; i++) x[i] /= 1.0f + e[i];
}

/* Their GELU, by fm_gelu's method: max(x, 0) - |x| Phi(-|x|). */
static inline __attribute__((always_inline)) void gelu_by(V *x, const int count) {
    V e[AT_ONCE_EXP2], half[AT_ONCE_EXP2];
#pragma GCC unroll 4
    for (int i = 0; i < count; i++) {
        V t = larger(x[i], -x[i]) * 0.70710678f;
        V u = (t - 2.75f) / (t + 2.75f);
        half[i] = 0.5f * FM_ERFC_FACTOR(fma_to, splat(FM_ERFC_FIRST), u);
        e[i] = -t * t;
    }
    exp_by(e, count);
#pragma GCC unroll 4
    for (int i = 0; i < count; i++) x[i] = fma_v(-larger(x[i], -x[i]), e[i] * half[i], larger((V){0}, x[i]));
}

static inline __attribute__((always_inline)) void by_vectors(float *x, int64_t n, void (*fn)(V *, const int)) {
    for (; n >= AT_ONCE_EXP2 * VW; n -= AT_ONCE_EXP2 * VW, x += AT_ONCE_EXP2 * VW) {
        V at[AT_ONCE_EXP2];
        memcpy(at, x, sizeof at);
        fn(at, AT_ONCE_EXP2);
        memcpy(x, at, sizeof at);
    }
    for (; n >= VW; n -= VW, x += VW) fn((V *)x, 1);
    if (!n) return;
    V end = {0};
    memcpy(&end, x, (size_t)n * sizeof *x);
    fn(&end, 1);
    memcpy(x, &end, (size_t)n * sizeof *x);
}

static void silu(float *x, int64_t n) { by_vectors(x, n, silu_by); }
static void gelu(float *x, int64_t n) { by_vectors(x, n, gelu_by); }

void K(activate)(float *x, int64_t n, Act act) {
    switch (act) {
    case ACT_NONE:
    case ACT_GEGLU: break; /* K(geglu_row) */
    case ACT_SILU: silu(x, n); break;
    case ACT_GELU: gelu(x, n); break;
    case ACT_QUICK_GELU:
        for (int64_t i = 0; i < n; i++) x[i] = fm_quick_gelu(x[i]);
        break;
    case ACT_TANH:
        for (int64_t i = 0; i < n; i++) x[i] = fm_tanh(x[i]);
        break;
    case ACT_LEAKY_RELU:
        for (int64_t i = 0; i < n; i++) x[i] = x[i] > 0.0f ? x[i] : 0.2f * x[i];
        break;
    }
}

typedef struct {
    float *y;
    const float *x, *gate, *bias, *gate_bias;
} Geglu;

static inline __attribute__((always_inline)) void geglu_by(const Geglu *p, int64_t at, const int count) {
    V g[AT_ONCE_EXP2];
    const bool bias = p->bias;
#pragma GCC unroll 4
    for (int i = 0; i < count; i++) g[i] = ((const V *)(p->gate + at))[i];
    if (bias) {
#pragma GCC unroll 4
        for (int i = 0; i < count; i++) g[i] += ((const V *)(p->gate_bias + at))[i];
    }
    gelu_by(g, count);
    if (bias) {
#pragma GCC unroll 4
        for (int i = 0; i < count; i++) g[i] *= ((const V *)(p->x + at))[i] + ((const V *)(p->bias + at))[i];
    } else {
#pragma GCC unroll 4
        for (int i = 0; i < count; i++) g[i] *= ((const V *)(p->x + at))[i];
    }
#pragma GCC unroll 4
    for (int i = 0; i < count; i++) ((V *)(p->y + at))[i] = g[i];
}

void K(geglu_row)(float *y, const float *x, const float *gate, const float *bias, const float *gate_bias, int64_t n) {
    const Geglu p = {y, x, gate, bias, gate_bias};
    int64_t i = 0;
    for (; i + AT_ONCE_EXP2 * VW <= n; i += AT_ONCE_EXP2 * VW) geglu_by(&p, i, AT_ONCE_EXP2);
    for (; i + VW <= n; i += VW) geglu_by(&p, i, 1);
    for (; i < n; i++) {
        float g = gate[i] + (bias ? gate_bias[i] : 0.0f);
        gelu(&g, 1);
        y[i] = (x[i] + (bias ? bias[i] : 0.0f)) * g;
    }
}

void K(finish)(const CpuFinish *f, float *y, int64_t ldy, int64_t picture, int64_t row, int64_t m, int64_t column,
               int64_t n) {
    const Tensor *r = f->e.residual;
    const float *bias = f->bias ? f->bias + column : NULL;
    const float *vector = f->e.vector ? at2(*f->e.vector, picture, 0) + column : NULL;
    Tensor rt = {0};
    if (r && !f->in_place) rt = r->nd == 4 ? tensor_tokens(*r) : *r;
    for (int64_t i = 0; i < m; i++, y += ldy) {
        if (bias)
            for (int64_t j = 0; j < n; j++) y[j] += bias[j];
        if (vector)
            for (int64_t j = 0; j < n; j++) y[j] += vector[j];
        if (f->e.act != ACT_NONE) K(activate)(y, n, f->e.act);
        if (rt.data) {
            const float *x = at2(rt, picture, row + i) + column;
            for (int64_t j = 0; j < n; j++) y[j] += x[j];
        }
        if (f->e.relu)
            for (int64_t j = 0; j < n; j++) y[j] = 0.0f > y[j] ? 0.0f : y[j];
    }
}

typedef struct {
    Tensor y, x;
    Act act;
    float scale, offset;
    const float *slope;
} Pointwise;

static void activation_rows(void *arg, int64_t index, void *scratch) {
    (void)scratch;
    const Pointwise *p = arg;
    int64_t step = rows_at_once(p->y), n = p->y.n[p->y.nd - 1];
    for (int64_t r = index * step; r < min64((index + 1) * step, rows_of(p->y)); r++) {
        float *y = tensor_row(p->y, r);
        const float *x = tensor_row(p->x, r);
        if (y != x) memcpy(y, x, (size_t)n * sizeof *y);
        K(activate)(y, n, p->act);
    }
}

static void geglu_rows(void *arg, int64_t index, void *scratch) {
    (void)scratch;
    const Pointwise *p = arg;
    int64_t step = rows_at_once(p->y), n = p->y.n[2];
    for (int64_t r = index * step; r < min64((index + 1) * step, rows_of(p->y)); r++) {
        float *y = tensor_row(p->y, r);
        const float *x = tensor_row(p->x, r);
        K(geglu_row)(y, x, x + n, NULL, NULL, n);
    }
}

static void affine_rows(void *arg, int64_t index, void *scratch) {
    (void)scratch;
    const Pointwise *p = arg;
    int64_t step = rows_at_once(p->y), n = p->y.n[p->y.nd - 1];
    for (int64_t r = index * step; r < min64((index + 1) * step, rows_of(p->y)); r++) {
        float *y = tensor_row(p->y, r);
        const float *x = tensor_row(p->x, r);
        for (int64_t i = 0; i < n; i++) y[i] = fma1(p->scale, x[i], p->offset);
    }
}

static void accumulate_rows(void *arg, int64_t index, void *scratch) {
    (void)scratch;
    const Pointwise *p = arg;
    int64_t step = rows_at_once(p->y), n = p->y.n[p->y.nd - 1];
    for (int64_t r = index * step; r < min64((index + 1) * step, rows_of(p->y)); r++) {
        float *y = tensor_row(p->y, r);
        const float *x = tensor_row(p->x, r);
        for (int64_t i = 0; i < n; i++) y[i] = fma1(p->scale, x[i], y[i]);
    }
}

static void prelu_rows(void *arg, int64_t index, void *scratch) {
    (void)scratch;
    const Pointwise *p = arg;
    int64_t step = rows_at_once(p->y), n = p->y.n[p->y.nd - 1];
    for (int64_t r = index * step; r < min64((index + 1) * step, rows_of(p->y)); r++) {
        float *y = tensor_row(p->y, r);
        const float *x = tensor_row(p->x, r);
        for (int64_t i = 0; i < n; i++) y[i] = x[i] > 0.0f ? x[i] : p->slope[i] * x[i];
    }
}

void K(activation)(Ctx *c, Tensor y, Tensor x, Act act) {
    run_rows(c, y, &(Pointwise){.y = y, .x = x, .act = act}, activation_rows);
}

void K(geglu)(Ctx *c, Tensor y, Tensor x) { run_rows(c, y, &(Pointwise){.y = y, .x = x}, geglu_rows); }

void K(affine)(Ctx *c, Tensor y, Tensor x, float scale, float offset) {
    run_rows(c, y, &(Pointwise){.y = y, .x = x, .scale = scale, .offset = offset}, affine_rows);
}

void K(accumulate)(Ctx *c, Tensor y, Tensor x, float scale) {
    run_rows(c, y, &(Pointwise){.y = y, .x = x, .scale = scale}, accumulate_rows);
}

void K(prelu)(Ctx *c, Tensor y, Tensor x, const Weight *slope) {
    run_rows(c, y, &(Pointwise){.y = y, .x = x, .slope = slope->t.data}, prelu_rows);
}

void K(embedding)(Ctx *c, Tensor y, Tensor ids, const Weight *table, const Weight *positions) {
    (void)c;
    int64_t n = y.n[2];
    for (int64_t p = 0; p < y.n[0]; p++)
        for (int64_t t = 0; t < y.n[1]; t++) {
            int64_t id = ((const int32_t *)ids.data)[p * ids.s[0] + t];
            assert(id >= 0 && id < table->t.n[0]);
            float *out = at2(y, p, t), line[256];
            const Tensor *a = &table->t, *b = positions ? &positions->t : NULL;
            widen(out, a->data, a->dtype, id * a->s[0], n);
            for (int64_t j = 0; b && j < n; j += 256) {
                int64_t nn = min64(256, n - j);
                widen(line, b->data, b->dtype, t * b->s[0] + j, nn);
                for (int64_t i = 0; i < nn; i++) out[j + i] += line[i];
            }
        }
}

/* In double: torch's f32 product t f_i is off by up to 6e-5 at t = 999. */
void K(timestep_embedding)(Ctx *c, Tensor y, Tensor t) {
    (void)c;
    int64_t half = y.n[1] / 2;
    for (int64_t p = 0; p < y.n[0]; p++)
        for (int64_t i = 0; i < half; i++) {
            double f = fm_exp64(-9.2103403719761836 /* ln 10000 */ * (double)i / (double)half), s, co;
            fm_sincos64((double)((const float *)t.data)[p] * f, &s, &co);
            at2(y, p, 0)[i] = (float)co;
            at2(y, p, 0)[half + i] = (float)s;
        }
}

void K(gaussian)(Ctx *c, Tensor z, Tensor moments, Tensor noise, float scale) {
    (void)c;
    int64_t channels = z.n[3];
    for (int64_t r = 0; r < rows_of(z); r++) {
        float *out = tensor_row(z, r);
        const float *mean = tensor_row(moments, r), *logvar = mean + channels, *e = tensor_row(noise, r);
        for (int64_t i = 0; i < channels; i++) {
            float lv = logvar[i] < -30.0f ? -30.0f : logvar[i] > 20.0f ? 20.0f : logvar[i];
            out[i] = scale * fma1(fm_exp(0.5f * lv), e[i], mean[i]);
        }
    }
}
