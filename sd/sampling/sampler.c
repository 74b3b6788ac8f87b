/* sampler.c: the table of samplers, and what all runs share. The methods are in sampler_*.c, a file a family. */
#include "sd/text/nearest.h"
#include "sampler_steps.h"

#include <assert.h>

/* Flags that go together. */
enum {
    CHURN = SAMPLER_CHURN | SAMPLER_S_NOISE,
    ANCESTRAL = SAMPLER_ETA | SAMPLER_ENSD,
    SDE = SAMPLER_ETA | SAMPLER_S_NOISE | SAMPLER_BROWNIAN
};

/* In the webui's order; the last two are not the webui's. To add one, write its SampleFn in a file of its own, declare
 * it in sampler_steps.h and add a row here; members not named are 0. */
static const Sampler SAMPLERS[] = {
    {.name = "DPM++ 2M",
     .aliases = {"k_dpmpp_2m", "dpmpp_2m"},
     .space = SPACE_SIGMA,
     .buffers = 2,
     .scheduler = "Karras",
     .run = sample_dpmpp_2m},
    {.name = "DPM++ SDE",
     .aliases = {"k_dpmpp_sde", "dpmpp_sde"},
     .space = SPACE_SIGMA,
     .buffers = 4,
     .flags = SDE | SAMPLER_TWO_CALLS,
     .default_eta = 1,
     .scheduler = "Karras",
     .run = sample_dpmpp_sde},
    {.name = "DPM++ 2M SDE",
     .aliases = {"k_dpmpp_2m_sde", "dpmpp_2m_sde"},
     .space = SPACE_SIGMA,
     .buffers = 3,
     .flags = SDE,
     .default_eta = 1,
     .scheduler = "Exponential",
     .run = sample_dpmpp_2m_sde},
    {.name = "DPM++ 2M SDE Heun",
     .aliases = {"k_dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun"},
     .space = SPACE_SIGMA,
     .buffers = 3,
     .flags = SDE,
     .default_eta = 1,
     .scheduler = "Exponential",
     .run = sample_dpmpp_2m_sde_heun},
    {.name = "DPM++ 2S a",
     .aliases = {"k_dpmpp_2s_a", "dpmpp_2s_a", "dpmpp_2s_ancestral"},
     .space = SPACE_SIGMA,
     .buffers = 4,
     .flags = ANCESTRAL | SAMPLER_S_NOISE | SAMPLER_TWO_CALLS,
     .default_eta = 1,
     .scheduler = "Karras",
     .run = sample_dpmpp_2s_a},
    {.name = "DPM++ 3M SDE",
     .aliases = {"k_dpmpp_3m_sde", "dpmpp_3m_sde"},
     .space = SPACE_SIGMA,
     .buffers = 4,
     .flags = SDE | SAMPLER_DISCARD,
     .default_eta = 1,
     .scheduler = "Exponential",
     .run = sample_dpmpp_3m_sde},
    {.name = "Euler a",
     .aliases = {"k_euler_a", "k_euler_ancestral", "euler_a", "euler_ancestral"},
     .space = SPACE_SIGMA,
     .buffers = 2,
     .flags = ANCESTRAL,
     .default_eta = 1,
     .run = sample_euler_a},
    {.name = "Euler", .aliases = {"k_euler"}, .space = SPACE_SIGMA, .buffers = 2, .flags = CHURN, .run = sample_euler},
    {.name = "LMS", .aliases = {"k_lms"}, .space = SPACE_SIGMA, .buffers = 5, .run = sample_lms},
    {.name = "Heun",
     .aliases = {"k_heun"},
     .space = SPACE_SIGMA,
     .buffers = 4,
     .flags = CHURN | SAMPLER_TWO_CALLS,
     .run = sample_heun},
    {.name = "DPM2",
     .aliases = {"k_dpm_2", "dpm_2"},
     .space = SPACE_SIGMA,
     .buffers = 4,
     .flags = CHURN | SAMPLER_TWO_CALLS | SAMPLER_DISCARD,
     .scheduler = "Karras",
     .run = sample_dpm2},
    {.name = "DPM2 a",
     .aliases = {"k_dpm_2_a", "dpm_2_a", "dpm_2_ancestral", "k_dpm_2_ancestral"},
     .space = SPACE_SIGMA,
     .buffers = 4,
     .flags = ANCESTRAL | SAMPLER_S_NOISE | SAMPLER_TWO_CALLS | SAMPLER_DISCARD,
     .default_eta = 1,
     .scheduler = "Karras",
     .run = sample_dpm2_a},
    {.name = "DPM fast",
     .aliases = {"k_dpm_fast", "dpm_fast"},
     .space = SPACE_SIGMA,
     .buffers = 8,
     .flags = ANCESTRAL | SAMPLER_S_NOISE | SAMPLER_BOUNDS,
     .default_eta = 1,
     .run = sample_dpm_fast},
    {.name = "DPM adaptive",
     .aliases = {"k_dpm_ad", "dpm_adaptive", "k_dpm_adaptive"},
     .space = SPACE_SIGMA,
     .buffers = 8,
     .flags = ANCESTRAL | SAMPLER_BOUNDS | SAMPLER_ADAPTIVE,
     .default_eta = 1,
     .run = sample_dpm_adaptive},
    {.name = "Restart",
     .space = SPACE_SIGMA,
     .buffers = 4,
     .flags = SAMPLER_TWO_CALLS,
     .scheduler = "Karras",
     .run = sample_restart},
    {.name = "DDIM",
     .aliases = {"k_ddim"},
     .space = SPACE_TIME,
     .buffers = 2,
     .flags = SAMPLER_ETA,
     .run = sample_ddim},
    {.name = "DDIM CFG++",
     .aliases = {"ddim_cfgpp"},
     .space = SPACE_TIME,
     .buffers = 3,
     .flags = SAMPLER_ETA | SAMPLER_CFGPP,
     .run = sample_ddim_cfgpp},
    {.name = "PLMS", .space = SPACE_TIME, .buffers = 6, .run = sample_plms},
    {.name = "UniPC",
     .aliases = {"uni_pc"},
     .space = SPACE_TIME,
     .buffers = 6,
     .flags = SAMPLER_ONE_POINT,
     .run = sample_unipc},
    {.name = "LCM",
     .aliases = {"k_lcm"},
     .space = SPACE_SIGMA,
     .buffers = 2,
     .flags = SAMPLER_LCM_LEVELS,
     .run = sample_lcm},
    {.name = "DDPM",
     .space = SPACE_TIME,
     .buffers = 2,
     .flags = SAMPLER_ONE_POINT | SAMPLER_DIFFUSERS,
     .run = sample_ddpm},
    {.name = "TCD",
     .aliases = {"k_tcd"},
     .space = SPACE_TIME,
     .buffers = 2,
     .flags = SAMPLER_ETA | SAMPLER_ONE_POINT | SAMPLER_DIFFUSERS | SAMPLER_LCM_LEVELS,
     .default_eta = .3,
     .run = sample_tcd},
};

