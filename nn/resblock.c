/* In sd/guide/plain.c: resblock(). */
#include "resblock.h"

#include "strips.h"

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
    if (emb) bind_linear_f32(l, &m->emb, "emb_layers.1", emb, out, false);
    bind_norm(l, &m->norm2, name[2], out, groups, eps);
    bind_conv(l, &m->conv2, name[3], out, out, 3);
    if (m->has_skip) bind_linear_f32(l, &m->skip, name[4], in, out, true);
}

/* [D,C] as D pictures of one token */
static Tensor token(Tensor v) {
    return (Tensor){.data = v.data, .dtype = v.dtype, .nd = 3, .n = {v.n[0], 1, v.n[1]}, .s = {v.s[0], v.n[1], 1}};
}

void resblock_time_shift(Ctx *c, Tensor time_shifts, const ResBlock *m, Tensor emb) {
    linear(c, token(tensor_slice(time_shifts, 1, m->time_shift_at, m->emb.w.t.n[0])), &m->emb, token(emb), NULL, PLAIN);
}

/* y = shortcut(x, y): overwrites its own second source, some rows at a time. */
static void skip_over(Ctx *c, Tensor y, const Linear *m, Tensor x) {
    int64_t piece = row_piece(y.n[1], (size_t)(y.n[0] * y.n[2]) * 4, c->strip / 4);
    for (int64_t at = 0; at < y.n[1]; at += piece) {
        size_t scope = scope_begin(c);
        int64_t rows = at + piece < y.n[1] ? piece : y.n[1] - at;
        Tensor out = tensor_new(c, 3, SHAPE(y.n[0], rows, y.n[2])), to = tensor_slice(y, 1, at, rows);
        linear(c, out, m, tensor_slice(x, 1, at, rows), &to, PLAIN);
        op_affine(c, to, out, 1, 0);
        scope_end(c, scope);
    }
}

/* over: y is also x2 */
static void run(Ctx *c, Tensor y, const ResBlock *m, Tensor x, const Tensor *x2, const Tensor *time_shifts, bool over) {
    assert(!m->has_emb == !time_shifts && (!x2 || m->has_skip));
    size_t scope = scope_begin(c);
    int64_t n = y.n[0], out = y.n[3];
    Epilogue with_time = {0};
    Tensor shift;
    if (time_shifts) {
        shift = tensor_repeat(tensor_slice(*time_shifts, 1, m->time_shift_at, out), n);
        with_time.vector = &shift;
    }
    Tensor inner = tensor_new(c, 4, SHAPE(n, y.n[1], y.n[2], out));
    conv3_normed(c, inner, &m->conv1, &m->norm1, x, x2, with_time);
    norm(c, inner, &m->norm2, inner, NULL, ACT_SILU);
    if (over) {
        skip_over(c, tensor_tokens(y), &m->skip, tensor_tokens(x));
        x = y;
    } else if (m->has_skip) {
        Tensor second = {0};
        if (x2) second = tensor_tokens(*x2);
        linear(c, tensor_tokens(y), &m->skip, tensor_tokens(x), x2 ? &second : NULL, PLAIN);
        x = y;
    }
    conv3(c, y, &m->conv2, inner, (Epilogue){.residual = &x});
    scope_end(c, scope);
}

void resblock(Ctx *c, Tensor y, const ResBlock *m, Tensor x, const Tensor *x2, const Tensor *time_shifts) {
    run(c, y, m, x, x2, time_shifts, false);
}

void resblock_into_skip(Ctx *c, Tensor y, const ResBlock *m, Tensor x, const Tensor *time_shifts) {
    run(c, y, m, x, &y, time_shifts, true);
}
