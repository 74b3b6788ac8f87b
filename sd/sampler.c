/* sampler.c: Euler, Euler ancestral, DDIM.
 *
 * Euler follows the line dx/dsigma = (x - D) / sigma (T. Karras et al., "Elucidating the Design Space" 2022, algorithm
 * 2 without its second order). Euler a goes down to sigma_down and adds new noise of size sigma_up, where
 *
 *   sigma_up = min(s', eta s' sqrt(s^2 - s'^2) / s),   sigma_down^2 + sigma_up^2 = s'^2   (s, s': this sigma, the next)
 *
 * DDIM (J. Song et al. 2020) goes over the prediction x_0: x' = sqrt(a') x_0 + sqrt(1 - a' - sigma^2) eps + sigma
 * noise.
 *
 * Every operation is a float operation in the order of k-diffusion's sampling.py and the webui's
 * sd_samplers_timesteps_impl.py (numbers that are Python floats there are double here), so that pictures agree.
 * Left out for now: samplers with two evaluations or a history; they are further rows of the table. */
#include "sampler.h"

#include <assert.h>
#include <math.h> /* sqrt, sqrtf, isfinite, INFINITY */

static bool denoise(const Sampling *s, float *out, const float *x, float point, int step, Error *e) {
    return s->denoise(s->user, out, x, point, step, e) || error_set(e, ERR_CANCELLED, "sampling stopped");
}

static bool done(const Sampling *s, float *x, const float *denoised, int step, Error *e) {
    return !s->step || s->step(s->user, x, denoised, step, s->count - 1, e) ||
           error_set(e, ERR_CANCELLED, "sampling stopped");
}

/* x += (x - denoised) / sigma * dt */
static void follow(float *x, const float *denoised, float sigma, float dt, int64_t n) {
    for (int64_t i = 0; i < n; i++) x[i] = x[i] + (x[i] - denoised[i]) / sigma * dt;
}

/* x += noise * s_noise * size */
static void add_noise(const Sampling *s, float *x, const float *noise, float size) {
    float scale = s->options.s_noise;
    for (int64_t i = 0; i < s->n; i++) x[i] = x[i] + noise[i] * scale * size;
}

static bool euler(const Sampling *s, float *x, Error *e) {
    const SamplerOptions *o = &s->options;
    float *denoised = s->work, *noise = s->work + s->n;
    int steps = s->count - 1;
    for (int i = 0; i < steps; i++) {
        float sigma = s->points[i];
        double gamma = 0;
        if (o->s_tmin <= sigma && sigma <= o->s_tmax) gamma = fmin(o->s_churn / steps, sqrt(2) - 1);
        float hat = sigma * (float)(gamma + 1);
        s->draw(s->user, noise);
        if (gamma > 0) add_noise(s, x, noise, sqrtf(hat * hat - sigma * sigma));
        if (!denoise(s, denoised, x, hat, i, e)) return false;
        follow(x, denoised, hat, s->points[i + 1] - hat, s->n);
        if (!done(s, x, denoised, i, e)) return false;
    }
    return true;
}

/* Splits the way from sigma to next into going down to *down and noise of size *up. */
static void ancestral(float sigma, float next, float eta, float *down, float *up) {
    *down = next, *up = 0;
    if (eta == 0) return;
    float size = eta * sqrtf(next * next * (sigma * sigma - next * next) / (sigma * sigma));
    *up = size < next ? size : next;
    *down = sqrtf(next * next - *up * *up);
}

static bool euler_a(const Sampling *s, float *x, Error *e) {
    float *denoised = s->work, *noise = s->work + s->n;
    for (int i = 0; i + 1 < s->count; i++) {
        float sigma = s->points[i], next = s->points[i + 1], down, up;
        if (!denoise(s, denoised, x, sigma, i, e)) return false;
        ancestral(sigma, next, (float)s->options.eta, &down, &up);
        follow(x, denoised, sigma, down - sigma, s->n);
        if (next > 0) {
            s->draw(s->user, noise);
            add_noise(s, x, noise, up);
        }
        if (!done(s, x, denoised, i, e)) return false;
    }
    return true;
}