enum { SAMPLER_COUNT = sizeof SAMPLERS / sizeof *SAMPLERS };

const Sampler *sampler_list(int *count) {
    *count = SAMPLER_COUNT;
    return SAMPLERS;
}

static const char *spelling(int i, int k) { return k == 0 ? SAMPLERS[i].name : SAMPLERS[i].aliases[k - 1]; }

const Sampler *sampler_find(const char *name) {
    int i = nearest_find(name, spelling, SAMPLER_COUNT);
    return i < 0 ? NULL : &SAMPLERS[i];
}

const Sampler *sampler_nearest(const char *name) { return &SAMPLERS[nearest_name(name, spelling, SAMPLER_COUNT)]; }

void sampler_suggest(const char *name, char *out, size_t size) {
    nearest_suggest(name, spelling, SAMPLER_COUNT, out, size);
}

SamplerOptions sampler_defaults(const Sampler *s) {
    return (SamplerOptions){.eta = s->default_eta,
                            .s_tmax = INFINITY,
                            .s_noise = 1,
                            .unipc_order = 3,
                            .unipc_variant = UNIPC_BH1,
                            .unipc_lower_order_final = true};
}

bool sampler_has_schedule(const Sampler *s) { return s->space == SPACE_SIGMA && !(s->flags & SAMPLER_BOUNDS); }

double sampler_cfg(const Sampler *s, double cfg) {
    static const double CFGPP = 1 / 12.5;
    return s->flags & SAMPLER_CFGPP ? cfg * CFGPP : cfg;
}

void sampler_start(const Sampler *s, float *x, int64_t n, const float *points, bool unit) {
    if (s->space != SPACE_SIGMA) return;
    float sigma = points[0], scale = unit ? sqrtf(1 + sigma * sigma) : sigma;
    for (int64_t i = 0; i < n; i++) x[i] *= scale;
}

/* The options that the sampler has; defaults for the others. */
static SamplerOptions options_for(const Sampler *s, SamplerOptions o) {
    SamplerOptions defaults = sampler_defaults(s);
    if (!(s->flags & SAMPLER_ETA)) o.eta = defaults.eta;
    if (!(s->flags & SAMPLER_CHURN)) o.s_churn = 0, o.s_tmin = 0, o.s_tmax = INFINITY;
    if (!(s->flags & SAMPLER_S_NOISE)) o.s_noise = 1;
    return o;
}

bool sampler_run(const Sampler *s, const Sampling *p, float *x, Error *e) {
    assert(p->n >= 0 && p->count >= 0 && p->points && p->work && p->denoise && p->draw && p->levels);
    assert(p->brownian || !(s->flags & SAMPLER_BROWNIAN));
    Sampling own = *p;
    own.options = options_for(s, p->options);
    if (!s->run(&own, x, e)) return false;
    for (int64_t i = 0; i < p->n; i++)
        if (!isfinite(x[i]))
            return error_set(e, ERR_NUMERIC, "the latents are not finite after %s; try another precision or sampler",
                             s->name);
    return true;
}

float sampler_scale_in(float sigma) { return 1 / sqrtf(sigma * sigma + 1); }

void sampler_denoised_from_eps(float *out, const float *x, const float *eps, float sigma, int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = x[i] + eps[i] * -sigma;
}

void sampler_denoised_from_v(float *out, const float *x, const float *v, float sigma, int64_t n) {
    float skip = 1 / (sigma * sigma + 1), scale = -sigma / sqrtf(sigma * sigma + 1);
    for (int64_t i = 0; i < n; i++) out[i] = v[i] * scale + x[i] * skip;
}

void sampler_eps_from_v(float *out, const float *x, const float *v, float alpha, int64_t n) {
    float a = sqrtf(alpha), b = sqrtf(1 - alpha);
    for (int64_t i = 0; i < n; i++) out[i] = a * v[i] + b * x[i];
}

void sampler_eps_from_clean(float *out, const float *x, const float *clean, float alpha, int64_t n) {
    float a = sqrtf(alpha), b = sqrtf(1 - alpha);
    for (int64_t i = 0; i < n; i++) out[i] = (x[i] - a * clean[i]) / b;
}
