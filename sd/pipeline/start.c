/* start.c: where sampling begins. From noise alone, or, img2img, from a picture's latents with noise of the level at
 * which the schedule is entered. Later pipelines (inpainting, a second pass) start here, too. */
#include "sd/noise/posterior.h"
#include "run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void to_pixels(float *out, const float *planes, int64_t channels, int64_t count, float scale) {
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < count; i++) out[i * channels + c] = planes[c * count + i] * scale;
}

void to_planes(float *out, const float *pixels, int64_t channels, int64_t count) {
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < count; i++) out[c * count + i] = pixels[i * channels + c];
}

/* --- the picture's latents --- */

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

/* Each picture of a batch has a sample of its own, drawn by a fresh generator of its seed: the webui's draw depends on
 * what ran before it, and this is what it is right after a start. */
bool run_encode(Run *run, Error *e) {
    const SdRequest *r = run->r;
    Ctx *c = &run->ctx;
    int64_t channels = run->m->config.vae.latent, pixels = run->h * run->w, h = r->height, w = r->width;
    run->z = malloc((size_t)(run->batch * run->latent) * sizeof *run->z);
    float *noise = malloc((size_t)run->latent * sizeof *noise);
    bool ok = run->z && noise;
    if (!ok) error_set(e, ERR_MEMORY, "out of memory for latents");
    ok = ok && run_progress(run, SD_STAGE_ENCODE, 0, 1, e) && run_arena(run, run->plan.encode_peak, e) &&
         run_load(run, PART_ENCODER, e);
    if (ok) {
        size_t scope = scope_begin(c);
        Tensor image = tensor_new(c, 4, SHAPE(1, h, w, 3)),
               moments = tensor_new(c, 4, SHAPE(1, run->h, run->w, 2 * channels));
        float *pixel = tensor_host(c, image).data;
        for (int64_t i = 0; i < h * w * 3; i++) pixel[i] = (float)run->image[i] / 255.0f * 2.0f - 1.0f;
        tensor_push(c, image);
        if (run->taps) {
            snprintf(run->listener.prefix, sizeof run->listener.prefix, "vae.encoder.");
            c->taps = &run->listener;
        }
        vae_encode_tiled(c, moments, &run->m->encoder, image, run->mode[PART_ENCODER].tiled);
        c->taps = NULL;
        const float *moment = tensor_pull(c, moments).data;
        ok = !c->err.code || error_set(e, c->err.code, "%s", c->err.text);
        for (int i = 0; ok && i < run->batch; i++) {
            Noise own;
            noise_init(&own, r->rng, run->seed + (uint64_t)i);
            noise_fill(&own, noise, run->latent);
            sample_moments(run->z + i * run->latent, moment, r->encode == SD_ENCODE_MEAN ? NULL : noise, channels,
                           pixels, run->m->config.vae.scale);
        }
        scope_end(c, scope);
        for (int64_t i = 0; ok && i < run->batch * run->latent; i++)
            if (!isfinite(run->z[i]))
                ok = error_set(
                    e, ERR_NUMERIC,
                    "the VAE's numbers stopped being finite while encoding; the model or its file is damaged");
    }
    free(noise);
    run_leave(run, PART_ENCODER);
    return ok;
}

/* --- the points --- */

/* The length of the whole schedule, and how many of its steps are run. */
static void strength_steps(const SdRequest *r, int *whole, int *part) {
    double s = fmin(r->strength, 0.999);
    *whole = r->steps;
    switch (r->strength_steps) {
    case SD_STEPS_WEBUI: *part = (int)(s * r->steps) + 1; break;
    case SD_STEPS_DIFFUSERS: *part = (int)fmin(r->strength * r->steps, r->steps); break;
    case SD_STEPS_EXACT:
        *part = r->steps;
        *whole = s > 0 ? (int)fmin(r->steps / s, TRAIN_STEPS) : TRAIN_STEPS;
        break;
    }
}

bool run_points(Run *run, Points *points, Error *e) {
    const SdRequest *r = run->r;
    int whole = r->steps, part = r->steps;
    if (run->z) strength_steps(r, &whole, &part);
    if (part < 1)
        return error_set(e, ERR_ARGUMENT, "strength %g of %d steps: is no step at all; give more of either",
                         r->strength, r->steps);
    const NoiseLevels *levels = &run->m->noise_levels;
    const ScheduleOptions o = {
        .sigma_min = r->sigma_min, .sigma_max = r->sigma_max, .rho = r->rho, .discard = r->discard_next_to_last};
    bool at_first = r->strength_steps == SD_STEPS_DIFFUSERS;
    return points_make(points, levels, run->sampler, run->scheduler, whole, &o, e) &&
           (!run->z || points_tail(points, levels, run->sampler, whole, part, at_first, e));
}

bool run_start(Run *run, const Points *points, Error *e) {
    int64_t all = run->batch * run->latent;
    if (!run->z) {
        sampler_start(run->sampler, run->x, all, points->values, false);
        return true;
    }
    points_start(points, run->sampler, run->x, run->z, all);
    return run_tap_latents(run, "latents.init", run->z, run->batch, e) &&
           run_tap_latents(run, "latents.start", run->x, run->batch, e);
}
