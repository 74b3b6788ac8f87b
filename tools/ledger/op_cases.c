/* op_cases.c: the table of cases, and how each calls an op of ops.h. */
#include "op_cases.h"

#include "generated.h"

#include <stdio.h>
#include <stdlib.h>

#define LINEAR(name_, n_, t_, k_, o_, k2_, bias_, act_, vec_, res_, xs_, xm_)                                          \
    {.kind = OP_LINEAR,                                                                                                \
     .name = #name_,                                                                                                   \
     .N = n_,                                                                                                          \
     .T = t_,                                                                                                          \
     .K = k_,                                                                                                          \
     .O = o_,                                                                                                          \
     .K2 = k2_,                                                                                                        \
     .bias = bias_,                                                                                                    \
     .act = act_,                                                                                                      \
     .vector = vec_,                                                                                                   \
     .residual = res_,                                                                                                 \
     .xscale = xs_,                                                                                                    \
     .xmean = xm_},
#define CONV(name_, n_, h_, w_, i_, o_, k_, s_, pt_, pl_, ho_, wo_, uh_, uw_, bias_, act_, vec_, res_, xs_, xm_)       \
    {.kind = OP_CONV,                                                                                                  \
     .name = #name_,                                                                                                   \
     .N = n_,                                                                                                          \
     .H = h_,                                                                                                          \
     .W = w_,                                                                                                          \
     .I = i_,                                                                                                          \
     .O = o_,                                                                                                          \
     .k = k_,                                                                                                          \
     .geometry = {.stride = s_, .pad_top = pt_, .pad_left = pl_, .up_h = uh_, .up_w = uw_},                            \
     .Ho = ho_,                                                                                                        \
     .Wo = wo_,                                                                                                        \
     .bias = bias_,                                                                                                    \
     .act = act_,                                                                                                      \
     .vector = vec_,                                                                                                   \
     .residual = res_,                                                                                                 \
     .xscale = xs_,                                                                                                    \
     .xmean = xm_},
#define GROUP_NORM(name_, n_, t_, c_, c2_, groups_, eps_, act_, xs_, xm_)                                              \
    {.kind = OP_GROUP_NORM,                                                                                            \
     .name = #name_,                                                                                                   \
     .N = n_,                                                                                                          \
     .T = t_,                                                                                                          \
     .C = c_,                                                                                                          \
     .C2 = c2_,                                                                                                        \
     .groups = groups_,                                                                                                \
     .eps = eps_,                                                                                                      \
     .act = act_,                                                                                                      \
     .xscale = xs_,                                                                                                    \
     .xmean = xm_},
