/* In sd/guide/plain.c: transformer(). */
#include "transformer.h"

#include "strips.h"

#include <stdlib.h>

/* --- attention --- */

void bind_attention(WeightList *l, Attention *m, int64_t channels, int64_t context, int heads) {
    m->heads = heads;
    bind_linear(l, &m->q, "to_q", channels, channels, false, false);
    bind_linear(l, &m->k, "to_k", context, channels, false, false);
    bind_linear(l, &m->v, "to_v", context, channels, false, false);
    bind_linear(l, &m->out, "to_out.0", channels, channels, true, false);
}

/* x += attention of norm(x) to itself. */
static void self_attention(Ctx *c, Tensor x, const Norm *norm_x, const Attention *m, bool causal) {
    size_t scope = scope_begin(c);
    int64_t width = x.n[2];
    Tensor q, k, v;
    if (m->fused) {
        Tensor all = tensor_new(c, 3, SHAPE(x.n[0], x.n[1], 3 * width));
        q = tensor_slice(all, 2, 0, width);
        k = tensor_slice(all, 2, width, width);
        v = tensor_slice(all, 2, 2 * width, width);
        size_t inner = scope_begin(c);
        Tensor normed = tensor_new(c, 3, x.n);
        norm(c, normed, norm_x, x, NULL, ACT_NONE);
        linear(c, all, &m->in, normed, NULL, PLAIN);
        scope_end(c, inner);
    } else {
        q = tensor_new(c, 3, x.n);
        k = tensor_new(c, 3, x.n);
        v = tensor_new(c, 3, x.n);
        size_t inner = scope_begin(c);
        Tensor normed = tensor_new(c, 3, x.n);
        norm(c, normed, norm_x, x, NULL, ACT_NONE);
        linear(c, q, &m->q, normed, NULL, PLAIN);
        linear(c, k, &m->k, normed, NULL, PLAIN);
        linear(c, v, &m->v, normed, NULL, PLAIN);
        scope_end(c, inner);
    }
    op_attention(c, q, q, k, v, m->heads, causal); /* overwrites q */
    linear(c, x, &m->out, q, NULL, (Epilogue){.residual = &x});
    scope_end(c, scope);
}

/* o = attention of q to kv [S,T,cross_kv], whose keys and values begin at channel `at`; o may be q. */
static void attend(Ctx *c, Tensor o, Tensor q, int heads, Tensor kv, int64_t at) {
    int64_t width = q.n[2], each = q.n[0] / kv.n[0];
    Tensor k = tensor_slice(kv, 2, at, width), v = tensor_slice(kv, 2, at + width, width);
    int64_t texts = each == 1 ? kv.n[0] : 1; /* per call: a text that pictures share gets a call of its own */
    for (int64_t i = 0; i < kv.n[0]; i += texts)
        op_attention(c, tensor_slice(o, 0, i * each, texts * each), tensor_slice(q, 0, i * each, texts * each),
                     tensor_repeat(tensor_slice(k, 0, i, texts), texts * each),
                     tensor_repeat(tensor_slice(v, 0, i, texts), texts * each), heads, false);
}

/* o += attention of q to a picture */
static void attend_image(Ctx *c, Tensor o, Tensor q, int heads, const ImageStates *image, int64_t first, int64_t at) {
    size_t scope = scope_begin(c);
    int64_t n = q.n[0], plain = image->plain - first;
    plain = plain < 0 ? 0 : plain > n ? n : plain;
    Tensor more = tensor_new(c, 3, q.n);
    for (int row = 0; row < 2; row++) {
        int64_t from = row ? plain : 0, count = row ? n - plain : plain;
        if (count)
            attend(c, tensor_slice(more, 0, from, count), tensor_slice(q, 0, from, count), heads,
                   tensor_slice(image->kv, 0, row, 1), at);
    }
    op_accumulate(c, o, more, 1);
    scope_end(c, scope);
}

/* Where attn1's keys begin in cross_kv, of a block that is only_cross. */
static int64_t first_kv_at(const TransformerBlock *b) { return b->cross_kv_at + 2 * b->attn2.k.w.t.n[0]; }

/* m's keys, then its values, of text states context [S,T,K], at channel `at` of kv [S,T,..]. */
static void attention_kv(Ctx *c, Tensor kv, int64_t at, const Attention *m, Tensor context) {
    int64_t width = m->k.w.t.n[0];
    linear(c, tensor_slice(kv, 2, at, width), &m->k, context, NULL, PLAIN);
    linear(c, tensor_slice(kv, 2, at + width, width), &m->v, context, NULL, PLAIN);
}

