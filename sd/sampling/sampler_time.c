/* sampler_time.c: DDIM, DDIM CFG++, PLMS, DDPM: samplers in time space, by way of the prediction of x_0.
 *
 * DDIM (J. Song et al. 2020): x' = sqrt(a') x_0 + sqrt(1 - a' - sigma^2) eps + sigma noise. With CFG++ (H. Chung et al.
 * 2024) x_0 comes from the guided eps and the direction from the negative prompt's. PLMS (L. Liu et al. 2022) is DDIM
 * with an eps extrapolated from the last four (Adams and Bashforth's weights). As in the webui
 * (sd_samplers_timesteps_impl.py), they go from the last time to the second and leave the picture at the first, t = 1.
 * DDPM (J. Ho et al. 2020) draws from the posterior, as diffusers' DDPMScheduler does; it evaluates the first time too
 * and ends at x_0. */
#include "sampler_steps.h"

/* out = eps(x, t); uncond may be NULL */
static bool ask_eps(const Sampling *s, float *out, float *uncond, const float *x, float t, int step, Error *e) {
    Ask ask = {.x = x, .time = t, .step = step, .uncond = uncond};
    return s->denoise(s->user, &ask, out, e) || steps_stopped(e);
}

static float alpha_at(const Sampling *s, int index) { return s->levels->alphas[(int)s->points[index]]; }

static bool ddim(const Sampling *s, float *x, bool cfgpp, Error *e) {
    float *eps = s->work, *noise = s->work + s->n, *uncond = cfgpp ? s->work + 2 * s->n : NULL;
    for (int i = 0; i + 1 < s->count; i++) {
        int at = s->count - 1 - i;
        float a = alpha_at(s, at), prev = alpha_at(s, at - 1);
        /* double, except 1 / (1 - a): numpy's array / torch's float32 tensor multiplies by a float32 reciprocal */
        double variance = (1 - (double)prev) * (double)(1 / (1 - a)) * (1 - (double)a / (double)prev);
        float sigma = (float)(s->options.eta * sqrt(variance));
        float to_eps = sqrtf(1 - a), to_x0 = sqrtf(a), from_x0 = sqrtf(prev);
        float direction = sqrtf(1 - prev - sigma * sigma);

        if (!ask_eps(s, eps, uncond, x, s->points[at], i, e)) return false;
        s->draw(s->user, noise);
        for (int64_t j = 0; j < s->n; j++) {
            float x0 = (x[j] - to_eps * eps[j]) / to_x0;
            x[j] = from_x0 * x0 + direction * (cfgpp ? uncond[j] : eps[j]) + sigma * noise[j];
            eps[j] = x0;
        }
        if (!done(s, x, eps, i, e)) return false;
    }
    return true;
}

bool sample_ddim(const Sampling *s, float *x, Error *e) { return ddim(s, x, false, e); }
bool sample_ddim_cfgpp(const Sampling *s, float *x, Error *e) { return ddim(s, x, true, e); }

/* One step by eps from points[at] to the one below; out may be x. x0: the prediction of x_0; may be NULL. */
static void plms_step(const Sampling *s, float *out, float *x0, const float *x, const float *eps, int at) {
    float a = alpha_at(s, at), prev = alpha_at(s, at - 1);
    float to_eps = sqrtf(1 - a), to_x0 = sqrtf(a), from_x0 = sqrtf(prev), direction = sqrtf(1 - prev);
    for (int64_t j = 0; j < s->n; j++) {
        float clean = (x[j] - to_eps * eps[j]) / to_x0;
        out[j] = from_x0 * clean + direction * eps[j];
        if (x0) x0[j] = clean;
    }
}

bool sample_plms(const Sampling *s, float *x, Error *e) {
    float *better = s->work, *x0 = s->work + s->n, *history = s->work + 2 * s->n; /* eps of step i: history[i % 4] */
    for (int i = 0; i + 1 < s->count; i++) {
        int at = s->count - 1 - i;
        const float *d[4];
        for (int j = 0; j < 4; j++) d[j] = history + (int64_t)((i - j + 4) % 4) * s->n;
        float *eps = history + i % 4 * s->n;
        if (!ask_eps(s, eps, NULL, x, s->points[at], i, e)) return false;
        if (i == 0) {
            plms_step(s, x0, NULL, x, eps, at);
            if (!ask_eps(s, better, NULL, x0, s->points[at - 1], i, e)) return false;
        }
        for (int64_t k = 0; k < s->n; k++) {
            if (i == 0) better[k] = (eps[k] + better[k]) / 2;
            else if (i == 1) better[k] = (3 * eps[k] - d[1][k]) / 2;
            else if (i == 2) better[k] = (23 * eps[k] - 16 * d[1][k] + 5 * d[2][k]) / 12;
            else better[k] = (55 * eps[k] - 59 * d[1][k] + 37 * d[2][k] - 9 * d[3][k]) / 24;
        }
        plms_step(s, x, x0, x, better, at);
        if (!done(s, x, x0, i, e)) return false;
    }
    return true;
}

bool sample_ddpm(const Sampling *s, float *x, Error *e) {
    float *eps = s->work, *noise = s->work + s->n;
    int stride = s->count > 1 ? (int)(s->points[1] - s->points[0]) : TRAIN_STEPS;
    for (int i = 0; i < s->count; i++) {
        int t = (int)s->points[s->count - 1 - i];
        float a = s->levels->alphas[t], prev = t >= stride ? s->levels->alphas[t - stride] : 1;
        float beta_prod = 1 - a, beta_prev = 1 - prev, alpha = a / prev, beta = 1 - alpha;
        float from_x0 = sqrtf(prev) * beta / beta_prod, from_x = sqrtf(alpha) * beta_prev / beta_prod;
        float variance = beta_prev / beta_prod * beta, size = sqrtf(fmaxf(variance, 1e-20f));
        if (!ask_eps(s, eps, NULL, x, (float)t, i, e)) return false;
        if (t > 0) s->draw(s->user, noise);
        for (int64_t k = 0; k < s->n; k++) {
            float x0 = (x[k] - sqrtf(beta_prod) * eps[k]) / sqrtf(a);
            x[k] = from_x0 * x0 + from_x * x[k];
            if (t > 0) x[k] = x[k] + size * noise[k];
            eps[k] = x0;
        }
        if (!done_of(s, x, eps, i, s->count, e)) return false;
    }
    return true;
}
