#include "image_encode.h"

#include "image_prompt.h"
#include "sd/image/resize.h"
#include "sd/load/control.h"
#include "weights/files/sha256.h"

#include <stdlib.h>
#include <string.h>

/* --- the picture as the vision encoder sees it --- */

enum { SCALED_MOST = 1 << 26 }; /* pixels */

/* The size that a picture of w x h is scaled to: its shorter side is `pixels`. */
static void scaled_size(int64_t pixels, int w, int h, int64_t *sw, int64_t *sh) {
    *sw = w < h ? pixels : w * pixels / h;
    *sh = w < h ? h * pixels / w : pixels;
}

/* picture[pixels][pixels][3] from rgb[h][w][3]: scaled, the middle cut out, its colours normalised as CLIP was trained.
 * Source: transformers, CLIPImageProcessor. */
static bool prepare(const ClipVisionConfig *k, const uint8_t *rgb, int w, int h, float *picture, Error *e) {
    static const float MEAN[] = {0.48145466f, 0.4578275f, 0.40821073f}, STD[] = {0.26862954f, 0.26130258f, 0.27577711f};
    int64_t pixels = clip_vision_pixels(k), sw, sh;
    scaled_size(pixels, w, h, &sw, &sh);
    if (sw * sh > SCALED_MOST)
        return error_set(e, ERR_ARGUMENT, "image prompt: a picture of %d x %d is too narrow; cut it before", w, h);
    uint8_t *scaled = malloc((size_t)(sw * sh) * 3);
    if (!scaled) return error_set(e, ERR_MEMORY, "out of memory for an image prompt");
    bool ok = resize_rgb(rgb, w, h, scaled, (int)sw, (int)sh, RESIZE_BICUBIC, e);
    int64_t left = (sw - pixels) / 2, top = (sh - pixels) / 2;
    for (int64_t y = 0; ok && y < pixels; y++)
        for (int64_t x = 0; x < 3 * pixels; x++)
            picture[y * pixels * 3 + x] =
                ((float)scaled[((top + y) * sw + left) * 3 + x] / 255.0f - MEAN[x % 3]) / STD[x % 3];
    free(scaled);
    return ok;
}

/* --- what is made of it --- */

/* Features [2,..] of no picture and of `picture` (NULL while planning). Base: no picture has a vector of zeros; plus
 * and full: states of a picture whose normalised colours are all 0. */
static Tensor see(Ctx *c, const SdControlNet *net, const float *picture) {
    const ClipVisionConfig *k = &net->vision.config;
    bool plus = net->image.config.states;
    int64_t pixels = clip_vision_pixels(k);
    Tensor features = plus ? tensor_new(c, 3, SHAPE(2, clip_vision_tokens(k), k->width))
                           : tensor_new(c, 3, SHAPE(2, 1, k->projected));
    size_t scope = scope_begin(c);
    Tensor x = tensor_new(c, 4, SHAPE(plus ? 2 : 1, pixels, pixels, 3));
    Tensor shown = tensor_slice(x, 0, plus ? 1 : 0, 1);
    if (!ctx_plans(c)) {
        memset(x.data, 0, tensor_bytes(x));
        memcpy(shown.data, picture, tensor_bytes(shown));
        if (!plus) memset(features.data, 0, tensor_bytes(features));
    }
    clip_vision_forward(c, plus ? features : tensor_slice(features, 0, 1, 1), &net->vision, x, !plus);
    scope_end(c, scope);
    return features;
}

/* to: kv's numbers; NULL while planning. */
static void make(Ctx *c, const SdControlNet *net, const float *picture, float *to) {
    size_t scope = scope_begin(c);
    int64_t n[3];
    image_prompt_shape(net, n);
    Tensor features = see(c, net, picture);
    tap(c, features, "features");
    Tensor tokens = tensor_new(c, 3, SHAPE(2, n[1], net->image.config.context)), kv = tensor_new(c, 3, n);
    image_adapter_tokens(c, tokens, &net->image, features);
    tap(c, tokens, "tokens");
    image_adapter_kv(c, kv, &net->image, tokens);
    if (to && !c->err.code) memcpy(to, kv.data, tensor_bytes(kv));
    scope_end(c, scope);
}

static size_t plan_one(const Control *k, const WeightSource *source) {
    Arena arena = {0};
    Ctx c = {.op = plan_ops(), .precision = k->net->m.precision, .arena = &arena, .source = source};
    make(&c, k->net, NULL, NULL);
    return arena.peak;
}