/* x += attention of norm_x(x) to texts, whose keys begin at channel `at`, and to pictures if there are any. */
static void cross_attention(Ctx *c, Tensor x, const TransformerBlock *b, const Attention *m, const Norm *norm_x,
                            int64_t at, const CrossKv *kv) {
    size_t scope = scope_begin(c);
    Tensor q = tensor_new(c, 3, x.n), o = kv->image_count ? tensor_new(c, 3, x.n) : q;
    size_t inner = scope_begin(c);
    Tensor normed = tensor_new(c, 3, x.n);
    norm(c, normed, norm_x, x, NULL, ACT_NONE);
    linear(c, q, &m->q, normed, NULL, PLAIN);
    scope_end(c, inner);
    if (kv->listener) kv->listener->see(kv->listener->user, c, b, q, kv);
    if (kv->states) {
        Tensor own = tensor_new(c, 3, SHAPE(kv->text.n[0], kv->text.n[1], 2 * m->k.w.t.n[0]));
        attention_kv(c, own, 0, m, kv->text);
        attend(c, o, q, m->heads, own, 0);
        scope_end(c, inner);
    } else attend(c, o, q, m->heads, kv->text, at);
    for (int i = 0; i < kv->image_count; i++) attend_image(c, o, q, m->heads, &kv->images[i], kv->first, at);
    linear(c, x, &m->out, o, NULL, (Epilogue){.residual = &x});
    scope_end(c, scope);
}

/* --- the U-Net's --- */

void bind_transformer_block(WeightList *l, TransformerBlock *m, int64_t channels, int64_t context, int heads) {
    const float eps = 1e-5f; /* torch.nn.LayerNorm's default */
    size_t mark = bind_enter(l, "attn1.");
    bind_attention(l, &m->attn1, channels, m->only_cross ? context : channels, heads);
    bind_leave(l, mark);
    bind_linear(l, &m->ff_in, "ff.net.0.proj", channels, 8 * channels, true, false);
    bind_linear(l, &m->ff_out, "ff.net.2", 4 * channels, channels, true, false);
    mark = bind_enter(l, "attn2.");
    bind_attention(l, &m->attn2, channels, context, heads);
    bind_leave(l, mark);
    bind_norm(l, &m->norm1, "norm1", channels, 0, eps);
    bind_norm(l, &m->norm2, "norm2", channels, 0, eps);
    bind_norm(l, &m->norm3, "norm3", channels, 0, eps);
}

/* x += ff_out(geglu(ff_in(norm3 x))), some rows at a time, since the hidden layer is four times as wide as x; rows of
 * all pictures in one line, if they are dense: large pieces read the weights less often. */
static void feed_forward(Ctx *c, Tensor x, const TransformerBlock *m) {
    if (c->strip && tensor_dense(x)) x = tensor_reshape(x, 3, SHAPE(1, x.n[0] * x.n[1], x.n[2]));
    int64_t n = x.n[0], channels = x.n[2], piece = row_piece(x.n[1], (size_t)(n * 5 * channels) * 4, c->strip / 2 * 3);
    for (int64_t at = 0; at < x.n[1]; at += piece) {
        size_t scope = scope_begin(c);
        int64_t rows = at + piece < x.n[1] ? piece : x.n[1] - at;
        Tensor part = tensor_slice(x, 1, at, rows);
        Tensor hidden = tensor_new(c, 3, SHAPE(n, rows, 4 * channels));
        size_t inner = scope_begin(c);
        Tensor normed = tensor_new(c, 3, part.n);
        norm(c, normed, &m->norm3, part, NULL, ACT_NONE);
        linear(c, hidden, &m->ff_in, normed, NULL, (Epilogue){.act = ACT_GEGLU});
        scope_end(c, inner);
        linear(c, part, &m->ff_out, hidden, NULL, (Epilogue){.residual = &part});
        scope_end(c, scope);
    }
}

void transformer_block(Ctx *c, Tensor x, const TransformerBlock *m, const CrossKv *kv) {
    if (m->only_cross)
        cross_attention(c, x, m, &m->attn1, &m->norm1, first_kv_at(m),
                        &(CrossKv){.text = kv->text, .states = kv->states});
    else self_attention(c, x, &m->norm1, &m->attn1, false);
    cross_attention(c, x, m, &m->attn2, &m->norm2, m->cross_kv_at, kv);
    feed_forward(c, x, m);
}

void bind_transformer(WeightList *l, Transformer *m, int64_t channels, int64_t context, int heads, int depth,
                      bool linear_projection, bool only_cross, int groups, int64_t *cross_kv) {
    m->blocks = calloc((size_t)depth, sizeof *m->blocks);
    if (!m->blocks) {
        error_set(l->err, ERR_MEMORY, "out of memory for a model's layers");
        return;
    }
    m->depth = depth;
    bind_norm(l, &m->norm, "norm", channels, groups, 1e-6f /* Normalize() in attention.py */);
    bind_linear(l, &m->proj_in, "proj_in", channels, channels, true, !linear_projection);
    for (int i = 0; i < depth; i++) {
        size_t mark = bind_enter(l, "transformer_blocks.%d.", i);
        m->blocks[i].only_cross = only_cross;
        bind_transformer_block(l, &m->blocks[i], channels, context, heads);
        bind_leave(l, mark);
        m->blocks[i].cross_kv_at = *cross_kv;
        *cross_kv += (only_cross ? 4 : 2) * channels;
    }
    bind_linear(l, &m->proj_out, "proj_out", channels, channels, true, !linear_projection);
}

