#include "resblock.h"

#include <assert.h>

void bind_resblock(WeightList *l, ResBlock *m, int64_t in, int64_t out, int64_t emb, int groups) {
    static const char *const NAMES[2][5] = {
        {"norm1", "conv1", "norm2", "conv2", "nin_shortcut"},                              /* VAE */
        {"in_layers.0", "in_layers.2", "out_layers.0", "out_layers.3", "skip_connection"}, /* U-Net */
    };
    m->has_emb = emb != 0;
    m->has_skip = in != out;
    const char *const *name = NAMES[m->has_emb];
    float eps = m->has_emb ? 1e-5f /* normalization() in the U-Net */ : 1e-6f /* Normalize() in the VAE */;
    bind_norm(l, &m->norm1, name[0], in, groups, eps);
    bind_conv(l, &m->conv1, name[1], in, out, 3);
    if (emb) bind_linear(l, &m->emb, "emb_layers.1", emb, out, true, false);
    bind_norm(l, &m->norm2, name[2], out, groups, eps);
    bind_conv(l, &m->conv2, name[3], out, out, 3);
    if (m->has_skip) bind_linear(l, &m->skip, name[4], in, out, true, true);
}

/* [D,C] as D pictures of one token */
static Tensor token(Tensor v) {
    return (Tensor){.data = v.data, .dtype = v.dtype, .nd = 3, .n = {v.n[0], 1, v.n[1]}, .s = {v.s[0], v.n[1], 1}};
}

void resblock_shift(Ctx *c, Tensor shifts, const ResBlock *m, Tensor emb) {
    linear(c, token(tensor_slice(shifts, 1, m->shift_at, m->emb.w.t.n[0])), &m->emb, token(emb), NULL, PLAIN);
}

void resblock(Ctx *c, Tensor y, const ResBlock *m, Tensor x, const Tensor *x2, const Tensor *shifts) {
    assert(!m->has_emb == !shifts && (!x2 || m->has_skip));
    size_t scope = scope_begin(c);
    int64_t n = y.n[0], h = y.n[1], w = y.n[2], out = y.n[3], in = x.n[3] + (x2 ? x2->n[3] : 0);
    Epilogue with_time = {0};
    Tensor shift;
    if (shifts) {
        shift = tensor_repeat(tensor_slice(*shifts, 1, m->shift_at, out), n);
        with_time.vector = &shift;
    }
    Tensor inner = tensor_new(c, 4, SHAPE(n, h, w, out));
    size_t first = scope_begin(c);
    Tensor normed = tensor_new(c, 4, SHAPE(n, h, w, in));
    norm(c, normed, &m->norm1, x, x2, ACT_SILU);
    conv3(c, inner, &m->conv1, normed, with_time);
    scope_end(c, first);
    norm(c, inner, &m->norm2, inner, NULL, ACT_SILU);
    if (m->has_skip) {
        Tensor second = {0};
        if (x2) second = tensor_tokens(*x2);
        linear(c, tensor_tokens(y), &m->skip, tensor_tokens(x), x2 ? &second : NULL, PLAIN);
        x = y;
    }
    conv3(c, y, &m->conv2, inner, (Epilogue){.residual = &x});
    scope_end(c, scope);
}
