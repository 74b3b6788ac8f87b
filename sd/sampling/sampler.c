/* sampler.c: the table of samplers, and what surrounds a run. The methods are in sampler_*.c, a family a file. */
#include "sd/text/nearest.h"
#include "sampler_steps.h"

#include <assert.h>

enum {
    CHURN = SAMPLER_CHURN | SAMPLER_S_NOISE,
    ANCESTRAL = SAMPLER_ETA | SAMPLER_ENSD,
    SECOND = SAMPLER_SECOND_ORDER,
    SDE = SAMPLER_ETA | SAMPLER_S_NOISE | SAMPLER_BROWNIAN,
    TIMES = SAMPLER_FIXED_POINTS
};

static const double CFGPP = 1 / 12.5;

/* In the webui's order; the last is not the webui's. Names with _ka and _exp are those of its versions up to 1.8, and
 * mean a schedule as well (scheduler.h). */
static const Sampler SAMPLERS[] = {
    {"DPM++ 2M", {"k_dpmpp_2m", "dpmpp_2m"}, SPACE_SIGMA, 2, 0, 0, "Karras", 1, sample_dpmpp_2m},
    {"DPM++ SDE", {"k_dpmpp_sde", "dpmpp_sde"}, SPACE_SIGMA, 4, SDE | SECOND, 1, "Karras", 1, sample_dpmpp_sde},
    {"DPM++ 2M SDE", {"k_dpmpp_2m_sde", "dpmpp_2m_sde"}, SPACE_SIGMA, 3, SDE, 1, "Exponential", 1, sample_dpmpp_2m_sde},
    {"DPM++ 2M SDE Heun",
     {"k_dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun"},
     SPACE_SIGMA,
     3,
     SDE,
     1,
     "Exponential",
     1,
     sample_dpmpp_2m_sde_heun},
    {"DPM++ 2S a",
     {"k_dpmpp_2s_a", "dpmpp_2s_a", "dpmpp_2s_ancestral"},
     SPACE_SIGMA,
     4,
     ANCESTRAL | SAMPLER_S_NOISE | SECOND,
     1,
     "Karras",
     1,
     sample_dpmpp_2s_a},
    {"DPM++ 3M SDE",
     {"k_dpmpp_3m_sde", "dpmpp_3m_sde"},
     SPACE_SIGMA,
     4,
     SDE | SAMPLER_DISCARD,
     1,
     "Exponential",
     1,
     sample_dpmpp_3m_sde},
    {"Euler a",
     {"k_euler_a", "k_euler_ancestral", "euler_a", "euler_ancestral"},
     SPACE_SIGMA,
     2,
     ANCESTRAL,
     1,
     NULL,
     1,
     sample_euler_a},
    {"Euler", {"k_euler"}, SPACE_SIGMA, 2, CHURN, 0, NULL, 1, sample_euler},
    {"LMS", {"k_lms"}, SPACE_SIGMA, 5, 0, 0, NULL, 1, sample_lms},
    {"Heun", {"k_heun"}, SPACE_SIGMA, 4, CHURN | SECOND, 0, NULL, 1, sample_heun},
    {"DPM2", {"k_dpm_2", "dpm_2"}, SPACE_SIGMA, 4, CHURN | SECOND | SAMPLER_DISCARD, 0, "Karras", 1, sample_dpm2},
    {"DPM2 a",
     {"k_dpm_2_a", "dpm_2_a", "dpm_2_ancestral", "k_dpm_2_ancestral"},
     SPACE_SIGMA,
     4,
     ANCESTRAL | SAMPLER_S_NOISE | SECOND | SAMPLER_DISCARD,
     1,
     "Karras",
     1,
     sample_dpm2_a},
    {"DPM fast",
     {"k_dpm_fast", "dpm_fast"},
     SPACE_SIGMA,
     8,
     ANCESTRAL | SAMPLER_S_NOISE | SAMPLER_BOUNDS,
     1,
     NULL,
     1,
     sample_dpm_fast},
    {"DPM adaptive",
     {"k_dpm_ad", "dpm_adaptive", "k_dpm_adaptive"},
     SPACE_SIGMA,
     8,
     ANCESTRAL | SAMPLER_BOUNDS | SAMPLER_ADAPTIVE,
     1,
     NULL,
     1,
     sample_dpm_adaptive},
    {"Restart", {0}, SPACE_SIGMA, 4, SECOND, 0, "Karras", 1, sample_restart},
    {"DDIM", {"k_ddim"}, SPACE_TIME, 2, SAMPLER_ETA | TIMES, 0, NULL, 1, sample_ddim},
    {"DDIM CFG++",
     {"ddim_cfgpp"},
     SPACE_TIME,
     3,
     SAMPLER_ETA | SAMPLER_UNCOND | TIMES,
     0,
     NULL,
     CFGPP,
     sample_ddim_cfgpp},
    {"PLMS", {0}, SPACE_TIME, 6, TIMES, 0, NULL, 1, sample_plms},
    {"UniPC", {"uni_pc"}, SPACE_TIME, 6, TIMES, 0, NULL, 1, sample_unipc},
    {"LCM", {"k_lcm"}, SPACE_SIGMA, 2, SAMPLER_OWN_TABLE, 0, NULL, 1, sample_lcm},
    {"DDPM", {0}, SPACE_TIME, 2, TIMES, 0, NULL, 1, sample_ddpm},
};

enum { SAMPLER_COUNT = sizeof SAMPLERS / sizeof *SAMPLERS };

const Sampler *sampler_list(int *count) {
    *count = SAMPLER_COUNT;
    return SAMPLERS;
}

static const char *spelling(int i, int k) {
    return k == 0 ? SAMPLERS[i].name : k <= 7 ? SAMPLERS[i].aliases[k - 1] : NULL;
}

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

void sampler_start(const Sampler *s, float *x, int64_t n, const float *points, bool sgm) {
    if (s->space != SPACE_SIGMA) return;
    float sigma = points[0], scale = sgm ? sqrtf(1 + sigma * sigma) : sigma;
    for (int64_t i = 0; i < n; i++) x[i] *= scale;
}

/* The options that the webui passes to this sampler. */
static SamplerOptions options_for(const Sampler *s, SamplerOptions o) {
    SamplerOptions defaults = sampler_defaults(s);
    if (!(s->flags & SAMPLER_ETA)) o.eta = defaults.eta;
    if (!(s->flags & SAMPLER_CHURN)) o.s_churn = 0, o.s_tmin = 0, o.s_tmax = INFINITY;
    if (!(s->flags & SAMPLER_S_NOISE)) o.s_noise = 1;
    return o;
}

bool sampler_run(const Sampler *s, const Sampling *p, float *x, Error *e) {
    assert(p->n >= 0 && p->count >= 0 && p->points && p->work && p->denoise && p->draw && p->schedule);
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
