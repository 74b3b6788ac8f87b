#include "controlnet_union.h"

#include "config_detect.h"

#include <stdio.h>

enum { HEADS = 8, SINUSOID = 256 };

/* --- layout --- */

static int size(const Checkpoint *c, const char *name, int dim) {
    return file_tensor_size(checkpoint_find(c, name).tensor, dim);
}

bool controlnet_union_from_shapes(const Checkpoint *c, const UnetConfig *trunk, ControlnetUnion *out, Error *e) {
    char name[96];
    *out = (ControlnetUnion){.kinds = size(c, KEY_CONTROL "task_embedding", 0)};
    out->channels = trunk->channels, out->label = 4 * (int64_t)trunk->channels;
    if (!out->kinds) return true;
    do snprintf(name, sizeof name, KEY_CONTROL "transformer_layes.%d.ln_1.weight", out->count);
    while (size(c, name, 0) && out->count++ <= UNION_LAYERS);
    int told = size(c, KEY_CONTROL "control_add_embedding.linear_1.weight", 1);
    if (out->count >= 1 && out->count <= UNION_LAYERS && told == SINUSOID * out->kinds && trunk->label &&
        out->channels % HEADS == 0)
        return true;
    return error_set(
        e, ERR_FORMAT,
        "%s: is a ControlNet Union of another shape (%d layers, %d numbers for %d kinds); use xinsir's for "
        "SDXL, or a ControlNet of one kind",
        checkpoint_path(c, GIVEN_CONTROL), out->count, told, out->kinds);
}

void controlnet_union_bind(ControlnetUnion *m, WeightList *l) {
    bind_weight(l, &m->rows, WEIGHT_LINEAR, "task_embedding", 2, SHAPE(m->channels, m->kinds));
    m->rows.inputs_first = true;
    for (int i = 0; i < m->count; i++) {
        size_t mark = bind_enter(l, "transformer_layes.%d.", i);
        bind_clip_layer(l, &m->layers[i], m->channels, 4 * m->channels, HEADS, true);
        m->layers[i].causal = false;
        bind_leave(l, mark);
    }
    bind_linear(l, &m->out, "spatial_ch_projs", m->channels, m->channels, true, false);
    bind_linear(l, &m->label1, "control_add_embedding.linear_1", SINUSOID * m->kinds, m->label, true, false);
    bind_linear(l, &m->label2, "control_add_embedding.linear_2", m->label, m->label, true, false);
}

/* --- forward --- */

/* y[1,1,C] = the mean over all pixels of x[1,T,C]: a query of zeros attends to all of them alike. */
static void mean(Ctx *c, Tensor y, Tensor x) {
    size_t scope = scope_begin(c);
    Tensor q = tensor_new(c, 3, y.n);
    op_affine(c, q, tensor_slice(x, 1, 0, 1), 0, 0);
    op_attention(c, y, q, x, x, HEADS, false);
    scope_end(c, scope);
}

static void one_hot(Ctx *c, Tensor t, int kind, int kinds) {
    float *to = ctx_plans(c) ? NULL : tensor_host(c, t).data;
    for (int i = 0; to && i < kinds; i++) to[i] = i == kind;
    tensor_push(c, t);
}

void controlnet_union_guide(Ctx *c, Tensor guide, const ControlnetUnion *m, int kind) {
    size_t scope = scope_begin(c);
    Tensor x = tensor_new(c, 3, SHAPE(1, 1, m->channels)), y = tensor_new(c, 3, x.n);
    Tensor which = tensor_new(c, 3, SHAPE(1, 1, m->kinds));
    mean(c, x, tensor_tokens(guide));
    one_hot(c, which, kind, m->kinds);
    op_linear(c, x, which, NULL, &m->rows, NULL, (Epilogue){.residual = &x});
    for (int i = 0; i < m->count; i++) clip_layer(c, x, &m->layers[i], ACT_QUICK_GELU);
    linear(c, y, &m->out, x, NULL, PLAIN);
    Tensor pixels = tensor_tokens(guide);
    Tensor over = y;
    over.n[1] = pixels.n[1], over.s[1] = 0;
    op_accumulate(c, pixels, over, 1);
    scope_end(c, scope);
}

void controlnet_union_label(Ctx *c, Tensor label, const ControlnetUnion *m, int kind) {
    size_t scope = scope_begin(c);
    Tensor which = tensor_new_typed(c, F32, 1, SHAPE(m->kinds));
    Tensor told = tensor_new(c, 2, SHAPE(m->kinds, SINUSOID)), hidden = tensor_new(c, 3, SHAPE(1, 1, m->label));
    Tensor rows = tensor_reshape(label, 3, SHAPE(1, 1, m->label));
    one_hot(c, which, kind, m->kinds);
    op_timestep_embedding(c, told, which);
    linear(c, hidden, &m->label1, tensor_reshape(told, 3, SHAPE(1, 1, SINUSOID * m->kinds)), NULL,
           (Epilogue){.act = ACT_SILU});
    linear(c, rows, &m->label2, hidden, NULL, (Epilogue){.residual = &rows});
    scope_end(c, scope);
}
