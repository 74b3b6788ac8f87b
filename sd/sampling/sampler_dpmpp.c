/* sampler_dpmpp.c: the DPM-Solver++ family (C. Lu et al. 2022; K. Crowson's SDE forms in k-diffusion).
 *
 * In t = -ln sigma a step from one sigma to the next is  x' = (s'/s) x - expm1(-h) D,  h = t' - t, exact where the
 * prediction D is constant. 2S evaluates D again in the middle; 2M and 3M fit a line or a parabola through the D of
 * earlier steps; the SDE forms step down further and add noise. Steps of length 0 (a sigma listed twice) change nothing
 * here, where the originals divide by 0. */
#include "sampler_steps.h"

static float t_of(float sigma) { return -log32(sigma); }

/* out = a x - b y */
static void combine(float *out, float a, const float *x, float b, const float *y, int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = a * x[i] - b * y[i];
}

bool sample_dpmpp_2s_a(const Sampling *s, float *x, Error *e) {
    float *denoised = s->work, *noise = s->work + s->n, *x2 = s->work + 2 * s->n, *denoised2 = s->work + 3 * s->n;
    for (int i = 0; i + 1 < s->count; i++) {
        float sigma = s->points[i], next = s->points[i + 1], down, up;
        if (!denoise(s, denoised, x, sigma, i, e)) return false;
        ancestral(sigma, next, (float)s->options.eta, &down, &up);
        if (down == 0) follow(x, x, denoised, sigma, down - sigma, s->n);
        else {
            float t = t_of(sigma), to = t_of(down), h = to - t, middle = t + 0.5f * h;
            combine(x2, exp32(-middle) / exp32(-t), x, expm1_32(-h * 0.5f), denoised, s->n);
            if (!denoise(s, denoised2, x2, exp32(-middle), i, e)) return false;
            combine(x, exp32(-to) / exp32(-t), x, expm1_32(-h), denoised2, s->n);
        }
        if (next > 0) {
            s->draw(s->user, noise);
            add_noise(s, x, noise, up);
        }
        if (!done(s, x, denoised, i, e)) return false;
    }
    return true;
}

/* Half a step of DPM++ SDE: from x at t to `to` by the prediction `denoised`, with new noise. */
static void sde_move(const Sampling *s, float *out, const float *x, const float *denoised, float *noise, float t,
                     float to) {
    float down, up;
    ancestral(exp32(-t), exp32(-to), (float)s->options.eta, &down, &up);
    float t_down = t_of(down);
    combine(out, exp32(-t_down) / exp32(-t), x, expm1_32(t - t_down), denoised, s->n);
    if (up == 0) return;
    s->brownian(s->user, noise, exp32(-t), exp32(-to)); /* these sigmas, not the list's: the last bit may differ */
    add_noise(s, out, noise, up);
}

bool sample_dpmpp_sde(const Sampling *s, float *x, Error *e) {
    float *denoised = s->work, *noise = s->work + s->n, *x2 = s->work + 2 * s->n, *denoised2 = s->work + 3 * s->n;
    for (int i = 0; i + 1 < s->count; i++) {
        float sigma = s->points[i], next = s->points[i + 1];
        if (!denoise(s, denoised, x, sigma, i, e)) return false;
        if (next == 0) follow(x, x, denoised, sigma, next - sigma, s->n);
        else {
            float t = t_of(sigma), to = t_of(next), middle = t + (to - t) * 0.5f;
            sde_move(s, x2, x, denoised, noise, t, middle);
            if (!denoise(s, denoised2, x2, exp32(-middle), i, e)) return false;
            sde_move(s, x, x, denoised2, noise, t, to);
        }
        if (!done(s, x, denoised, i, e)) return false;
    }
    return true;
}

bool sample_dpmpp_2m(const Sampling *s, float *x, Error *e) {
    float h_last = 0;
    for (int i = 0; i + 1 < s->count; i++) {
        float *denoised = s->work + i % 2 * s->n, *old = s->work + (i + 1) % 2 * s->n;
        float sigma = s->points[i], next = s->points[i + 1];
        if (!denoise(s, denoised, x, sigma, i, e)) return false;
        float t = t_of(sigma), to = t_of(next), h = to - t;
        float keep = exp32(-to) / exp32(-t), step = expm1_32(-h);
        if (next == 0 || !(h_last > 0) || !(h > 0)) combine(x, keep, x, step, denoised, s->n);
        else {
            float r = h_last / h, a = 1 + 1 / (2 * r), b = 1 / (2 * r);
            for (int64_t k = 0; k < s->n; k++) x[k] = keep * x[k] - step * (a * denoised[k] - b * old[k]);
        }
        h_last = h;
        if (!done(s, x, denoised, i, e)) return false;
    }
    return true;
}

