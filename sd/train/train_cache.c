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
    c->ids = malloc((size_t)(c->count * t->m->config.encoders * TRAIN_TOKENS) * sizeof *c->ids);
    c->sizes = malloc((size_t)c->count * sizeof *c->sizes);
    c->known = calloc((size_t)c->count, 1);
    c->ends = malloc((size_t)t->o->batch * sizeof *c->ends);
    if (c->moments && c->ids && c->sizes && c->known && c->ends) return true;
    return error_set(e, ERR_MEMORY, "out of memory for the latents of %lld pictures; use a smaller --cache",
                     (long long)c->count);
}

void train_cache_free(Cache *c) {
    free(c->moments);
    free(c->ids);
    free(c->sizes);
    free(c->known);
    free(c->ends);
    *c = (Cache){0};
}

static bool read_caption(Trainer *t, int64_t picture, Error *e) {
    char *caption = t->d->caption(t->d->user, picture, e);
    bool ok = caption && train_ids(t, caption, t->cache.ids + picture * t->m->config.encoders * TRAIN_TOKENS, e);
    t->cache.sizes[picture] =
        t->d->sizes ? t->d->sizes(t->d->user, picture) : (TrainSizes){.width = t->d->size, .height = t->d->size};
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
        ok = read_caption(t, picture, e);
    }
    int64_t most = t->o->batch / t->o->accumulate; /* as planned */
    for (int64_t i = 0; ok && i < n; i += most) {
        train_encode(t, missing + i, n - i < most ? n - i : most, e);
        ok = !(e && e->code);
    }
    free(missing);
    return ok;
}
