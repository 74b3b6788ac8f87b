/* sampler_dpm.c: DPM-Solver (C. Lu et al. 2022): DPM fast, a fixed plan of steps of order 3, 2 and 1, and DPM adaptive,
 * which chooses its steps by the difference between orders 2 and 3.
 *
 * Both integrate eps = (x - D) / sigma in t = -ln sigma from the model's largest sigma to its smallest, where they end,
 * as in k-diffusion, rather than at 0. */
#include "sampler_steps.h"

enum { X2, EPS, EPS1, EPS2, NOISE, LOW, PREV, DENOISED };

typedef struct {
    const Sampling *s;
    int step;
    float *buf[8];
    bool has_eps1; /* EPS1 already holds the slope at t + h/3 */
} Solver;

static Solver solver_of(const Sampling *s) {
    Solver p = {.s = s};
    for (int i = 0; i < 8; i++) p.buf[i] = s->work + i * s->n;
    return p;
}

/* out = eps at (x, t) */
static bool slope(Solver *p, float *out, const float *x, float t, Error *e) {
    float sigma = exp32(-t);
    if (!denoise(p->s, out, x, sigma, p->step, e)) return false;
    for (int64_t i = 0; i < p->s->n; i++) out[i] = (x[i] - out[i]) / sigma;
    return true;
}

/* out = x - a y */
static void less(float *out, const float *x, float a, const float *y, int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = x[i] - a * y[i];
}

/* out = x - a y - b (z - y) */
static void less_both(float *out, const float *x, float a, const float *y, float b, const float *z, int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = x[i] - a * y[i] - b * (z[i] - y[i]);
}

/* Steps from x at t to `to`; buf[EPS] is the slope at (x, t). out may be x, except for an order_2 before an order_3. */
static void order_1(Solver *p, float *out, const float *x, float t, float to) {
    less(out, x, exp32(-to) * expm1_32(to - t), p->buf[EPS], p->s->n);
}

static bool first_slope(Solver *p, const float *x, float t, float h, float r1, Error *e) {
    float s1 = t + r1 * h;
    less(p->buf[X2], x, exp32(-s1) * expm1_32(r1 * h), p->buf[EPS], p->s->n);
    return slope(p, p->buf[EPS1], p->buf[X2], s1, e);
}

static bool order_2(Solver *p, float *out, const float *x, float t, float to, float r1, Error *e) {
    float h = to - t, sigma = exp32(-to), grow = expm1_32(h);
    if (!first_slope(p, x, t, h, r1, e)) return false;
    less_both(out, x, sigma * grow, p->buf[EPS], sigma / (2 * r1) * grow, p->buf[EPS1], p->s->n);
    return true;
}

static bool order_3(Solver *p, float *out, const float *x, float t, float to, Error *e) {
    const float r1 = (float)(1.0 / 3), r2 = (float)(2.0 / 3);
    float h = to - t, sigma = exp32(-to), s2 = t + r2 * h, sigma2 = exp32(-s2), grow2 = expm1_32(r2 * h);
    if (!p->has_eps1 && !first_slope(p, x, t, h, r1, e)) return false;
    less_both(p->buf[X2], x, sigma2 * grow2, p->buf[EPS], sigma2 * 2 * (grow2 / (r2 * h) - 1), p->buf[EPS1], p->s->n);
    if (!slope(p, p->buf[EPS2], p->buf[X2], s2, e)) return false;
    float grow = expm1_32(h);
    less_both(out, x, sigma * grow, p->buf[EPS], sigma / r2 * (grow / h - 1), p->buf[EPS2], p->s->n);
    return true;
}

/* Where a step from t to `to` ends before new noise of size *up, at most at `end`. */
static float step_down(const Sampling *s, float t, float to, float end, float *up) {
    float down;
    *up = 0;
    if (s->options.eta == 0) return to;
    ancestral(exp32(-t), exp32(-to), (float)s->options.eta, &down, up);
    float t_down = -log32(down);
    if (!(t_down < end)) t_down = end;
    float a = exp32(-to), b = exp32(-t_down);
    *up = a > b ? sqrtf(a * a - b * b) : 0;
    return t_down;
}

/* The ends in t. */
static bool ends(const Sampling *s, const char *name, float *start, float *end, Error *e) {
    float high = s->high > 0 ? s->high : s->points[0];
    float low = s->high > 0 ? s->low : s->count > 1 ? s->points[s->count - 2] : high;
    *start = -log32(high);
    *end = -log32(low);
    return *start < *end || error_set(e, ERR_ARGUMENT,
                                      "sampler: %s has no two different sigmas to step between; use more steps, a "
                                      "higher strength or another sampler",
                                      name);
}

