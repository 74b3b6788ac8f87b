/* sample.c: the sampling stage: a sampler over the denoiser, with noise, taps, previews and progress. */
#include "stages.h"

#include "sd/pipeline/attention/attention_maps.h"
#include "beside.h"
#include "sd/pipeline/text/conditioning.h"
#include "decode.h"
#include "sd/pipeline/denoiser/denoiser.h"
#include "inpaint.h"
#include "start.h"
#include "tensor/os.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sample_plan(Generation *g, const Mode *mode) {
    Cursor at = {0};
    use_weights(g, mode);
    update_prompts(g, 0);
    g->now->cond.unet.time = NAN; /* so that the time's shifts are counted */
    for (int i = 0; i < g->control_count; i++) g->controls[i].texts.time = NAN;
    unet_sides(g, mode, &at, NULL, NULL, 1, 0, NULL);
}

/* --- what a sampler calls; user: the Denoiser --- */

static void draw(void *user, float *out) {
    const Denoiser *d = user;
    const Generation *g = d->g;
    for (int i = 0; i < g->group; i++) picture_noise_next(g->noise, d->at.first + i, out + i * g->latent);
}

static void brownian(void *user, float *out, float from, float to) {
    const Denoiser *d = user;
    const Generation *g = d->g;
    for (int i = 0; i < g->group; i++) picture_noise_brownian(g->noise, d->at.first + i, out + i * g->latent, from, to);
}

static bool after_step(void *user, float *x, const float *denoised, int step, int steps, Error *e) {
    const Denoiser *d = user;
    Generation *g = d->g;
    char name[48];
    int first = d->at.first;
    if (first) snprintf(name, sizeof name, "latents.step%03d.picture%d", step, first);
    else snprintf(name, sizeof name, "latents.step%03d", step);
    return tap_latents(g, name, x, g->group, e) &&
           (!g->r->preview || show_previews(g, denoised, first, g->group, step, steps, e)) &&
           report_progress(g, SD_STAGE_SAMPLE, step + 1, steps, e);
}

/* The sampler's defaults, and over them what the request says. */
static SamplerOptions options_of(const Generation *g) {
    const SdRequest *r = g->r;
    SamplerOptions o = sampler_defaults(g->sampler);
    if (r->eta >= 0) o.eta = r->eta;
    o.s_churn = r->s_churn;
    o.s_tmin = (float)r->s_tmin;
    if (r->s_tmax > 0) o.s_tmax = (float)r->s_tmax;
    o.s_noise = (float)r->s_noise;
    return o;
}

/* --- the stage --- */

/* All groups, one after the other. */
static bool run_sampler(Generation *g, float *work, float *sides, Error *e) {
    const Points *p = &g->points;
    bool ok = true;
    for (int first = 0; ok && first < g->batch; first += g->group) {
        Denoiser d = denoiser_begin(g, first, sides);
        Sampling s = {.levels = &g->m->noise_levels,
                      .points = p->values,
                      .count = p->count,
                      .low = p->bounds_low,
                      .high = p->bounds_high,
                      .tail = p->tail,
                      .n = g->group * g->latent,
                      .work = work,
                      .options = options_of(g),
                      .denoise = denoiser_evaluate,
                      .draw = draw,
                      .brownian = brownian,
                      .step = after_step,
                      .user = &d};
        float *x = g->x + first * g->latent;
        ok = sampler_run(g->sampler, &s, x, e);
        if (ok && g->inpaint) inpaint_blend(g, first, x, x, 0);
    }
    return ok;
}

bool sample_run(Generation *g, const Mode *mode, Error *e) {
    (void)mode;                                                  /* experts take turns, each in its own */
    if (g->control_count || g->maps) workspace_forget(&g->work); /* what an earlier call recorded is without them */
    size_t latents = (size_t)(g->batch * g->latent), group = (size_t)(g->group * g->latent);
    int steps = g->points.count > 1 ? g->points.count - 1 : 1;
    g->x = malloc(latents * sizeof *g->x);
    g->refined = calloc((size_t)g->batch, sizeof *g->refined);
    size_t count = (size_t)g->now->cond.text.count + beside_edits(g->m, g->r);
    float *sides = malloc(group * count * sizeof *sides);
    float *work = malloc(latents * (size_t)g->sampler->buffers * sizeof *work);
    bool ok = (g->x && g->refined && sides && work) || error_set(e, ERR_MEMORY, "out of memory for latents");
    if (ok && g->pass.z) {
        g->z = malloc(latents * sizeof *g->z);
        ok = g->z || error_set(e, ERR_MEMORY, "out of memory for latents");
        if (ok) memcpy(g->z, g->pass.z, latents * sizeof *g->z);
    }
    ok = ok && attention_maps_open(g, e) && start_latents(g, e);
    g->started = os_clock();
    ok = ok && report_progress(g, SD_STAGE_SAMPLE, 0, steps, e) && run_sampler(g, work, sides, e) &&
         attention_maps_tell(g, e);
    free(work);
    free(sides);
    return ok;
}
