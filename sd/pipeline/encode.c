/* encode.c: img2img's picture becomes latents, and so does what a U-Net is shown beside them (beside.h). */
#include "stages.h"

#include "beside.h"
#include "latents.h"
#include "nonfinite.h"
#include "planes.h"
#include "sd/image/interpolate.h"
#include "sd/image/pixels.h"
#include "sd/noise/noise.h"
#include "sd/noise/posterior.h"

#include <stdlib.h>
#include <string.h>

static bool by_taesd(const Generation *g) { return g->r->vae_encoder == SD_VAE_TAESD; }

/* The picture that the batch's picture `index` begins with. */
static const uint8_t *picture(const Generation *g, int index) {
    return g->pass.pictures ? g->pass.pictures[index] : g->image;
}

/* Its size, and that of its latents, of which the pass' own may be a part, or which are stretched to those. */
typedef struct {
    int64_t picture_h, picture_w, h, w;
} EncodedSize;

static EncodedSize encoded_size(const Generation *g) {
    const Pass *p = &g->pass;
    const int unit = vae_factor(&g->m->config.vae), w = g->r->image_width, h = g->r->image_height;
    if (generation_stretches(g)) return (EncodedSize){h, w, h / unit, w / unit};
    if (!p->from_pictures) return (EncodedSize){g->r->height, g->r->width, g->h, g->w};
    return (EncodedSize){p->picture_h, p->picture_w, p->picture_h / unit, p->picture_w / unit};
}

/* moments [1,h,w,2C] of such a picture, or of what an inpainting model is shown of it, on the arena: mean, log
 * variance; by TAESD latents [1,h,w,C]. look: taps to use instead of the request's; NULL: the request's. */
static Tensor encode(Generation *g, int index, const Mode *mode, bool masked, Taps *look) {
    Ctx *c = &g->ctx;
    const EncodedSize size = masked ? (EncodedSize){g->r->height, g->r->width, g->h, g->w} : encoded_size(g);
    Tensor image = tensor_new(c, 4, SHAPE(1, size.picture_h, size.picture_w, 3));
    bool tiny = by_taesd(g);
    Tensor moments = tensor_new(c, 4, SHAPE(1, size.h, size.w, (tiny ? 1 : 2) * g->m->config.vae.latent));
    if (!ctx_plans(c) && masked) beside_picture(g, index, picture(g, index), tensor_host(c, image).data);
    else if (!ctx_plans(c)) pixels_to_floats(tensor_host(c, image).data, picture(g, index), tensor_count(image));
    tensor_push(c, image);
    if (look) c->taps = look;
    else if (index) listen_to(g, masked ? "vae.encoder.masked.%d." : "vae.encoder.%d.", index);
    else listen_to(g, masked ? "vae.encoder.masked." : "vae.encoder.");
    use_weights(g, mode);
    if (tiny) taesd_encode(c, moments, g->m->taesd_encoder, image, mode->vae_strips);
    else vae_encode_in_strips(c, moments, &g->m->encoder, image, mode->vae_strips);
    stop_listening(g);
    return tensor_pull(c, moments);
}

static bool shows_masked(const Generation *g) { return config_input(&g->m->config) == INPUT_INPAINTING; }
static bool edits(const Generation *g) { return config_input(&g->m->config) == INPUT_PIX2PIX; }

void encode_plan(Generation *g, const Mode *mode) {
    for (int masked = !generation_encodes(g); masked <= shows_masked(g); masked++) {
        size_t scope = scope_begin(&g->ctx);
        encode(g, 0, mode, masked, NULL);
        scope_end(&g->ctx, scope);
    }
}

/* z [C][pixels] = a sample of the posterior, or its mean when noise is NULL, as the U-Net's latents; k NULL: as they
 * are. moments [pixels][2C]. */
static void sample_moments(float *z, const float *moments, const float *noise, int64_t channels, int64_t pixels,
                           const VaeConfig *k) {
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < pixels; i++) {
            const float *m = moments + i * 2 * channels;
            float v = noise ? posterior_sample(m[c], m[channels + c], noise[c * pixels + i]) : m[c];
            z[c * pixels + i] = k ? latent_of_vae(k, c, v) : v;
        }
}

/* Each picture of a batch has the sample of its seed, drawn by a fresh generator; with a variation all have the same
 * seed. The webui's draw depends on what ran before; this is the one that it makes right after it starts. What a model
 * is shown beside has the generator's next (second). to: picture i's latents. */
