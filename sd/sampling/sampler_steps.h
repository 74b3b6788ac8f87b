/* sampler_steps.h: what the samplers share; for sampler*.c only.
 *
 * Every operation is a float operation in the order of k-diffusion's sampling.py and the webui's files (Python's floats
 * are double here), so that pictures agree. */
#ifndef SD_SAMPLING_SAMPLER_STEPS_H
#define SD_SAMPLING_SAMPLER_STEPS_H

#include "sampler.h"
#include "torch32.h"

static inline bool steps_stopped(Error *e) { return error_set(e, ERR_CANCELLED, "sampling stopped"); }

/* out = D(x, sigma); the network receives sigma's time */
static inline bool denoise(const Sampling *s, float *out, const float *x, float sigma, int step, Error *e) {
    Ask ask = {.x = x, .sigma = sigma, .time = noise_levels_time(s->levels, sigma), .step = step};
    return s->denoise(s->user, &ask, out, e) || steps_stopped(e);
}

static inline bool done_of(const Sampling *s, float *x, const float *denoised, int step, int steps, Error *e) {
    return !s->step || s->step(s->user, x, denoised, step, steps, e) || steps_stopped(e);
}

static inline bool done(const Sampling *s, float *x, const float *denoised, int step, Error *e) {
    return done_of(s, x, denoised, step, s->count - 1, e);
}

/* out = x + (x - denoised) / sigma * dt; out may be x */
static inline void follow(float *out, const float *x, const float *denoised, float sigma, float dt, int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = x[i] + (x[i] - denoised[i]) / sigma * dt;
}

/* x += noise * s_noise * size */
static inline void add_noise(const Sampling *s, float *x, const float *noise, float size) {
    float scale = s->options.s_noise;
    for (int64_t i = 0; i < s->n; i++) x[i] = x[i] + noise[i] * scale * size;
}

/* Splits the step from sigma to next into a step down to *down and noise of size *up. */
static inline void ancestral(float sigma, float next, float eta, float *down, float *up) {
    *down = next, *up = 0;
    if (eta == 0) return;
    float size = eta * sqrtf(next * next * (sigma * sigma - next * next) / (sigma * sigma));
    *up = size < next ? size : next;
    *down = sqrtf(next * next - *up * *up);
}

/* The beginning of a step of Euler, Heun and DPM2: may add noise. Returns the sigma of x then. Draws in any case, as
 * k-diffusion does. */
float churn(const Sampling *s, float *x, float *noise, int step);

/* One Heun step from sigma to next. s->work: [4][n], D(x), noise (left alone), and two for the second evaluation. */
bool heun_step(const Sampling *s, float *x, float sigma, float next, int step, Error *e);

/* The samplers, a line per file. */
SampleFn sample_euler, sample_euler_a, sample_heun, sample_dpm2, sample_dpm2_a;
SampleFn sample_lms;
SampleFn sample_lcm, sample_tcd;
SampleFn sample_restart;
SampleFn sample_dpm_fast, sample_dpm_adaptive;
SampleFn sample_dpmpp_2s_a, sample_dpmpp_sde, sample_dpmpp_2m, sample_dpmpp_2m_sde, sample_dpmpp_2m_sde_heun,
    sample_dpmpp_3m_sde;
SampleFn sample_ddim, sample_ddim_cfgpp, sample_plms, sample_ddpm;
SampleFn sample_unipc;

#endif
