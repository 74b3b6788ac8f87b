/* In sd/guide/plain.c: euler(). */
#include "denoiser.h"

#include "sd/pipeline/beside.h"
#include "sd/pipeline/text/conditioning.h"
#include "sd/pipeline/control/control_calls.h"
#include "experts.h"
#include "sd/pipeline/inpaint.h"
#include "sd/pipeline/request.h"
#include "sd/sampling/lcm_levels.h"

#include <math.h>
#include <string.h>

Denoiser denoiser_begin(Generation *g, int first, float *sides) {
    memset(g->refined + first, 0, (size_t)g->group * sizeof *g->refined);
    return (Denoiser){.g = g, .at.first = first, .sides = sides};
}

/* --- the refiner --- */

/* The place of the level that is nearest to sigma among those that the sampler knows: the base's 1000, or LCM's 50. */
static int nearest_level(const Generation *g, float sigma) {
    const NoiseLevels *levels = &g->m->noise_levels;
    bool lcm = g->sampler->flags & SAMPLER_LCM_LEVELS;
    int best = 0;
    float least = INFINITY;
    for (int i = 0; i < (lcm ? LCM_LEVELS : TRAIN_STEPS); i++) {
        float distance = fabsf(levels->sigmas[lcm ? lcm_level_time(i) : i] - sigma);
        if (distance < least) least = distance, best = i;
    }
    return best;
}

/* How much of the picture is done, 0..1, as the webui counts it (sd_samplers_common.py, apply_refiner): denoiser calls
 * of all that the steps will take, or the time, of which LCM's levels give it their places. */
static double done(const Denoiser *d, const Ask *ask) {
    const Generation *g = d->g;
    int calls = g->sampler->flags & SAMPLER_TWO_CALLS ? 2 * g->steps : g->steps;
    if (g->r->refiner_by_steps) return d->at.calls / (double)calls;
    int time = g->sampler->space == SPACE_SIGMA ? nearest_level(g, ask->sigma) : (int)ask->time;
    return (float)(TRAIN_STEPS - 1 - time) / TRAIN_STEPS;
}

/* The expert whose turn this call is goes to work. */
static bool take_turns(Denoiser *d, const Ask *ask, Error *e) {
    Generation *g = d->g;
    double at = g->r->refiner_by_steps ? g->r->refiner_switch : (double)(float)g->r->refiner_switch;
    if (!g->refined[d->at.first] && g->r->refiner && done(d, ask) >= at)
        for (int i = 0; i < g->group; i++) g->refined[d->at.first + i] = true;
    return expert_take_over(g, expert_for(g, d->at.first), e);
}

/* What the U-Net at work is told: a refiner may have noise levels of its own. */
static float time_of(const Generation *g, const Ask *ask) {
    const NoiseLevels *levels = &g->now->m->noise_levels;
    if (g->now == &g->experts[BASE] || g->sampler->space == SPACE_TIME) return ask->time;
    return (g->sampler->flags & SAMPLER_LCM_LEVELS ? lcm_time : noise_levels_time)(levels, ask->sigma);
}

/* --- guidance --- */

/* The model's output for one side becomes what the sampler's space asks for, in place. */
static void predict(const Denoiser *d, const Ask *ask, float *side, int64_t n) {
    const Generation *g = d->g;
    const SdModel *m = g->now->m;
    bool v = m->config.prediction == PREDICT_V, x0 = m->config.prediction == PREDICT_X0;
    if (g->sampler->space == SPACE_SIGMA) {
        if (!x0) (v ? sampler_denoised_from_v : sampler_denoised_from_eps)(side, ask->x, side, ask->sigma, n);
    } else if (v || x0)
        (v ? sampler_eps_from_v : sampler_eps_from_clean)(side, ask->x, side, m->noise_levels.alphas[(int)ask->time],
                                                          n);
}

/* out = bare + cfg (c - u) + image cfg (u - bare): webui, combine_denoised_for_edit_model. */
static void guide_edit(const Denoiser *d, float *out, int64_t n) {
    const Generation *g = d->g;
    const float *u = d->sides, *c = u + n, *bare = c + n;
    float scale = (float)sampler_cfg(g->sampler, request_scale(g->now->m, g->r)), own = (float)beside_image_cfg(g->r);
    for (int64_t i = 0; i < n; i++) out[i] = bare[i] + scale * (c[i] - u[i]) + own * (u[i] - bare[i]);
}

/* out = u + sum over branches of (c - u) weight cfg, in the webui's order (modules/sd_samplers_cfg_denoiser.py). */
static void guide(const Denoiser *d, float *out, int64_t n) {
    const Generation *g = d->g;
    const TextStates *t = &g->now->cond.text;
    const float *u = d->sides;
    memcpy(out, u, (size_t)n * sizeof *out); /* unguided: the only branch's own */
    for (int k = 0; t->guided && k < t->branches; k++) {
        const float *c = d->sides + (k + 1) * n;
        float scale = (float)(t->sides[k + 1].branch->weight * sampler_cfg(g->sampler, request_scale(g->now->m, g->r)));
        for (int64_t i = 0; i < n; i++) out[i] += (c[i] - u[i]) * scale;
    }
}

/* The share of steps that are done, as the webui counts them while the step's call runs (its sampling_step follows
 * after each step's first call), 0..1. */
static double control_share(const Generation *g, int step, bool again) {
    int steps = g->points.count > 1 ? g->points.count - 1 : 1, shown = again || !step ? step : step - 1;
    return (double)shown / steps;
}

bool denoiser_evaluate(void *user, const Ask *asked, float *out, Error *e) {
    Denoiser *d = user;
    Generation *g = d->g;
    Ask shown = *asked;
    const Ask *ask = &shown;
    int64_t n = g->group * g->latent;
    bool blend_before = g->inpaint && g->sampler->space == SPACE_TIME;
    float scale = g->sampler->space == SPACE_SIGMA ? sampler_scale_in(ask->sigma) : 1.0f;
    bool again = d->at.calls && ask->step == d->at.step; /* a step's second call */
    if (ask->step != d->at.step) d->at.unet_calls = 0;
    d->at.step = ask->step;
    control_advance(g, control_share(g, ask->step, again));
    if (!take_turns(d, ask, e)) return false;
    const Mode *mode = &g->now->stages[STAGE_SAMPLE].mode;
    use_weights(g, mode); /* a preview may have changed them */
    update_prompts(g, d->at.calls++);
    if (blend_before)
        inpaint_blend(g, d->at.first, g->inpaint->blended, asked->x, ask->time), shown.x = g->inpaint->blended;
    if (!unet_sides(g, mode, &d->at, d->sides, ask->x, scale, time_of(g, ask), e)) return false;
    bool edits = beside_edits(g->now->m, g->r);
    int sides = g->now->cond.text.count + edits;
    for (int side = 0; side < sides; side++) predict(d, ask, d->sides + side * n, n);
    if (ask->uncond) memcpy(ask->uncond, edits ? d->sides + (sides - 1) * n : d->sides, (size_t)n * sizeof *out);
    (edits ? guide_edit : guide)(d, out, n);
    if (g->inpaint && !blend_before) inpaint_blend(g, d->at.first, out, out, ask->sigma);
    return true;
}