static void sample_one(const Generation *g, int i, float *to, const float *moments, float *noise, bool second) {
    const VaeConfig *vae = &g->m->config.vae;
    Noise own;
    if (by_taesd(g)) { /* the same latents for every picture */
        pixels_to_planes(to, moments, vae->latent, g->h * g->w);
        return;
    }
    noise_init(&own, g->r->rng, g->seed + (g->r->variation_strength != 0 ? 0 : (uint64_t)i));
    for (int draw = 0; draw <= second; draw++) noise_fill(&own, noise, g->latent);
    sample_moments(to, moments, g->r->encode == SD_ENCODE_MEAN ? NULL : noise, vae->latent, g->h * g->w, vae);
}

/* What an instruct-pix2pix model is shown for the batch's picture `index`: the mean of what it begins with. */
static void show_picture(Generation *g, int index, const float *moments) {
    const VaeConfig *vae = &g->m->config.vae;
    float *to = g->beside + index * g->latent;
    if (!by_taesd(g)) sample_moments(to, moments, NULL, vae->latent, g->h * g->w, NULL);
    else {
        pixels_to_planes(to, moments, vae->latent, g->h * g->w);
        for (int64_t k = 0; k < g->latent; k++) to[k] = (float)(to[k] / vae->scale);
    }
}

/* Once more, to name the layer. A log variance that is none would pass, clamped, as one. */
static bool damaged(Generation *g, int index, const Mode *mode, bool masked, Error *e) {
    FirstNonfinite found = {{0}};
    Taps look = nonfinite_listener(&found);
    size_t scope = scope_begin(&g->ctx);
    encode(g, index, mode, masked, &look);
    scope_end(&g->ctx, scope);
    return error_set(e, ERR_NUMERIC,
                     "the %s's numbers stopped being finite while encoding, first in %s; the model or its file is "
                     "damaged",
                     by_taesd(g) ? "TAESD" : "VAE", found.name[0] ? found.name : "its last layer");
}

/* The picture that all begin with. noise: [latent], to work in */
static bool run(Generation *g, const Mode *mode, float *noise, Error *e) {
    size_t scope = scope_begin(&g->ctx);
    Tensor moments = encode(g, 0, mode, false, NULL);
    bool ok = error_pass(e, &g->ctx.err), finite = !ok || all_finite(moments.data, tensor_count(moments));
    for (int i = 0; ok && finite && i < g->batch; i++)
        sample_one(g, i, g->z + i * g->latent, moments.data, noise, false);
    for (int i = 0; ok && finite && edits(g) && i < g->batch; i++) show_picture(g, i, moments.data);
    scope_end(&g->ctx, scope);
    return finite ? ok : damaged(g, 0, mode, false, e);
}

/* What an inpainting model is shown: of each picture that begins with one or a mask of its own, unless all of them are
 * hidden. */
static bool run_masked(Generation *g, const Mode *mode, float *noise, Error *e) {
    const int64_t mask = g->h * g->w, each = mask + g->latent;
    const bool apart = g->pass.from_pictures && (g->pass.masks || g->r->mask_weight < 1);
    bool ok = true, finite = true;
    for (int k = 0; ok && finite && k < (apart ? g->batch : 1); k++) {
        size_t scope = scope_begin(&g->ctx);
        Tensor moments = encode(g, k, mode, true, NULL);
        ok = error_pass(e, &g->ctx.err), finite = !ok || all_finite(moments.data, tensor_count(moments));
        for (int i = k; ok && finite && i < (apart ? k + 1 : g->batch); i++) {
            beside_mask(g, i, g->beside + i * each);
            sample_one(g, i, g->beside + i * each + mask, moments.data, noise, generation_encodes(g));
        }
        scope_end(&g->ctx, scope);
        if (!finite) return damaged(g, k, mode, true, e);
    }
    return ok;
}

/* Picture `index`'s latents in the encoded size, at `work`, behind which is room for as much noise. */
static void sample_whole(const Generation *g, int index, const float *moments, float *work) {
    const VaeConfig *vae = &g->m->config.vae;
    const EncodedSize size = encoded_size(g);
    const int64_t pixels = size.h * size.w;
    float *noise = work + vae->latent * pixels;
    Noise own;
    if (by_taesd(g)) {
        pixels_to_planes(work, moments, vae->latent, pixels);
        return;
    }
    noise_init(&own, g->r->rng, g->seed + (g->r->variation_strength != 0 ? 0 : (uint64_t)index));
    noise_fill(&own, noise, vae->latent * pixels);
    sample_moments(work, moments, g->r->encode == SD_ENCODE_MEAN ? NULL : noise, vae->latent, pixels, vae);
}

