/* train_cache.c: moments and tokens of pictures, computed when they are first needed. An encoder's result does not
 * depend on the batch, so neither does what is kept. */
#include "sd/image/pixels.h"
#include "train_internal.h"

#include <stdlib.h>
#include <string.h>

bool train_cache_init(Trainer *t, Error *e) {
    Cache *c = &t->cache;
    const VaeConfig *k = &t->m->config.vae;
    int64_t side = t->d->size / vae_factor(k);
    c->count = t->d->count < t->o->cache ? t->d->count : t->o->cache;
    c->moments_each = side * side * 2 * k->latent;
    c->moments = malloc((size_t)(c->count * c->moments_each) * sizeof *c->moments);
    c->ids = malloc((size_t)c->count * sizeof t->empty);
    c->known = calloc((size_t)c->count, 1);
    if (c->moments && c->ids && c->known) return true;
    return error_set(e, ERR_MEMORY, "out of memory for the latents of %lld pictures; use a smaller --cache",
                     (long long)c->count);
}

void train_cache_free(Cache *c) {
    free(c->moments);
    free(c->ids);
    free(c->known);
    *c = (Cache){0};
}

bool train_ids(const Trainer *t, const char *text, int32_t out[TRAIN_TOKENS], Error *e) {
    int32_t *ids = NULL;
    int64_t n = tokenizer_encode(t->m->tokenizer, clip_rules(&t->m->config.clip[0]), text, strlen(text), &ids);
    if (n < 0) return error_set(e, ERR_MEMORY, "out of memory for tokens");
    if (n > TRAIN_TOKENS - 2) n = TRAIN_TOKENS - 2;
    out[0] = TOKEN_BOS;
    memcpy(out + 1, ids, (size_t)n * sizeof *ids);
    out[n + 1] = TOKEN_EOS;
    for (int64_t i = n + 2; i < TRAIN_TOKENS; i++) out[i] = t->m->config.clip[0].pad;
    clip_rows(&t->m->clip[0], out, TRAIN_TOKENS);
    free(ids);
    return true;
}

static bool read_ids(Trainer *t, int64_t picture, Error *e) {
    char *caption = t->d->caption(t->d->user, picture, e);
    bool ok = caption && train_ids(t, caption, t->cache.ids + picture * TRAIN_TOKENS, e);
    free(caption);
    return ok;
}

void train_encode(Trainer *t, const int64_t *pictures, int64_t n, Error *e) {
    Ctx *c = &t->ctx;
    const VaeConfig *k = &t->m->config.vae;
    int64_t size = t->d->size, side = size / vae_factor(k), each = size * size * 3;
    size_t scope = scope_begin(c);
    Tensor image = tensor_new(c, 4, SHAPE(n, size, size, 3));
    Tensor moments = tensor_new(c, 4, SHAPE(n, side, side, 2 * k->latent));
    uint8_t *rgb = t->planning ? NULL : malloc((size_t)each);
    bool ok = t->planning || rgb || error_set(e, ERR_MEMORY, "out of memory for a picture");
    for (int64_t i = 0; ok && !t->planning && i < n; i++) {
        ok = t->d->picture(t->d->user, pictures[i], rgb, e);
        if (ok) pixels_to_floats((float *)image.data + i * each, rgb, each);
    }
    free(rgb);
    if (ok) vae_encode(c, moments, &t->m->encoder, image);
    if (ok && !t->planning) ok = train_check_moments(t, moments.data, n * t->cache.moments_each, e);
    for (int64_t i = 0; ok && !t->planning && i < n; i++)
        memcpy(t->cache.moments + pictures[i] * t->cache.moments_each,
               (const float *)moments.data + i * t->cache.moments_each, (size_t)t->cache.moments_each * sizeof(float));
    scope_end(c, scope);
}

bool train_cache_fill(Trainer *t, Error *e) {
    int64_t wanted = train_batch(t, t->step), n = 0, *missing = malloc((size_t)wanted * sizeof *missing);
    bool ok = missing || error_set(e, ERR_MEMORY, "out of memory for a batch");
    for (int64_t i = 0; ok && i < wanted; i++) {
        int64_t picture = train_picture(t, t->step, i);
        if (t->cache.known[picture]) continue;
        t->cache.known[picture] = 1;
        missing[n++] = picture;
        ok = read_ids(t, picture, e);
    }
    int64_t most = t->o->batch / t->o->accumulate; /* as planned */
    for (int64_t i = 0; ok && i < n; i += most) {
        train_encode(t, missing + i, n - i < most ? n - i : most, e);
        ok = !(e && e->code);
    }
    free(missing);
    return ok;
}
