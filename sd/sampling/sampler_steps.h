/* sampler_steps.h: what the families of samplers share. Not for other files.
 *
 * Every operation is a float operation in the order of k-diffusion's sampling.py and the webui's files (numbers that
 * are Python floats there are double here), so that pictures agree. */
#ifndef SD_SAMPLING_SAMPLER_STEPS_H
#define SD_SAMPLING_SAMPLER_STEPS_H

#include "sd/noise/math64.h"
#include "sampler.h"

#include <math.h> /* sqrt, sqrtf, isfinite, INFINITY */

/* Float functions of torch, correctly rounded but for about one case in 10^9; defined for every float. */
static inline float log32(float x) {
    if (!(x > 0)) return x == 0 ? -INFINITY : NAN;
    return isfinite(x) ? (float)log64(x) : x;
}
static inline float exp32(float x) {
    if (!(x > -200 && x < 200)) return x <= -200 ? 0 : x >= 200 ? INFINITY : NAN;
    return (float)exp64(x);
}
static inline float expm1_32(float x) {
    if (!(x > -200 && x < 200)) return x <= -200 ? -1 : x >= 200 ? INFINITY : NAN;
    return (float)expm1_64(x);
}

static inline bool steps_stopped(Error *e) { return error_set(e, ERR_CANCELLED, "sampling stopped"); }

/* out = D(x, sigma); the network is told sigma's time */
static inline bool denoise(const Sampling *s, float *out, const float *x, float sigma, int step, Error *e) {
    Ask ask = {.x = x, .sigma = sigma, .time = noise_levels_time(s->schedule, sigma), .step = step};
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

/* Splits the way from sigma to next into going down to *down and noise of size *up. */
static inline void ancestral(float sigma, float next, float eta, float *down, float *up) {
    *down = next, *up = 0;
    if (eta == 0) return;
    float size = eta * sqrtf(next * next * (sigma * sigma - next * next) / (sigma * sigma));
    *up = size < next ? size : next;
    *down = sqrtf(next * next - *up * *up);
}

/* The beginning of a step of Euler, Heun and DPM2: perhaps more noise (churn). Returns the sigma of x then. The noise
 * is drawn in any case, as k-diffusion draws it. */
float churn(const Sampling *s, float *x, float *noise, int step);

/* One Heun step from sigma to next with work of 4 n: D(x), noise (not touched), and two for the second evaluation. */
bool heun_step(const Sampling *s, float *x, float sigma, float next, int step, Error *e);

bool sample_euler(const Sampling *s, float *x, Error *e);
bool sample_euler_a(const Sampling *s, float *x, Error *e);
bool sample_heun(const Sampling *s, float *x, Error *e);
bool sample_lms(const Sampling *s, float *x, Error *e);
bool sample_lcm(const Sampling *s, float *x, Error *e);
bool sample_restart(const Sampling *s, float *x, Error *e);
bool sample_dpm2(const Sampling *s, float *x, Error *e);
bool sample_dpm2_a(const Sampling *s, float *x, Error *e);
bool sample_dpm_fast(const Sampling *s, float *x, Error *e);
bool sample_dpm_adaptive(const Sampling *s, float *x, Error *e);
bool sample_dpmpp_2s_a(const Sampling *s, float *x, Error *e);
bool sample_dpmpp_sde(const Sampling *s, float *x, Error *e);
bool sample_dpmpp_2m(const Sampling *s, float *x, Error *e);
bool sample_dpmpp_2m_sde(const Sampling *s, float *x, Error *e);
bool sample_dpmpp_2m_sde_heun(const Sampling *s, float *x, Error *e);
bool sample_dpmpp_3m_sde(const Sampling *s, float *x, Error *e);
bool sample_ddim(const Sampling *s, float *x, Error *e);
bool sample_ddim_cfgpp(const Sampling *s, float *x, Error *e);
bool sample_plms(const Sampling *s, float *x, Error *e);
bool sample_ddpm(const Sampling *s, float *x, Error *e);
bool sample_unipc(const Sampling *s, float *x, Error *e);

#endif