static size_t picture_bytes(const Control *k) {
    int64_t pixels = clip_vision_pixels(&k->net->vision.config);
    return (size_t)(pixels * pixels * 3) * sizeof(float);
}

/* What `prepare` takes beside its picture: little, unless that is very narrow. */
static size_t scaled_bytes(const Control *k) {
    int64_t sw, sh;
    int w = k->of->width, h = k->of->height;
    scaled_size(clip_vision_pixels(&k->net->vision.config), w, h, &sw, &sh);
    if (sw * sh > SCALED_MOST) return 0; /* is refused */
    return (size_t)(sw * sh) * 3 + resize_bytes(w, h, (int)sw, (int)sh, RESIZE_BICUBIC);
}

static size_t peak_of(const Control *k) {
    WeightSource source = model_source(&k->net->m);
    size_t made = plan_one(k, &source) + model_part_bytes(&k->net->m, PART_CONTROL, true) +
                  model_part_bytes(&k->net->m, PART_VISION, true),
           scaled = scaled_bytes(k); /* gone before */
    return picture_bytes(k) + (made > scaled ? made : scaled);
}

static bool make_one(Generation *g, Control *k, int number, Error *e) {
    SdModel *m = &k->net->m;
    const SdControl *of = k->of;
    WeightSource source = model_source(m);
    Arena arena = {0};
    float *picture = malloc(picture_bytes(k));
    k->image_kv = malloc(image_prompt_count(k->net) * sizeof *k->image_kv);
    bool ok = (picture && k->image_kv) || error_set(e, ERR_MEMORY, "out of memory for an image prompt");
    ok = ok && prepare(&k->net->vision.config, of->image, of->width, of->height, picture, e) &&
         arena_init(&arena, plan_one(k, &source), e) && model_load_streamed(m, PART_CONTROL, e) &&
         model_load_streamed(m, PART_VISION, e);
    if (ok) {
        Ctx c = {.op = m->ops, .precision = m->precision, .pool = m->pool, .arena = &arena, .source = &source};
        listen_to(g, "image_prompt%d.", number);
        c.taps = g->ctx.taps;
        make(&c, k->net, picture, k->image_kv);
        stop_listening(g);
        ok = error_pass(e, &c.err);
    }
    model_release(m, PART_CONTROL);
    model_release(m, PART_VISION);
    arena_free(&arena);
    free(picture);
    return ok;
}

/* The same, or what an earlier drawing made of the picture: another pass, an extension's other part, or, with the
 * weights, an earlier call. Where somebody listens, all is computed. */
static bool make_or_find(Generation *g, Control *k, int number, Error *e) {
    const SdControl *of = k->of;
    const int64_t size[] = {of->width, of->height};
    const size_t count = image_prompt_count(k->net);
    KeptValues *made = &k->net->m.made;
    unsigned char digest[32];
    char key[65];
    Sha256 sha;
    if (g->taps || !(g->keep || g->pass.told || g->pass.first)) return make_one(g, k, number, e);
    sha256_init(&sha);
    sha256_update(&sha, size, sizeof size);
    sha256_update(&sha, of->image, (size_t)of->width * (size_t)of->height * 3);
    sha256_final(&sha, digest);
    sha256_hex(digest, key);
    const float *there = kept_values_find(made, key, count);
    if (!there) {
        if (!make_one(g, k, number, e)) return false;
        kept_values_add(made, key, k->image_kv, count);
        return true;
    }
    k->image_kv = malloc(count * sizeof *k->image_kv);
    if (!k->image_kv) return error_set(e, ERR_MEMORY, "out of memory for an image prompt");
    memcpy(k->image_kv, there, count * sizeof *there);
    return true;
}

bool image_encode(Generation *g, Error *e) {
    bool ok = true;
    for (int i = 0; ok && i < g->control_count; i++)
        if (control_is_image(g->controls[i].net)) ok = make_or_find(g, &g->controls[i], i, e);
    return ok;
}

void image_encode_forget(const SdRequest *r) {
    for (int i = 0; r->controls && i < r->control_count && i < SD_MOST_CONTROLS; i++) {
        SdControlNet *net = r->controls[i].net;
        if (!net) continue; /* which is refused */
        kept_values_drop(&net->m.made);
        for (int k = 0; net->peers && k < net->of->peer_count; k++) kept_values_drop(&net->peers[k]->m.made);
    }
}

size_t image_encode_peak(const Generation *g) {
    size_t most = 0;
    for (int i = 0; i < g->control_count; i++) {
        size_t now = control_is_image(g->controls[i].net) ? peak_of(&g->controls[i]) : 0;
        if (now > most) most = now;
    }
    return most;
}