/* The picture that all begin with, in its own size, whose latents are stretched (modules/processing.py, resize mode 3).
 * work: as of sample_whole. */
static bool run_stretched(Generation *g, const Mode *mode, float *work, Error *e) {
    const EncodedSize size = encoded_size(g);
    size_t scope = scope_begin(&g->ctx);
    Tensor moments = encode(g, 0, mode, false, NULL);
    bool ok = error_pass(e, &g->ctx.err), finite = !ok || all_finite(moments.data, tensor_count(moments));
    for (int i = 0; ok && finite && i < g->batch; i++) {
        sample_whole(g, i, moments.data, work);
        ok = interpolate(g->z + i * g->latent, (int)g->h, (int)g->w, work, (int)size.h, (int)size.w,
                         g->m->config.vae.latent, INTERPOLATE_BILINEAR, e);
    }
    scope_end(&g->ctx, scope);
    return finite ? ok : damaged(g, 0, mode, false, e);
}

/* The batch's picture `index` begins with one of its own, of whose latents the pass draws a part: sampled as a whole.
 * work: as of sample_whole. */
static bool run_own(Generation *g, int index, const Mode *mode, float *work, Error *e) {
    const VaeConfig *vae = &g->m->config.vae;
    const EncodedSize size = encoded_size(g);
    float *whole = work, *z = g->z + index * g->latent;
    size_t scope = scope_begin(&g->ctx);
    Tensor moments = encode(g, index, mode, false, NULL);
    bool ok = error_pass(e, &g->ctx.err), finite = !ok || all_finite(moments.data, tensor_count(moments));
    if (ok && finite) sample_whole(g, index, moments.data, work);
    if (ok && finite && edits(g)) show_picture(g, index, moments.data); /* all of it: see tiles.h */
    scope_end(&g->ctx, scope);
    if (!finite) return damaged(g, index, mode, false, e);
    for (int64_t row = 0; ok && row < vae->latent * g->h; row++) {
        int64_t channel = row / g->h, y = row % g->h + g->pass.cut_y;
        memcpy(z + row * g->w, whole + (channel * size.h + y) * size.w + g->pass.cut_x, (size_t)g->w * sizeof *z);
    }
    return ok;
}

/* Pictures whose latents have another size than the pass'. */
static bool run_all(Generation *g, const Mode *mode, Error *e) {
    const EncodedSize size = encoded_size(g);
    float *work = malloc((size_t)(2 * g->m->config.vae.latent * size.h * size.w) * sizeof *work);
    bool ok = work || error_set(e, ERR_MEMORY, "out of memory for latents");
    if (generation_stretches(g)) ok = ok && run_stretched(g, mode, work, e);
    else
        for (int i = 0; ok && i < g->batch; i++) ok = run_own(g, i, mode, work, e);
    free(work);
    return ok;
}

bool encode_run(Generation *g, const Mode *mode, Error *e) {
    int64_t beside = g->batch * beside_channels(g->m) * g->h * g->w;
    float *noise = malloc((size_t)g->latent * sizeof *noise);
    if (generation_encodes(g)) g->z = malloc((size_t)(g->batch * g->latent) * sizeof *g->z);
    if (beside) g->beside = malloc((size_t)beside * sizeof *g->beside);
    bool ok = noise && (g->z || !generation_encodes(g)) && (g->beside || !beside);
    if (!ok) error_set(e, ERR_MEMORY, "out of memory for latents");
    if (g->pass.from_pictures || generation_stretches(g)) ok = ok && run_all(g, mode, e);
    else if (g->image) ok = ok && run(g, mode, noise, e);
    if (shows_masked(g)) ok = ok && run_masked(g, mode, noise, e);
    free(noise);
    if (ok && ((g->z && !all_finite(g->z, g->batch * g->latent)) || (beside && !all_finite(g->beside, beside))))
        ok = error_set(e, ERR_NUMERIC, "the VAE's numbers overflow while encoding; the model or its file is damaged");
    return ok;
}
