#include "clip.h"

#include "sd/text/tokenizer.h"

#include <stdlib.h>

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
    l->keep_f32 = false;
    bind_leave(l, mark);
    return l->err->code == ERR_NONE;
}

void clip_free(Clip *m) {
    free(m->layers);
    free(m->row_of);
    *m = (Clip){0};
}

bool clip_keep_tokens(Clip *m, const char *list, const char *what, Error *e) {
    m->row_of = calloc(TOKEN_COUNT, sizeof *m->row_of);
    if (!m->row_of) return error_set(e, ERR_MEMORY, "%s: out of memory for its tokens", what);
    int row = 0;
    for (const char *p = list; *p;) {
        char *end;
        long id = strtol(p, &end, 10);
        bool fits = end > p && id >= 0 && id < TOKEN_COUNT && !m->row_of[id] && row + 1 < m->config.vocabulary;
        if (!fits || (*end && *end != ','))
            return error_set(e, ERR_FORMAT, "%s: \"sdc.tokens\" is not a list of distinct tokens that fits its table",
                             what);
        m->row_of[id] = ++row;
        p = *end ? end + 1 : end;
    }
    if (row + 1 == m->config.vocabulary) return true;
    return error_set(e, ERR_FORMAT, "%s: \"sdc.tokens\" lists %d tokens for a table of %d rows", what, row,
                     m->config.vocabulary);
}

void clip_rows(const Clip *m, int32_t *ids, int64_t n) {
    for (int64_t i = 0; m->row_of && i < n; i++) ids[i] = m->row_of[ids[i]];
}

void clip_forward(Ctx *c, Tensor states, const Clip *m, Tensor ids, int skip) {
    op_embedding(c, states, ids, &m->tokens, &m->positions);
    for (int i = 0; i <= m->config.layers - skip; i++) clip_layer(c, states, &m->layers[i], m->config.act);
    norm(c, states, &m->final, states, NULL, ACT_NONE);
}