/* denoised = x - sigma eps; before x changes */
static void keep_denoised(Solver *p, const float *x, float t) {
    less(p->buf[DENOISED], x, exp32(-t), p->buf[EPS], p->s->n);
}

bool sample_dpm_fast(const Sampling *s, float *x, Error *e) {
    Solver p = solver_of(s);
    float start, end;
    int calls = s->count - 1, steps = calls / 3 + 1;
    if (calls < 1) return true;
    if (!ends(s, "DPM fast", &start, &end, e)) return false;
    for (int i = 0; i < steps; i++) {
        int order = i < steps - 2 ? 3 : i == steps - 1 ? calls % 3 ? calls % 3 : 1 : calls % 3 ? 3 : 2;
        float t = linspace_f32(start, end, steps + 1, i), next = linspace_f32(start, end, steps + 1, i + 1);
        float up, to = step_down(s, t, next, end, &up);
        p.step = i;
        if (!slope(&p, p.buf[EPS], x, t, e)) return false;
        keep_denoised(&p, x, t);
        if (order == 1) order_1(&p, x, x, t, to);
        else if (!(order == 2 ? order_2(&p, x, x, t, to, 0.5f, e) : order_3(&p, x, x, t, to, e))) return false;
        s->draw(s->user, p.buf[NOISE]);
        float size = up * s->options.s_noise;
        for (int64_t k = 0; k < s->n; k++) x[k] = x[k] + size * p.buf[NOISE][k];
        if (!done_of(s, x, p.buf[DENOISED], i, steps, e)) return false;
    }
    return true;
}

/* || (low - high) / max(atol, rtol max(|low|, |prev|)) || / sqrt(n), summed in double */
static double difference(const float *low, const float *high, const float *prev, int64_t n) {
    const float absolute = 0.0078f, relative = 0.05f;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        float most = fmaxf(fabsf(low[i]), fabsf(prev[i])), delta = fmaxf(absolute, relative * most);
        double d = (low[i] - high[i]) / delta;
        sum += d * d;
    }
    return sqrt(sum / (double)n);
}

bool sample_dpm_adaptive(const Sampling *s, float *x, Error *e) {
    enum { MOST_TRIES = 1000 }; /* a network that is fit for pictures takes some 50 */
    Solver p = solver_of(s);
    float t, end, *low = p.buf[LOW], *high = p.buf[EPS2], *prev = p.buf[PREV];
    double h = 0.05, power = 1 / (s->options.eta != 0 ? 1.5 : 3);
    if (s->count < 2) return true;
    if (!ends(s, "DPM adaptive", &t, &end, e)) return false;
    for (int64_t i = 0; i < s->n; i++) prev[i] = x[i];
    for (int tries = 0; t < end - 1e-5f; tries++) {
        float up, next = t + (float)h < end ? t + (float)h : end, to = step_down(s, t, next, end, &up);
        if (tries == MOST_TRIES)
            return error_set(e, ERR_ARGUMENT,
                             "sampler: DPM adaptive finds no step small enough in %d tries; use another one",
                             MOST_TRIES);
        if (!slope(&p, p.buf[EPS], x, t, e)) return false; /* again after a rejection, as in the original */
        if (!order_2(&p, low, x, t, to, (float)(1.0 / 3), e)) return false;
        p.has_eps1 = true;
        if (!order_3(&p, high, x, t, to, e)) return false;
        p.has_eps1 = false;
        double inverse = 1 / ((double)(float)difference(low, high, prev, s->n) + 1e-8);
        double factor = 1 + atan64(pow64(inverse, power) - 1);
        h *= factor;
        if (factor < 0.81) continue;
        if (!(factor >= 0.81)) return error_set(e, ERR_NUMERIC, "the latents are not finite in DPM adaptive");
        keep_denoised(&p, x, t);
        for (int64_t k = 0; k < s->n; k++) prev[k] = low[k], x[k] = high[k];
        s->draw(s->user, p.buf[NOISE]);
        float size = up * s->options.s_noise;
        for (int64_t k = 0; k < s->n; k++) x[k] = x[k] + size * p.buf[NOISE][k];
        t = next;
        bool last = !(t < end - 1e-5f);
        if (!done_of(s, x, p.buf[DENOISED], p.step, p.step + (last ? 1 : 2), e)) return false;
        p.step++;
    }
    return true;
}
