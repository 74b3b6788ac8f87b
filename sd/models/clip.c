/* In sd/guide/plain.c: clip(). */
#include "clip.h"

#include <stdlib.h>

/* open_clip multiplies states by it, Hugging Face by its transpose, as a layer does. */
static void bind_projection(WeightList *l, Clip *m, const char *name) {
    bind_weight(l, &m->projection.w, WEIGHT_LINEAR, name, 2, SHAPE(m->config.pooled, m->config.width));
    m->projection.w.inputs_first = m->config.open_clip;
}

bool clip_bind(Clip *m, const ClipConfig *k, WeightList *l) {
    *m = (Clip){.config = *k};
    m->layers = calloc((size_t)k->layers, sizeof *m->layers);
    if (!m->layers) return error_set(l->err, ERR_MEMORY, "out of memory for the text encoder's layers");
    bool open = k->open_clip;
    size_t mark = bind_enter(l, "%s", open ? "" : "text_model.");
    const char *tokens = open ? "token_embedding.weight" : "embeddings.token_embedding.weight";
    const char *positions = open ? "positional_embedding" : "embeddings.position_embedding.weight";
    l->keep_f32 = true;
    bind_weight(l, &m->tokens, WEIGHT_TABLE, tokens, 2, SHAPE(k->vocabulary, k->width));
    bind_weight(l, &m->positions, WEIGHT_TABLE, positions, 2, SHAPE(k->positions, k->width));
    for (int i = 0; i < k->layers; i++) {
        size_t part = bind_enter(l, open ? "transformer.resblocks.%d." : "encoder.layers.%d.", i);
        bind_clip_layer(l, &m->layers[i], k->width, k->mlp, k->heads, open);
        bind_leave(l, part);
    }
    bind_norm(l, &m->final, open ? "ln_final" : "final_layer_norm", k->width, 0, 1e-5f);
    if (open && k->pooled) bind_projection(l, m, "text_projection");
    bind_leave(l, mark);
    if (!open && k->pooled) bind_projection(l, m, "text_projection.weight"); /* beside text_model */
    l->keep_f32 = false;
    return l->err->code == ERR_NONE;
}

void clip_free(Clip *m) {
    free(m->layers);
    free(m->kept);
    *m = (Clip){0};
}

bool clip_keep_tokens(Clip *m, const char *list, const char *what, Error *e) {
    uint8_t *seen = calloc(TOKEN_COUNT / 8 + 1, 1);
    m->kept = calloc((size_t)m->config.vocabulary, sizeof *m->kept);
    bool ok = (seen && m->kept) || error_set(e, ERR_MEMORY, "%s: out of memory for its tokens", what);
    int row = 0;
    for (const char *p = list; ok && *p;) {
        char *end;
        long id = strtol(p, &end, 10);
        bool fits = end > p && id >= 0 && id < TOKEN_COUNT && !(seen[id / 8] >> id % 8 & 1) &&
                    row + 1 < m->config.vocabulary && (!*end || *end == ',');
        if (!fits) {
            ok = error_set(e, ERR_FORMAT, "%s: \"sdc.tokens\" is not a list of distinct tokens that fits its table",
                           what);
            break;
        }
        seen[id / 8] |= (uint8_t)(1 << id % 8);
        m->kept[row++] = (uint16_t)id;
        p = *end ? end + 1 : end;
    }
    free(seen);
    if (!ok || row + 1 == m->config.vocabulary) return ok;
    return error_set(e, ERR_FORMAT, "%s: \"sdc.tokens\" lists %d tokens for a table of %d rows", what, row,
                     m->config.vocabulary);
}

static int32_t row_for(const Clip *m, int32_t id) {
    for (int32_t row = 1; row < m->config.vocabulary; row++)
        if (m->kept[row - 1] == id) return row;
    return 0;
}

void clip_rows(const Clip *m, int32_t *ids, int64_t n) {
    for (int64_t i = 0; m->kept && i < n; i++) ids[i] = row_for(m, ids[i]);
}

TokenRules clip_rules(const ClipConfig *c) {
    if (c->pad != TOKEN_EOS) return TOKENS_OPEN_CLIP; /* whatever names a folder gives it */
    return c->final_norm ? TOKENS_OPENAI : TOKENS_HUGGING_FACE;
}

int64_t clip_end(const int32_t *ids, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (ids[i] == TOKEN_EOS) return i;
    return 0;
}

static void run_layers(Ctx *c, Tensor x, const Clip *m, int first, int end) {
    for (int i = first; i < end; i++) clip_layer(c, x, &m->layers[i], m->config.act);
}

/* hidden: the output of layer `done` - 1 */
static void pool(Ctx *c, Tensor pooled, const Clip *m, Tensor hidden, int done, const int64_t *ends) {
    size_t scope = scope_begin(c);
    int64_t n = hidden.n[0], width = m->config.width;
    Tensor x = hidden, end = tensor_new(c, 3, SHAPE(n, 1, width));
    if (done < m->config.layers) {
        x = tensor_new(c, 3, hidden.n);
        op_affine(c, x, hidden, 1, 0);
        run_layers(c, x, m, done, m->config.layers);
    }
    for (int64_t i = 0; i < n; i++) {
        Tensor row = tensor_slice(tensor_slice(x, 0, i, 1), 1, ends ? ends[i] : 0, 1);
        op_affine(c, tensor_slice(end, 0, i, 1), row, 1, 0);
    }
    norm(c, end, &m->final, end, NULL, ACT_NONE);
    linear(c, tensor_reshape(pooled, 3, SHAPE(n, 1, m->config.pooled)), &m->projection, end, NULL, PLAIN);
    scope_end(c, scope);
}

/* Runs of rows that count replace those of the table. */
static void put_vectors(Ctx *c, Tensor states, const ClipVectors *v) {
    for (int64_t n = 0; n < states.n[0]; n++)
        for (int64_t t = 0, end; t < states.n[1]; t = end) {
            const bool *is = v->is + n * states.n[1];
            for (end = t + 1; end < states.n[1] && is[end] == is[t];) end++;
            if (!is[t]) continue;
            Tensor from = tensor_slice(tensor_slice(v->rows, 0, n, 1), 1, t, end - t);
            op_affine(c, tensor_slice(tensor_slice(states, 0, n, 1), 1, t, end - t), from, 1, 0);
        }
}

void clip_forward(Ctx *c, Tensor states, const Clip *m, Tensor ids, const ClipVectors *vectors, int skip,
                  const Tensor *pooled, const int64_t *ends) {
    int done = m->config.layers - skip + 1;
    op_embedding(c, states, ids, &m->tokens, &m->positions);
    if (vectors && !ctx_plans(c)) put_vectors(c, states, vectors);
    run_layers(c, states, m, 0, done);
    if (pooled) pool(c, *pooled, m, states, done, ends);
    if (m->config.final_norm) norm(c, states, &m->final, states, NULL, ACT_NONE);
}
