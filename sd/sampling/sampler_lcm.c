/* sampler_lcm.c: LCM and TCD, for models that were distilled to jump to the end from each of 50 levels.
 *
 * LCM (S. Luo et al., "Latent Consistency Models" 2023), as the webui has it: the model is told the nearest level's
 * time; then noise of the next sigma is added. diffusers' LCMScheduler differs in which levels a run visits (schedule
 * type LCM), and multiplies c_skip with x as it is in time space: a difference below 1e-5 where time is above 19.
 *
 * TCD (J. Zheng et al., "Trajectory Consistency Distillation" 2024), as diffusers' TCDScheduler: a jump to the level s
 * below the next one, s = (1 - eta) t', and noise from there up to t'. eta is the paper's gamma. Ends at time 0, not at
 * x_0. */
#include "lcm_levels.h"
#include "sampler_steps.h"

bool sample_lcm(const Sampling *s, float *x, Error *e) {
    float *denoised = s->work, *noise = s->work + s->n;
    for (int i = 0; i + 1 < s->count; i++) {
        float sigma = s->points[i], next = s->points[i + 1];
        Ask ask = {.x = x, .sigma = sigma, .time = lcm_time(s->levels, sigma), .step = i};
        if (!s->denoise(s->user, &ask, denoised, e)) return steps_stopped(e);
        float scaled = ask.time * 10, square = scaled * scaled + 0.25f;
        float skip = 0.25f / square, out = scaled / sqrtf(square);
        for (int64_t k = 0; k < s->n; k++) denoised[k] = out * denoised[k] + skip * x[k];
        for (int64_t k = 0; k < s->n; k++) x[k] = denoised[k];
        if (next > 0) {
            s->draw(s->user, noise);
            for (int64_t k = 0; k < s->n; k++) x[k] = x[k] + next * noise[k];
        }
        if (!done(s, x, denoised, i, e)) return false;
    }
    return true;
}

bool sample_tcd(const Sampling *s, float *x, Error *e) {
    float *eps = s->work, *noise = s->work + s->n;
    const float *alphas = s->levels->alphas, keep = (float)(1 - s->options.eta);
    for (int i = 0; i < s->count; i++) {
        int at = s->count - 1 - i, t = (int)s->points[at], next = at ? (int)s->points[at - 1] : 0;
        float a = alphas[t], prev = alphas[next], there = alphas[(int)(keep * (float)next)];
        float to_eps = sqrtf(1 - a), to_x0 = sqrtf(a), from_x0 = sqrtf(there), from_eps = sqrtf(1 - there);
        float shrink = sqrtf(prev / there), size = sqrtf(1 - prev / there);
        Ask ask = {.x = x, .time = (float)t, .step = i};
        if (!s->denoise(s->user, &ask, eps, e)) return steps_stopped(e);
        bool noisy = at && s->options.eta > 0;
        if (noisy) s->draw(s->user, noise);
        for (int64_t k = 0; k < s->n; k++) {
            float x0 = (x[k] - to_eps * eps[k]) / to_x0;
            x[k] = from_x0 * x0 + from_eps * eps[k];
            if (noisy) x[k] = shrink * x[k] + size * noise[k];
            eps[k] = x0;
        }
        if (!done_of(s, x, eps, i, s->count, e)) return false;
    }
    return true;
}