#define LAYER_NORM(name_, n_, t_, c_, eps_, xs_, xm_)                                                                  \
    {.kind = OP_LAYER_NORM, .name = #name_, .N = n_, .T = t_, .C = c_, .eps = eps_, .xscale = xs_, .xmean = xm_},
#define ATTENTION(name_, n_, t_, s_, heads_, d_, causal_, xs_)                                                         \
    {.kind = OP_ATTENTION,                                                                                             \
     .name = #name_,                                                                                                   \
     .N = n_,                                                                                                          \
     .T = t_,                                                                                                          \
     .S = s_,                                                                                                          \
     .heads = heads_,                                                                                                  \
     .d = d_,                                                                                                          \
     .causal = causal_,                                                                                                \
     .xscale = xs_},
#define ACTIVATION(name_, n_, t_, c_, act_, xs_, xm_)                                                                  \
    {.kind = OP_ACTIVATION, .name = #name_, .N = n_, .T = t_, .C = c_, .act = act_, .xscale = xs_, .xmean = xm_},
#define GEGLU(name_, n_, t_, c_, xs_, xm_)                                                                             \
    {.kind = OP_GEGLU, .name = #name_, .N = n_, .T = t_, .C = c_, .xscale = xs_, .xmean = xm_},
#define AFFINE(name_, n_, t_, c_, scale_, offset_, xs_, xm_)                                                           \
    {.kind = OP_AFFINE,                                                                                                \
     .name = #name_,                                                                                                   \
     .N = n_,                                                                                                          \
     .T = t_,                                                                                                          \
     .C = c_,                                                                                                          \
     .scale = scale_,                                                                                                  \
     .offset = offset_,                                                                                                \
     .xscale = xs_,                                                                                                    \
     .xmean = xm_},
#define ADD(name_, n_, t_, c_, scale_)                                                                                 \
    {.kind = OP_ADD, .name = #name_, .N = n_, .T = t_, .C = c_, .residual = 1, .scale = scale_, .xscale = 1},
#define PRELU(name_, n_, t_, c_)                                                                                       \
    {.kind = OP_PRELU, .name = #name_, .N = n_, .T = t_, .C = c_, .O = c_, .bias = 1, .xscale = 1},
#define TIMESTEP(name_, n_, c_, ...) {.kind = OP_TIMESTEP, .name = #name_, .N = n_, .C = c_, .t = {__VA_ARGS__}},
#define EMBEDDING(name_, n_, t_, c_, v_) {.kind = OP_EMBEDDING, .name = #name_, .N = n_, .T = t_, .C = c_, .V = v_},

const OpCase OP_CASES[] = {
#include "cases.h"
};
const int OP_CASE_COUNT = sizeof OP_CASES / sizeof *OP_CASES;

bool op_kind_trains(OpKind kind) { return kind != OP_TIMESTEP && kind != OP_ADD && kind != OP_PRELU; }

const char *op_kind_name(OpKind kind) {
    static const char *const NAMES[] = {
        [OP_LINEAR] = "linear",
        [OP_CONV] = "conv2d",
        [OP_GROUP_NORM] = "group norm",
        [OP_LAYER_NORM] = "layer norm",
        [OP_ATTENTION] = "attention",
        [OP_ACTIVATION] = "activation",
        [OP_GEGLU] = "GEGLU",
        [OP_AFFINE] = "affine",
        [OP_TIMESTEP] = "timestep",
        [OP_EMBEDDING] = "embedding",
        [OP_ADD] = "add",
        [OP_PRELU] = "PReLU",
    };
    return NAMES[kind];
}

static Tensor input(const char *name, const char *part, int nd, const int64_t *n, double scale, double mean) {
    Tensor t = tensor_view(NULL, F32, nd, n);
    char full[96];
    snprintf(full, sizeof full, "%s.%s", name, part);
    t.data = malloc(tensor_bytes(t) + 1);
    if (t.data) gen_input(t.data, full, tensor_count(t), scale, mean);
    return t;
}

/* name: what follows "CASE." */
static bool parameter(Weight *w, const OpCase *k, WeightKind kind, const char *part, int nd, const int64_t *n) {
    char full[96];
    snprintf(full, sizeof full, "%s.%s", k->name, part);
    *w = (Weight){.kind = kind, .t = tensor_view(NULL, F32, nd, n)};
    return gen_fill(w, full, F32);
}

static void output(OpData *d, int nd, const int64_t *n) {
    d->nd = nd;
    for (int i = 0; i < nd; i++) d->n[i] = n[i];
}

static bool make_ids(OpData *d, const OpCase *k) {
    char full[96];
    snprintf(full, sizeof full, "%s.ids", k->name);
    Tensor ids = tensor_view(NULL, I32, 2, SHAPE(d->pictures, k->T));
    ids.data = malloc(tensor_bytes(ids));
    if (ids.data) gen_ids(ids.data, full, tensor_count(ids), k->V);
    d->in[0] = ids;
    return ids.data != NULL;
}

bool op_data_make(OpData *d, const OpCase *k) {
    *d = (OpData){.pictures = k->N > MIN_PICTURES ? k->N : MIN_PICTURES};
    int64_t n = d->pictures, all = k->heads * k->d;
    double s = k->xscale, m = k->xmean;
    bool ok = true;
    switch (k->kind) {
    case OP_LINEAR:
        d->in[0] = input(k->name, "x", 3, SHAPE(n, k->T, k->K), s, m);
        if (k->K2) d->in[1] = input(k->name, "x2", 3, SHAPE(n, k->T, k->K2), s, m);
        ok = parameter(&d->w, k, WEIGHT_LINEAR, "weight", 2, SHAPE(k->O, k->K + k->K2));
        output(d, 3, SHAPE(n, k->T, k->O));
        break;
    case OP_CONV:
        d->in[0] = input(k->name, "x", 4, SHAPE(n, k->H, k->W, k->I), s, m);
        ok = parameter(&d->w, k, WEIGHT_CONV, "weight", 4, SHAPE(k->O, k->k, k->k, k->I));
        output(d, 4, SHAPE(n, k->Ho, k->Wo, k->O));
        break;
    case OP_GROUP_NORM:
    case OP_LAYER_NORM:
        d->in[0] = input(k->name, "x", 3, SHAPE(n, k->T, k->C), s, m);
        if (k->C2) d->in[1] = input(k->name, "x2", 3, SHAPE(n, k->T, k->C2), s, m);
        ok = parameter(&d->w, k, WEIGHT_VECTOR, "weight", 1, SHAPE(k->C + k->C2)) &&
             parameter(&d->b, k, WEIGHT_VECTOR, "bias", 1, SHAPE(k->C + k->C2));
        output(d, 3, SHAPE(n, k->T, k->C + k->C2));
        break;
    case OP_ATTENTION:
        d->in[0] = input(k->name, "q", 3, SHAPE(n, k->T, all), s, 0);
        d->in[1] = input(k->name, "k", 3, SHAPE(n, k->S, all), s, 0);
        d->in[2] = input(k->name, "v", 3, SHAPE(n, k->S, all), 1, 0);
        output(d, 3, SHAPE(n, k->T, all));
        break;
    case OP_ACTIVATION:
    case OP_GEGLU:
    case OP_AFFINE:
    case OP_ADD:
    case OP_PRELU:
        d->in[0] = input(k->name, "x", 3, SHAPE(n, k->T, (k->kind == OP_GEGLU ? 2 : 1) * k->C), s, m);
        output(d, 3, SHAPE(n, k->T, k->C));
        break;
    case OP_TIMESTEP:
        d->in[0] = input(k->name, "t", 1, SHAPE(n), 1, 0);
        for (int64_t i = 0; d->in[0].data && i < n; i++) ((float *)d->in[0].data)[i] = (float)k->t[i];
        output(d, 2, SHAPE(n, k->C));
        break;
    case OP_EMBEDDING:
        ok = make_ids(d, k) && parameter(&d->w, k, WEIGHT_TABLE, "embedding.weight", 2, SHAPE(k->V, k->C)) &&
             parameter(&d->b, k, WEIGHT_TABLE, "position_embedding.weight", 2, SHAPE(k->T, k->C));
        output(d, 3, SHAPE(n, k->T, k->C));
        break;
    }
    if (k->bias && ok) ok = parameter(&d->b, k, WEIGHT_VECTOR, "bias", 1, SHAPE(k->O));
    if (k->vector) d->vector = input(k->name, "vector", 2, SHAPE(n, k->O), 1, 0);
    if (k->residual) d->residual = input(k->name, "residual", d->nd, d->n, 1, 0);
    return ok && d->in[0].data && (!k->vector || d->vector.data) && (!k->residual || d->residual.data);
}

void op_data_free(OpData *d) {
    for (int i = 0; i < MAX_INPUTS; i++) free(d->in[i].data);
    free(d->vector.data);
    free(d->residual.data);
    gen_free(&d->w);
    gen_free(&d->b);
}

static Tensor cut(Tensor t, int64_t first, int64_t count) { return t.data ? tensor_slice(t, 0, first, count) : t; }

OpData op_data_slice(const OpData *d, int64_t first, int64_t count) {
    OpData s = *d;
    for (int i = 0; i < MAX_INPUTS; i++) s.in[i] = cut(d->in[i], first, count);
    s.vector = cut(d->vector, first, count);
    s.residual = cut(d->residual, first, count);
    s.n[0] = s.pictures = count;
    return s;
}

void op_case_run(Ctx *c, const OpCase *k, const OpData *d, Tensor y) {
    Epilogue e = {.vector = d->vector.data ? &d->vector : NULL,
                  .act = k->act,
                  .residual = d->residual.data ? &d->residual : NULL};
    const Tensor *second = d->in[1].data ? &d->in[1] : NULL;
    const Weight *b = d->b.t.data || d->b.prepared ? &d->b : NULL;
    switch (k->kind) {
    case OP_LINEAR: op_linear(c, y, d->in[0], second, &d->w, b, e); break;
    case OP_CONV: op_conv2d(c, y, d->in[0], &d->w, b, k->geometry, e); break;
    case OP_GROUP_NORM: op_group_norm(c, y, d->in[0], second, &d->w, b, k->groups, (float)k->eps, k->act); break;
    case OP_LAYER_NORM: op_layer_norm(c, y, d->in[0], &d->w, b, (float)k->eps); break;
    case OP_ATTENTION: op_attention(c, y, d->in[0], d->in[1], d->in[2], k->heads, k->causal != 0); break;
    case OP_ACTIVATION: op_activation(c, y, d->in[0], k->act); break;
    case OP_GEGLU: op_geglu(c, y, d->in[0]); break;
    case OP_AFFINE: op_affine(c, y, d->in[0], (float)k->scale, (float)k->offset); break;
    case OP_ADD:
        op_affine(c, y, d->residual, 1, 0);
        op_accumulate(c, y, d->in[0], (float)k->scale);
        break;
    case OP_PRELU: op_prelu(c, y, d->in[0], b); break;
    case OP_TIMESTEP: op_timestep_embedding(c, y, d->in[0]); break;
    case OP_EMBEDDING: op_embedding(c, y, d->in[0], &d->w, &d->b); break;
    }
}
