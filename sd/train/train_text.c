/* train_text.c: captions as tokens and as what the U-Net is told of them: each encoder's states side by side, and for
 * SDXL the pooled vector and the picture's sizes. A caption that is dropped is zeros in SDXL's training (sgm's
 * ucg_rate), as the webui's empty negative prompt is; in that of others it is the empty caption. */
#include "train_internal.h"

#include <stdlib.h>
#include <string.h>

bool train_ids(const Trainer *t, const char *text, int32_t *out, Error *e) {
    for (int i = 0; i < t->m->config.encoders; i++, out += TRAIN_TOKENS) {
        const Clip *clip = &t->m->clip[i];
        int32_t *ids = NULL;
        int64_t n = tokenizer_encode(t->m->tokenizer, clip_rules(&clip->config), text, strlen(text), &ids);
        if (n < 0) return error_set(e, ERR_MEMORY, "out of memory for tokens");
        if (n > TRAIN_TOKENS - 2) n = TRAIN_TOKENS - 2;
        out[0] = TOKEN_BOS;
        memcpy(out + 1, ids, (size_t)n * sizeof *ids);
        out[n + 1] = TOKEN_EOS;
        for (int64_t k = n + 2; k < TRAIN_TOKENS; k++) out[k] = clip->config.pad;
        clip_rows(clip, out, TRAIN_TOKENS);
        free(ids);
    }
    return true;
}

static bool dropped(const Trainer *t, int64_t i) {
    return train_uniform(t->o->seed, FOR_DROPOUT, t->step, i) < t->o->caption_dropout;
}

void train_put_ids(const Trainer *t, int32_t *to, int encoder, int64_t picture, int64_t i) {
    const int32_t *ids = t->cache.ids + (picture * t->m->config.encoders + encoder) * TRAIN_TOKENS;
    if (dropped(t, i)) ids = t->empty + encoder * TRAIN_TOKENS;
    memcpy(to, ids, TRAIN_TOKENS * sizeof *to);
    if (t->o->word_dropout <= 0) return;
    /* words end where the padding begins, as the empty caption's does */
    for (int64_t k = 1; k < TRAIN_TOKENS - 1 && ids[k] != t->empty[1]; k++)
        if (train_uniform(t->o->seed, FOR_WORDS, t->step, i * TRAIN_TOKENS + k) < t->o->word_dropout) to[k] = 0;
}

/* The end token's place, where open_clip pools; ids are rows, and the empty caption's first one is its end. */
static int64_t end_of(const Trainer *t, const int32_t *ids) {
    for (int64_t k = 1; k < TRAIN_TOKENS; k++)
        if (ids[k] == t->empty[1]) return k;
    return TRAIN_TOKENS - 1;
}

static void copy(Ctx *c, Tensor to, Tensor from) { op_affine(c, to, from, 1, 0); }

/* The sizes' sinusoids follow the pooled vector in y[n,label]: the picture's own size, what was cut off it once it was
 * scaled, the size that is learned; heights before widths. Source: diffusers, train_text_to_image_sdxl.py. */
static void put_sizes(Trainer *t, Tensor y, int64_t first) {
    enum { SIZES = 6 };
    Ctx *c = &t->ctx;
    int64_t n = y.n[0], width = SIZES * SIZE_WIDTH;
    Tensor numbers = tensor_new(c, 1, SHAPE(n * SIZES)), embedded = tensor_new(c, 2, SHAPE(n * SIZES, SIZE_WIDTH));
    for (int64_t i = 0; !t->planning && i < n; i++) {
        const TrainSizes s = t->cache.sizes[train_picture(t, t->step, first + i)];
        const float size = (float)t->d->size;
        const float all[SIZES] = {(float)s.height, (float)s.width, (float)s.crop_top, (float)s.crop_left, size, size};
        memcpy((float *)numbers.data + i * SIZES, all, sizeof all);
    }
    op_timestep_embedding(c, embedded, numbers);
    copy(c, tensor_slice(y, 1, y.n[1] - width, width), tensor_reshape(embedded, 2, SHAPE(n, width)));
}

Tensor train_states(Trainer *t, const Tensor ids[MAX_ENCODERS], int64_t first, Tensor *label) {
    Ctx *c = &t->ctx;
    const SdConfig *k = &t->m->config;
    int64_t n = ids[0].n[0], at = 0;
    Tensor states = tensor_new(c, 3, SHAPE(n, TRAIN_TOKENS, k->unet.context)), y;
    if (label) y = tensor_new(c, 2, SHAPE(n, k->unet.label));
    for (int i = 0; i < k->encoders; i++) {
        const Clip *clip = &t->m->clip[i];
        bool whole = k->encoders == 1, pools = label && clip->config.pooled;
        Tensor own = whole ? states : tensor_new(c, 3, SHAPE(n, TRAIN_TOKENS, clip->config.width)), pooled;
        for (int64_t p = 0; p < n; p++)
            t->cache.ends[p] = t->planning ? 0 : end_of(t, (const int32_t *)ids[i].data + p * TRAIN_TOKENS);
        if (pools) pooled = tensor_new(c, 2, SHAPE(n, clip->config.pooled));
        clip_forward(c, own, clip, ids[i], NULL, clip->config.layer, pools ? &pooled : NULL, t->cache.ends);
        if (!whole) copy(c, tensor_slice(states, 2, at, clip->config.width), own);
        if (pools) copy(c, tensor_slice(y, 1, 0, clip->config.pooled), pooled);
        at += clip->config.width;
    }
    if (!label) return states;
    put_sizes(t, y, first);
    for (int64_t p = 0; !t->planning && p < n; p++) {
        if (!dropped(t, first + p)) continue;
        memset((float *)states.data + p * states.s[0], 0, (size_t)states.s[0] * sizeof(float));
        memset((float *)y.data + p * y.s[0], 0, (size_t)(y.s[0] - 6 * SIZE_WIDTH) * sizeof(float));
    }
    *label = y;
    return states;
}
