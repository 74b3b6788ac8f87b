/* encode.c: img2img's picture becomes latents. */
#include "stages.h"

#include "nonfinite.h"
#include "planes.h"
#include "sd/image/pixels.h"
#include "sd/noise/noise.h"
#include "sd/noise/posterior.h"

#include <stdlib.h>

static bool by_taesd(const Generation *g) { return g->r->vae_encoder == SD_VAE_TAESD; }

/* moments [1,h,w,2C] of the picture, on the arena: mean, log variance; by TAESD latents [1,h,w,C]. look: taps to use
 * instead of the request's; NULL: the request's. */
static Tensor encode(Generation *g, const Mode *mode, Taps *look) {
    Ctx *c = &g->ctx;
    Tensor image = tensor_new(c, 4, SHAPE(1, g->r->height, g->r->width, 3));
    bool tiny = by_taesd(g);
    Tensor moments = tensor_new(c, 4, SHAPE(1, g->h, g->w, (tiny ? 1 : 2) * g->m->config.vae.latent));
    if (!ctx_plans(c)) pixels_to_floats(tensor_host(c, image).data, g->image, tensor_count(image));
    tensor_push(c, image);
    if (look) c->taps = look;
    else listen_to(g, "vae.encoder.");
    use_weights(g, mode);
    if (tiny) taesd_encode(c, moments, &g->m->taesd_encoder, image, mode->vae_strips);
    else vae_encode_in_strips(c, moments, &g->m->encoder, image, mode->vae_strips);
    stop_listening(g);
    return tensor_pull(c, moments);
}

void encode_plan(Generation *g, const Mode *mode) {
    size_t scope = scope_begin(&g->ctx);
    encode(g, mode, NULL);
    scope_end(&g->ctx, scope);
}

/* z [C][pixels] = scale times a sample of the posterior, or times its mean when noise is NULL. moments [pixels][2C]. */
static void sample_moments(float *z, const float *moments, const float *noise, int64_t channels, int64_t pixels,
                           double scale) {
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < pixels; i++) {
            const float *m = moments + i * 2 * channels;
            float v = noise ? posterior_sample(m[c], m[channels + c], noise[c * pixels + i]) : m[c];
            z[c * pixels + i] = (float)scale * v;
        }
}

/* Each picture of a batch has the sample of its seed, drawn by a fresh generator; with a variation all have the same
 * seed. The webui's draw depends on what ran before; this is the one that it makes right after it starts. */
static void sample_batch(Generation *g, const float *moments, float *noise) {
    const VaeConfig *vae = &g->m->config.vae;
    if (by_taesd(g)) { /* the same latents for every picture */
        for (int i = 0; i < g->batch; i++) pixels_to_planes(g->z + i * g->latent, moments, vae->latent, g->h * g->w);
        return;
    }
    bool mean = g->r->encode == SD_ENCODE_MEAN;
    for (int i = 0; i < g->batch; i++) {
        Noise own;
        noise_init(&own, g->r->rng, g->seed + (g->r->variation_strength != 0 ? 0 : (uint64_t)i));
        noise_fill(&own, noise, g->latent);
        sample_moments(g->z + i * g->latent, moments, mean ? NULL : noise, vae->latent, g->h * g->w, vae->scale);
    }
}

/* Once more, to name the layer. A log variance that is none would pass, clamped, as one. */
static bool damaged(Generation *g, const Mode *mode, Error *e) {
    FirstNonfinite found = {{0}};
    Taps look = nonfinite_listener(&found);
    size_t scope = scope_begin(&g->ctx);
    encode(g, mode, &look);
    scope_end(&g->ctx, scope);
    return error_set(e, ERR_NUMERIC,
                     "the %s's numbers stopped being finite while encoding, first in %s; the model or its file is "
                     "damaged",
                     by_taesd(g) ? "TAESD" : "VAE", found.name[0] ? found.name : "its last layer");
}

bool encode_run(Generation *g, const Mode *mode, Error *e) {
    g->z = malloc((size_t)(g->batch * g->latent) * sizeof *g->z);
    float *noise = malloc((size_t)g->latent * sizeof *noise);
    bool ok = (g->z && noise) || error_set(e, ERR_MEMORY, "out of memory for latents"), finite = true;
    size_t scope = scope_begin(&g->ctx);
    if (ok) {
        Tensor moments = encode(g, mode, NULL);
        ok = error_pass(e, &g->ctx.err);
        finite = !ok || all_finite(moments.data, tensor_count(moments));
        if (ok && finite) sample_batch(g, moments.data, noise);
    }
    scope_end(&g->ctx, scope);
    free(noise);
    if (!finite) return damaged(g, mode, e);
    if (ok && !all_finite(g->z, g->batch * g->latent))
        ok = error_set(e, ERR_NUMERIC, "the VAE's numbers overflow while encoding; the model or its file is damaged");
    return ok;
}
