/* In sd/guide/plain.c: euler(). */
/* sampler_euler.c: Euler, Euler a, Heun, DPM2, DPM2 a: one or two evaluations a step, no history.
 *
 * Euler follows the slope dx/dsigma = (x - D) / sigma; Heun averages the slopes at both ends (T. Karras et al.,
 * "Elucidating the Design Space" 2022, algorithm 2); DPM2 takes the slope at the geometric mean of the sigmas. Euler a
 * and DPM2 a step down to sigma_down and add new noise of size sigma_up, where
 *
 *   sigma_up = min(s', eta s' sqrt(s^2 - s'^2) / s),   sigma_down^2 + sigma_up^2 = s'^2   (s, s': this sigma, the next)
 */
#include "sampler_steps.h"

float churn(const Sampling *s, float *x, float *noise, int step) {
    const SamplerOptions *o = &s->options;
    float sigma = s->points[step];
    double gamma = 0;
    if (o->s_tmin <= sigma && sigma <= o->s_tmax) gamma = fmin(o->s_churn / (s->count - 1), sqrt(2) - 1);
    float hat = sigma * (float)(gamma + 1);
    s->draw(s->user, noise);
    if (gamma > 0) add_noise(s, x, noise, sqrtf(hat * hat - sigma * sigma));
    return hat;
}

bool sample_euler(const Sampling *s, float *x, Error *e) {
    float *denoised = s->work, *noise = s->work + s->n;
    for (int i = 0; i + 1 < s->count; i++) {
        float hat = churn(s, x, noise, i);
        if (!denoise(s, denoised, x, hat, i, e)) return false;
        follow(x, x, denoised, hat, s->points[i + 1] - hat, s->n);
        if (!done(s, x, denoised, i, e)) return false;
    }
    return true;
}

bool sample_euler_a(const Sampling *s, float *x, Error *e) {
    float *denoised = s->work, *noise = s->work + s->n;
    for (int i = 0; i + 1 < s->count; i++) {
        float sigma = s->points[i], next = s->points[i + 1], down, up;
        if (!denoise(s, denoised, x, sigma, i, e)) return false;
        ancestral(sigma, next, (float)s->options.eta, &down, &up);
        follow(x, x, denoised, sigma, down - sigma, s->n);
        if (next > 0) {
            s->draw(s->user, noise);
            add_noise(s, x, noise, up);
        }
        if (!done(s, x, denoised, i, e)) return false;
    }
    return true;
}

/* x += the mean of two slopes * dt: that of (x, denoised) at sigma, that of (x2, denoised2) at next */
static void follow_mean(float *x, const float *denoised, float sigma, const float *x2, const float *denoised2,
                        float next, int64_t n) {
    float dt = next - sigma;
    for (int64_t i = 0; i < n; i++) {
        float d = (x[i] - denoised[i]) / sigma, d2 = (x2[i] - denoised2[i]) / next;
        x[i] = x[i] + (d + d2) / 2 * dt;
    }
}

bool heun_step(const Sampling *s, float *x, float sigma, float next, int step, Error *e) {
    float *denoised = s->work, *x2 = s->work + 2 * s->n, *denoised2 = s->work + 3 * s->n;
    if (!denoise(s, denoised, x, sigma, step, e)) return false;
    if (next == 0) {
        follow(x, x, denoised, sigma, next - sigma, s->n);
        return true;
    }
    follow(x2, x, denoised, sigma, next - sigma, s->n);
    if (!denoise(s, denoised2, x2, next, step, e)) return false;
    follow_mean(x, denoised, sigma, x2, denoised2, next, s->n);
    return true;
}

bool sample_heun(const Sampling *s, float *x, Error *e) {
    for (int i = 0; i + 1 < s->count; i++) {
        float hat = churn(s, x, s->work + s->n, i);
        if (!heun_step(s, x, hat, s->points[i + 1], i, e) || !done(s, x, s->work, i, e)) return false;
    }
    return true;
}

/* exp((ln a + ln b) / 2), by torch.lerp's formula for a weight of one half */
static float geometric_middle(float a, float b) {
    float low = log32(a), high = log32(b);
    return exp32(high - (high - low) * 0.5f);
}

/* From x at sigma to next by the slope at their geometric mean. */
static bool middle_step(const Sampling *s, float *x, float sigma, float next, int step, Error *e) {
    float *denoised = s->work, *x2 = s->work + 2 * s->n, *denoised2 = s->work + 3 * s->n;
    if (next == 0) {
        follow(x, x, denoised, sigma, next - sigma, s->n);
        return true;
    }
    float middle = geometric_middle(sigma, next), dt = next - sigma;
    follow(x2, x, denoised, sigma, middle - sigma, s->n);
    if (!denoise(s, denoised2, x2, middle, step, e)) return false;
    for (int64_t i = 0; i < s->n; i++) x[i] = x[i] + (x2[i] - denoised2[i]) / middle * dt;
    return true;
}

bool sample_dpm2(const Sampling *s, float *x, Error *e) {
    float *denoised = s->work;
    for (int i = 0; i + 1 < s->count; i++) {
        float hat = churn(s, x, s->work + s->n, i);
        if (!denoise(s, denoised, x, hat, i, e) || !middle_step(s, x, hat, s->points[i + 1], i, e) ||
            !done(s, x, denoised, i, e))
            return false;
    }
    return true;
}

bool sample_dpm2_a(const Sampling *s, float *x, Error *e) {
    float *denoised = s->work, *noise = s->work + s->n;
    for (int i = 0; i + 1 < s->count; i++) {
        float sigma = s->points[i], down, up;
        if (!denoise(s, denoised, x, sigma, i, e)) return false;
        ancestral(sigma, s->points[i + 1], (float)s->options.eta, &down, &up);
        if (!middle_step(s, x, sigma, down, i, e)) return false;
        if (down != 0) {
            s->draw(s->user, noise);
            add_noise(s, x, noise, up);
        }
        if (!done(s, x, denoised, i, e)) return false;
    }
    return true;
}