/* The webui's: from the last time down to the second; the first, t = 1, is where the picture is left. */
static bool ddim(const Sampling *s, float *x, Error *e) {
    const float *alphas = s->schedule->alphas;
    float *eps = s->work, *noise = s->work + s->n;
    for (int i = 0; i + 1 < s->count; i++) {
        float t = s->points[s->count - 1 - i];
        float a = alphas[(int)t], prev = alphas[(int)s->points[s->count - 2 - i]];
        /* double, but for the reciprocal: numpy's array / torch's float32 tensor multiplies by that */
        double variance = (1 - (double)prev) * (double)(1 / (1 - a)) * (1 - (double)a / (double)prev);
        float sigma = (float)(s->options.eta * sqrt(variance));
        float to_eps = sqrtf(1 - a), to_x0 = sqrtf(a), from_x0 = sqrtf(prev);
        float direction = sqrtf(1 - prev - sigma * sigma);

        if (!denoise(s, eps, x, t, i, e)) return false;
        s->draw(s->user, noise);
        for (int64_t j = 0; j < s->n; j++) {
            float x0 = (x[j] - to_eps * eps[j]) / to_x0;
            x[j] = from_x0 * x0 + direction * eps[j] + sigma * noise[j];
            eps[j] = x0;
        }
        if (!done(s, x, eps, i, e)) return false;
    }
    return true;
}

static const Sampler SAMPLERS[] = {
    {"Euler a", {"euler_a", "euler_ancestral", "k_euler_a", "k_euler_ancestral"}, SPACE_SIGMA, 2, 1, euler_a},
    {"Euler", {"k_euler"}, SPACE_SIGMA, 2, 0, euler},
    {"DDIM", {"k_ddim"}, SPACE_TIME, 2, 0, ddim},
};

enum { SAMPLER_COUNT = sizeof SAMPLERS / sizeof *SAMPLERS };

const Sampler *sampler_list(int *count) {
    *count = SAMPLER_COUNT;
    return SAMPLERS;
}

static int lower(char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c; }

/* Insertions, deletions and replacements that turn a into b, case ignored; the first 63 characters count. */
static int edits(const char *a, const char *b) {
    int row[64];
    for (int j = 0; j < 64; j++) row[j] = j;
    int n = 0;
    while (n < 63 && b[n]) n++;
    for (int i = 0; i < 63 && a[i]; i++) {
        int diagonal = row[0];
        row[0] = i + 1;
        for (int j = 1; j <= n; j++) {
            int replace = diagonal + (lower(a[i]) != lower(b[j - 1]));
            int change = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal = row[j];
            row[j] = replace < change ? replace : change;
        }
    }
    return row[n];
}

const Sampler *sampler_nearest(const char *name) {
    const Sampler *best = SAMPLERS;
    int least = 1 << 30;
    for (int i = 0; i < SAMPLER_COUNT; i++) {
        for (int k = -1; k < 5 && (k < 0 || SAMPLERS[i].aliases[k]); k++) {
            int d = edits(name, k < 0 ? SAMPLERS[i].name : SAMPLERS[i].aliases[k]);
            if (d < least) least = d, best = &SAMPLERS[i];
        }
    }
    return best;
}

static bool same(const char *a, const char *b) {
    while (*a && lower(*a) == lower(*b)) a++, b++;
    return *a == *b;
}

const Sampler *sampler_find(const char *name) {
    for (int i = 0; i < SAMPLER_COUNT; i++) {
        if (same(name, SAMPLERS[i].name)) return &SAMPLERS[i];
        for (int k = 0; k < 5 && SAMPLERS[i].aliases[k]; k++)
            if (same(name, SAMPLERS[i].aliases[k])) return &SAMPLERS[i];
    }
    return NULL;
}

SamplerOptions sampler_defaults(const Sampler *s) {
    return (SamplerOptions){.eta = s->default_eta, .s_tmax = INFINITY, .s_noise = 1};
}

void sampler_start(const Sampler *s, float *x, int64_t n, const float *points, bool sgm) {
    if (s->space != SPACE_SIGMA) return;
    float sigma = points[0], scale = sgm ? sqrtf(1 + sigma * sigma) : sigma;
    for (int64_t i = 0; i < n; i++) x[i] *= scale;
}

bool sampler_run(const Sampler *s, const Sampling *p, float *x, Error *e) {
    assert(p->n >= 0 && p->count >= 1 && p->points && p->work && p->denoise && p->draw);
    assert(s->space == SPACE_SIGMA || p->schedule);
    if (!s->run(p, x, e)) return false;
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