void free_transformer(Transformer *m) {
    free(m->blocks);
    m->blocks = NULL;
    m->depth = 0;
}

void transformer_cross_kv(Ctx *c, Tensor cross_kv, const Transformer *m, Tensor context) {
    for (int i = 0; i < m->depth; i++) {
        const TransformerBlock *b = &m->blocks[i];
        attention_kv(c, cross_kv, b->cross_kv_at, &b->attn2, context);
        if (b->only_cross) attention_kv(c, cross_kv, first_kv_at(b), &b->attn1, context);
    }
}

void transformer(Ctx *c, Tensor picture, const Transformer *m, const CrossKv *kv) {
    size_t scope = scope_begin(c);
    Tensor x = tensor_tokens(picture); /* [N,HW,C] */
    Tensor h = tensor_new(c, 3, x.n);
    size_t inner = scope_begin(c);
    Tensor normed = tensor_new(c, 3, x.n);
    norm(c, normed, &m->norm, x, NULL, ACT_NONE);
    linear(c, h, &m->proj_in, normed, NULL, PLAIN);
    scope_end(c, inner);
    for (int i = 0; i < m->depth; i++) transformer_block(c, h, &m->blocks[i], kv);
    linear(c, x, &m->proj_out, h, NULL, (Epilogue){.residual = &x});
    scope_end(c, scope);
}

/* --- CLIP's --- */

void bind_clip_layer(WeightList *l, ClipLayer *m, int64_t width, int64_t mlp, int heads, bool open_clip) {
    const float eps = 1e-5f; /* layer_norm_eps of every CLIP text encoder in use */
    m->attn.heads = heads;
    m->attn.fused = open_clip;
    m->causal = true;
    bind_norm(l, &m->norm1, open_clip ? "ln_1" : "layer_norm1", width, 0, eps);
    if (open_clip) {
        bind_weight(l, &m->attn.in.w, WEIGHT_LINEAR, "attn.in_proj_weight", 2, SHAPE(3 * width, width));
        bind_weight(l, &m->attn.in.b, WEIGHT_VECTOR, "attn.in_proj_bias", 1, SHAPE(3 * width));
        m->attn.in.bias = true;
    } else {
        bind_linear(l, &m->attn.q, "self_attn.q_proj", width, width, true, false);
        bind_linear(l, &m->attn.k, "self_attn.k_proj", width, width, true, false);
        bind_linear(l, &m->attn.v, "self_attn.v_proj", width, width, true, false);
    }
    bind_linear(l, &m->attn.out, open_clip ? "attn.out_proj" : "self_attn.out_proj", width, width, true, false);
    bind_norm(l, &m->norm2, open_clip ? "ln_2" : "layer_norm2", width, 0, eps);
    bind_linear(l, &m->fc1, open_clip ? "mlp.c_fc" : "mlp.fc1", width, mlp, true, false);
    bind_linear(l, &m->fc2, open_clip ? "mlp.c_proj" : "mlp.fc2", mlp, width, true, false);
}

void clip_layer(Ctx *c, Tensor x, const ClipLayer *m, Act act) {
    self_attention(c, x, &m->norm1, &m->attn, m->causal);
    size_t scope = scope_begin(c);
    Tensor hidden = tensor_new(c, 3, SHAPE(x.n[0], x.n[1], m->fc1.w.t.n[0]));
    Tensor normed = tensor_new(c, 3, x.n);
    norm(c, normed, &m->norm2, x, NULL, ACT_NONE);
    linear(c, hidden, &m->fc1, normed, NULL, (Epilogue){.act = act});
    linear(c, x, &m->fc2, hidden, NULL, (Epilogue){.residual = &x});
    scope_end(c, scope);
}

/* --- the VAE's --- */

void bind_pixel_attention(WeightList *l, PixelAttention *m, int64_t channels, int groups) {
    m->attn.heads = 1;
    bind_norm(l, &m->norm, "norm", channels, groups, 1e-6f /* Normalize() in the VAE */);
    bind_linear(l, &m->attn.q, "q", channels, channels, true, true);
    bind_linear(l, &m->attn.k, "k", channels, channels, true, true);
    bind_linear(l, &m->attn.v, "v", channels, channels, true, true);
    bind_linear(l, &m->attn.out, "proj_out", channels, channels, true, true);
}

void pixel_attention(Ctx *c, Tensor x, const PixelAttention *m) {
    self_attention(c, tensor_tokens(x), &m->norm, &m->attn, false);
}