/* x += N * next * sqrt(-expm1(-2 h eta)) * s_noise */
static void sde_noise(const Sampling *s, float *x, float *noise, float sigma, float next, float exponent) {
    float size = sqrtf(-expm1_32(exponent)), scale = s->options.s_noise;
    s->brownian(s->user, noise, sigma, next);
    for (int64_t k = 0; k < s->n; k++) x[k] = x[k] + noise[k] * next * size * scale;
}

static bool dpmpp_2m_sde(const Sampling *s, float *x, bool heun, Error *e) {
    float *noise = s->work + 2 * s->n, eta = (float)s->options.eta, h_last = 0;
    for (int i = 0; i + 1 < s->count; i++) {
        float *denoised = s->work + i % 2 * s->n, *old = s->work + (i + 1) % 2 * s->n;
        float sigma = s->points[i], next = s->points[i + 1];
        if (!denoise(s, denoised, x, sigma, i, e)) return false;
        if (next == 0) {
            for (int64_t k = 0; k < s->n; k++) x[k] = denoised[k];
        } else {
            float t = t_of(sigma), to = t_of(next), h = to - t, eta_h = eta * h;
            float keep = next / sigma * exp32(-eta_h), step = -expm1_32(-h - eta_h);
            for (int64_t k = 0; k < s->n; k++) x[k] = keep * x[k] + step * denoised[k];
            if (h_last > 0 && h > 0) {
                float a = (heun ? step / (-h - eta_h) + 1 : 0.5f * step) * (1 / (h_last / h));
                for (int64_t k = 0; k < s->n; k++) x[k] = x[k] + a * (denoised[k] - old[k]);
            }
            if (eta != 0) sde_noise(s, x, noise, sigma, next, -2 * eta_h);
            h_last = h;
        }
        if (!done(s, x, denoised, i, e)) return false;
    }
    return true;
}

bool sample_dpmpp_2m_sde(const Sampling *s, float *x, Error *e) { return dpmpp_2m_sde(s, x, false, e); }
bool sample_dpmpp_2m_sde_heun(const Sampling *s, float *x, Error *e) { return dpmpp_2m_sde(s, x, true, e); }

/* 3M's second and third order, from differences of the predictions d0 (newest), d1, d2 over steps h, h1, h2. */
static void history_3m(const Sampling *s, float *x, const float *const d[3], float h, float h1, float h2, float h_eta) {
    float phi2 = expm1_32(-h_eta) / h_eta + 1;
    if (!(h1 > 0)) return;
    float r0 = h1 / h;
    if (!(h2 > 0)) {
        for (int64_t k = 0; k < s->n; k++) x[k] = x[k] + phi2 * ((d[0][k] - d[1][k]) / r0);
        return;
    }
    float r1 = h2 / h, phi3 = phi2 / h_eta - 0.5f;
    for (int64_t k = 0; k < s->n; k++) {
        float a = (d[0][k] - d[1][k]) / r0, b = (d[1][k] - d[2][k]) / r1;
        float first = a + (a - b) * r0 / (r0 + r1), second = (a - b) / (r0 + r1);
        x[k] = x[k] + phi2 * first - phi3 * second;
    }
}

bool sample_dpmpp_3m_sde(const Sampling *s, float *x, Error *e) {
    float *noise = s->work + 3 * s->n, eta = (float)s->options.eta, h1 = 0, h2 = 0;
    for (int i = 0; i + 1 < s->count; i++) {
        float *d[3];
        for (int j = 0; j < 3; j++) d[j] = s->work + (int64_t)((i - j + 3) % 3) * s->n;
        float sigma = s->points[i], next = s->points[i + 1];
        if (!denoise(s, d[0], x, sigma, i, e)) return false;
        if (next == 0) {
            for (int64_t k = 0; k < s->n; k++) x[k] = d[0][k];
        } else {
            float t = t_of(sigma), to = t_of(next), h = to - t, h_eta = h * (eta + 1);
            float keep = exp32(-h_eta), step = -expm1_32(-h_eta);
            for (int64_t k = 0; k < s->n; k++) x[k] = keep * x[k] + step * d[0][k];
            if (h > 0) history_3m(s, x, (const float *const[]){d[0], d[1], d[2]}, h, h1, h2, h_eta);
            if (eta != 0) sde_noise(s, x, noise, sigma, next, -2 * h * eta);
            h2 = h1;
            h1 = h;
        }
        if (!done(s, x, d[0], i, e)) return false;
    }
    return true;
}
