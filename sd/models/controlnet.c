#include "controlnet.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

int controlnet_factor(const ControlnetConfig *k) { return 1 << (k->hint_levels - 1); }
int controlnet_maps(const Controlnet *m) { return m->trunk.inputs + 1; }

/* --- layout --- */

/* Convolution i of 2 hint_levels: conv_in, then two at each level, the second of which goes on to the next one, and at
 * last the one that ends in the trunk's channels. */
static void bind_hint(WeightList *l, Controlnet *m) {
    const ControlnetConfig *k = &m->config;
    int count = 2 * k->hint_levels;
    char name[16];
    for (int i = 0; i < count; i++) {
        int64_t in = i ? k->hint[(i - 1) / 2] : 3, out = i + 1 < count ? k->hint[i / 2] : k->unet.channels;
        snprintf(name, sizeof name, "%d", 2 * i); /* activations lie between */
        bind_conv(l, &m->hint[i], name, in, out, 3);
    }
}

bool controlnet_bind(Controlnet *m, const ControlnetConfig *k, WeightList *l) {
    *m = (Controlnet){.config = *k};
    if (!unet_bind_encoder(&m->trunk, &k->unet, l)) return false;
    m->zero = calloc((size_t)m->trunk.inputs, sizeof *m->zero);
    if (!m->zero) return error_set(l->err, ERR_MEMORY, "out of memory for a ControlNet's blocks");
    size_t mark = bind_enter(l, "input_hint_block.");
    bind_hint(l, m);
    bind_leave(l, mark);
    int64_t channels = 0;
    for (int i = 0; i < m->trunk.inputs; i++) {
        char name[24];
        channels = m->trunk.input[i].out;
        snprintf(name, sizeof name, "zero_convs.%d.0", i);
        bind_linear(l, &m->zero[i], name, channels, channels, true, true);
    }
    bind_linear(l, &m->middle_out, "middle_block_out.0", channels, channels, true, true);
    m->kinds = k->kinds;
    if (m->kinds.kinds) controlnet_union_bind(&m->kinds, l);
    return l->err->code == ERR_NONE;
}

void controlnet_free(Controlnet *m) {
    unet_free(&m->trunk);
    free(m->zero);
    *m = (Controlnet){0};
}

/* --- forward --- */

/* y, the last thing on the arena, moves down to `begin` if it has room below its own place, `at`. */
static Tensor move_down(Ctx *c, Tensor y, size_t begin, size_t at) {
    return arena_bytes(y) <= at - begin ? arena_replace(c, begin, y) : y;
}

void controlnet_hint(Ctx *c, Tensor guide, const Controlnet *m, Tensor hint, int kind) {
    size_t scope = scope_begin(c), begin = arena_top(c);
    int count = 2 * m->config.hint_levels;
    Tensor h = hint;
    for (int i = 0; i + 1 < count; i++) {
        int half = i % 2 == 0 && i > 0;
        size_t at = arena_top(c);
        Tensor y = tensor_new(c, 4, SHAPE(1, (h.n[1] + half) >> half, (h.n[2] + half) >> half, m->config.hint[i / 2]));
        conv3(c, y, &m->hint[i], h, (Epilogue){.act = ACT_SILU});
        h = move_down(c, y, begin, at);
    }
    conv3(c, guide, &m->hint[count - 1], h, PLAIN);
    tap(c, guide, "controlnet_cond_embedding");
    if (m->kinds.kinds) controlnet_union_guide(c, guide, &m->kinds, kind);
    scope_end(c, scope);
}

void controlnet_shapes(const Controlnet *m, Tensor x, int64_t shapes[MAX_CONTROL_MAPS][4]) {
    Tensor h = x;
    assert(controlnet_maps(m) <= MAX_CONTROL_MAPS);
    for (int i = 0; i <= m->trunk.inputs; i++) {
        unet_input_shape(&m->trunk, i < m->trunk.inputs ? i : i - 1, h, shapes[i]);
        if (i == m->trunk.inputs) /* the middle keeps its input's */
            for (int k = 0; k < 4; k++) shapes[i][k] = shapes[i - 1][k];
        h = tensor_view(NULL, x.dtype, 4, shapes[i]);
    }
}

/* mean [N,1,C] of x [N,T,C] over T: attention to all alike. */
static void means(Ctx *c, Tensor mean, Tensor x) {
    enum { HEADS = 8 };
    Tensor q = tensor_new(c, 3, mean.n);
    op_affine(c, q, tensor_slice(x, 1, 0, 1), 0, 0);
    op_attention(c, mean, q, x, x, x.n[2] % HEADS ? 1 : HEADS, false);
}

/* map (+)= scale zero(mean of x), at every place */
static void take_mean(Ctx *c, Tensor map, bool add, const Linear *zero, Tensor x, float scale) {
    const int64_t shape[] = {x.n[0], 1, x.n[3]}, places[] = {x.n[1] * x.n[2], 1, 1, x.n[3]};
    Tensor mean = tensor_new(c, 3, shape), y = tensor_new(c, 3, shape);
    means(c, mean, tensor_tokens(x));
    linear(c, y, zero, mean, NULL, PLAIN);
    for (int64_t n = 0; n < x.n[0]; n++) {
        Tensor to = tensor_reshape(tensor_slice(map, 0, n, 1), 4, places);
        Tensor from = tensor_repeat(tensor_reshape(tensor_slice(y, 0, n, 1), 4, SHAPE(1, 1, 1, x.n[3])), places[0]);
        if (add) op_accumulate(c, to, from, scale);
        else op_affine(c, to, from, scale, 0);
    }
}

/* map (+)= scale zero(x) */
static void take(Ctx *c, Tensor map, bool add, const Controlnet *m, const Linear *zero, Tensor x, float scale) {
    size_t scope = scope_begin(c);
    if (m->config.pools) {
        take_mean(c, map, add, zero, x, scale);
        scope_end(c, scope);
        return;
    }
    Tensor y = add ? tensor_new(c, 4, map.n) : map;
    linear(c, tensor_tokens(y), zero, tensor_tokens(x), NULL, PLAIN);
    if (add) op_accumulate(c, map, y, scale);
    else if (scale != 1) op_affine(c, map, map, scale, 0);
    scope_end(c, scope);
}

void controlnet_forward(Ctx *c, Tensor *maps, bool add, const Controlnet *m, const ControlnetInput *in) {
    size_t scope = scope_begin(c), begin = arena_top(c);
    const Unet *u = &m->trunk;
    Tensor h = in->x;
    const CrossKv kv = {.text = in->cross_kv};
    unet_tap_embeddings(c, u, in->time_shifts, h.n[0]);
    for (int i = 0; i < u->inputs; i++) {
        int64_t shape[4];
        unet_input_shape(u, i, h, shape);
        size_t at = arena_top(c);
        Tensor y = tensor_new(c, 4, shape);
        unet_input_block(c, y, u, i, h, in->time_shifts, &kv);
        if (!i) op_accumulate(c, y, in->guide.n[0] == 1 ? tensor_repeat(in->guide, y.n[0]) : in->guide, 1);
        take(c, maps[i], add, m, &m->zero[i], y, in->scales[i]);
        h = move_down(c, y, begin, at);
    }
    Tensor y = tensor_new(c, 4, h.n);
    unet_middle(c, y, u, h, in->time_shifts, &kv);
    take(c, maps[u->inputs], add, m, &m->middle_out, y, in->scales[u->inputs]);
    scope_end(c, scope);
}
