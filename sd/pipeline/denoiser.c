#include "denoiser.h"

#include "conditioning.h"

#include <string.h>

Denoiser denoiser_begin(Generation *g, const Mode *mode, int first, float *sides) {
    return (Denoiser){.g = g, .mode = mode, .at.first = first, .sides = sides};
}

/* The model's output for one side becomes what the sampler's space asks for, in place. */
static void predict(const Denoiser *d, const Ask *ask, float *side, int64_t n) {
    const Generation *g = d->g;
    bool v = g->m->config.prediction == PREDICT_V;
    if (g->sampler->space == SPACE_SIGMA)
        (v ? sampler_denoised_from_v : sampler_denoised_from_eps)(side, ask->x, side, ask->sigma, n);
    else if (v) sampler_eps_from_v(side, ask->x, side, g->m->noise_levels.alphas[(int)ask->time], n);
}

/* out = u + sum over branches of (c - u) weight cfg, in the webui's order (modules/sd_samplers_cfg_denoiser.py). */
static void guide(const Denoiser *d, float *out, int64_t n) {
    const Generation *g = d->g;
    const TextStates *t = &g->cond.text;
    const float *u = d->sides;
    memcpy(out, u, (size_t)n * sizeof *out); /* unguided: the only branch's own */
    for (int k = 0; t->guided && k < t->branches; k++) {
        const float *c = d->sides + (k + 1) * n;
        float scale = (float)(t->sides[k + 1].branch->weight * sampler_cfg(g->sampler, g->r->cfg));
        for (int64_t i = 0; i < n; i++) out[i] += (c[i] - u[i]) * scale;
    }
}

bool denoiser_evaluate(void *user, const Ask *ask, float *out, Error *e) {
    Denoiser *d = user;
    Generation *g = d->g;
    int64_t n = g->group * g->latent;
    float scale = g->sampler->space == SPACE_SIGMA ? sampler_scale_in(ask->sigma) : 1.0f;
    if (ask->step != d->at.step) d->at.unet_calls = 0;
    d->at.step = ask->step;
    use_weights(g, d->mode); /* a preview may have changed them */
    update_prompts(g, d->at.calls++);
    if (!unet_sides(g, d->mode, &d->at, d->sides, ask->x, scale, ask->time, e)) return false;
    for (int side = 0; side < g->cond.text.count; side++) predict(d, ask, d->sides + side * n, n);
    if (ask->uncond) memcpy(ask->uncond, d->sides, (size_t)n * sizeof *out);
    guide(d, out, n);
    return true;
}
