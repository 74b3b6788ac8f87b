/* scheduler.c: the schedule types, as the webui's sd_schedulers.py and k-diffusion's get_sigmas_* make them; the same
 * operations in float where they have float32 tensors, in double where they have Python's or numpy's numbers. */
#include "scheduler.h"

#include "beta.h"
#include "sd/noise/math64.h"
#include "sd/text/nearest.h"

#include <math.h>
#include <string.h>

struct Curve {
    const NoiseLevels *s;
    bool lcm; /* the 50 sigmas that LCM knows instead of the 1000 */
    double sigma_min, sigma_max, rho, alpha, beta;
    bool xl;
};

static int table_count(const Curve *c) { return c->lcm ? LCM_STEPS : TRAIN_STEPS; }
static float table(const Curve *c, int i) { return c->s->sigmas[c->lcm ? LCM_STRIDE - 1 + i * LCM_STRIDE : i]; }
static float to_sigma(const Curve *c, float t) {
    return c->lcm ? noise_levels_lcm_sigma(c->s, t) : noise_levels_sigma(c->s, t);
}
static float to_time(const Curve *c, double sigma) {
    return c->lcm ? noise_levels_lcm_time(c->s, (float)sigma) : noise_levels_time(c->s, (float)sigma);
}

/* Sigmas at n times that are evenly spaced, of the given number of them, and 0. */
static int at_times(const Curve *c, float first, float last, int spaced, int n, float *out) {
    for (int i = 0; i < n; i++) out[i] = to_sigma(c, linspace_f32(first, last, spaced, i));
    out[n] = 0;
    return n + 1;
}

static int uniform(const Curve *c, int n, float *out) {
    return at_times(c, TRAIN_STEPS - 1, c->lcm ? LCM_STRIDE - 1 : 0, n, n, out);
}

static int normal(const Curve *c, int n, float *out) {
    return at_times(c, to_time(c, c->sigma_max), to_time(c, c->sigma_min), n, n, out);
}

static int sgm_uniform(const Curve *c, int n, float *out) {
    return at_times(c, to_time(c, c->sigma_max), to_time(c, c->sigma_min), n + 1, n, out);
}

/* x^y for y > 0; 0 or infinity where a double ends. */
static double power(double x, double y) {
    if (!(x > 0)) return 0;
    double exponent = isfinite(x) ? y * log64(x) : x;
    return exponent < -690 ? 0 : exponent > 690 ? INFINITY : exp64(exponent);
}

static int karras(const Curve *c, int n, float *out) {
    double low = power(c->sigma_min, 1 / c->rho), high = power(c->sigma_max, 1 / c->rho);
    for (int i = 0; i < n; i++)
        out[i] = (float)power((float)high + linspace_f32(0, 1, n, i) * (float)(low - high), c->rho);
    out[n] = 0;
    return n + 1;
}

static int exponential(const Curve *c, int n, float *out) {
    float high = (float)log64(c->sigma_max), low = (float)log64(c->sigma_min);
    for (int i = 0; i < n; i++) out[i] = (float)exp64(linspace_f32(high, low, n, i));
    out[n] = 0;
    return n + 1;
}

static int polyexponential(const Curve *c, int n, float *out) {
    double high = log64(c->sigma_max), low = log64(c->sigma_min);
    for (int i = 0; i < n; i++) {
        float ramp = (float)power(linspace_f32(1, 0, n, i), c->rho);
        out[i] = (float)exp64(ramp * (float)(high - low) + (float)low);
    }
    out[n] = 0;
    return n + 1;
}

/* n + 1 sigmas, the last of which is sigma_min and not 0. */
static int kl_optimal(const Curve *c, int n, float *out) {
    float low = (float)atan64((float)c->sigma_min), high = (float)atan64((float)c->sigma_max);
    for (int i = 0; i <= n; i++) {
        float share = (float)i / (float)n;
        out[i] = (float)tan64(share * low + (1 - share) * high);
    }
    return n + 1;
}

/* A. Sabour et al., "Align Your Steps" 2024: sigmas found for ten steps; for other numbers log sigma is interpolated.
 */
static int align_your_steps(const Curve *c, int n, float *out) {
    static const double SD1[11] = {14.615, 6.475, 3.861, 2.697, 1.886, 1.396, .963, .652, .399, .152, .029};
    static const double XL[11] = {14.615, 6.315, 3.771, 2.181, 1.342, .862, .555, .380, .234, .113, .029};
    const double *from = c->xl ? XL : SD1;
    for (int i = 0; i < n; i++) {
        int back = n - 1 - i; /* the original goes up, then turns the list round: one step gets the smallest sigma */
        double x = n > 1 ? back == n - 1 ? 1 : back * (1.0 / (n - 1)) : 0;
        int k = (int)(x * 10) < 9 ? (int)(x * 10) : 9;
        double a = log64(from[10 - k]), b = log64(from[9 - k]);
        out[i] = n == 11 ? (float)from[i] : (float)exp64(a + (b - a) * (x * 10 - k));
    }
    out[n] = 0;
    return n + 1;
}

static int simple(const Curve *c, int n, float *out) {
    int count = table_count(c);
    double stride = (double)count / n;
    for (int i = 0; i < n; i++) {
        int k = (int)(i * stride);
        out[i] = table(c, count - 1 - (k < count ? k : count - 1));
    }
    out[n] = 0;
    return n + 1;
}

/* Often not n sigmas: as many as fit. */
static int ddim(const Curve *c, int n, float *out) {
    int count = table_count(c), stride = count / n > 1 ? count / n : 1, made = (count - 2) / stride + 1;
    for (int i = 0; i < made; i++) out[i] = table(c, 1 + (made - 1 - i) * stride);
    out[made] = 0;
    return made + 1;
}

/* T. Lee et al., "Beta Sampling is All You Need" 2024 */
static int beta(const Curve *c, int n, float *out) {
    for (int i = 0; i < n; i++) {
        double p = 1 - (n > 1 ? i == n - 1 ? 1 : i * (1.0 / (n - 1)) : 0);
        out[i] = (float)(c->sigma_min + beta_quantile(p, c->alpha, c->beta) * (c->sigma_max - c->sigma_min));
    }
    out[n] = 0;
    return n + 1;
}

static const Scheduler SCHEDULERS[] = {
    {"Automatic", {"automatic"}, 0, false, NULL},
    {"Uniform", {"uniform"}, 0, false, uniform},
    {"Karras", {"karras"}, 7, true, karras},
    {"Exponential", {"exponential"}, 0, true, exponential},
    {"Polyexponential", {"polyexponential"}, 1, true, polyexponential},
    {"SGM Uniform", {"sgm_uniform", "SGMUniform"}, 0, true, sgm_uniform},
    {"KL Optimal", {"kl_optimal"}, 0, true, kl_optimal},
    {"Align Your Steps", {"align_your_steps", "ays"}, 0, false, align_your_steps},
    {"Simple", {"simple"}, 0, false, simple},
    {"Normal", {"normal"}, 0, true, normal},
    {"DDIM", {"ddim", "ddim_uniform"}, 0, false, ddim},
    {"Beta", {"beta"}, 0, true, beta},
};

enum { SCHEDULER_COUNT = sizeof SCHEDULERS / sizeof *SCHEDULERS };

const Scheduler *scheduler_list(int *count) {
    *count = SCHEDULER_COUNT;
    return SCHEDULERS;
}

static const char *spelling(int i, int k) {
    return k == 0 ? SCHEDULERS[i].label : k <= 3 ? SCHEDULERS[i].aliases[k - 1] : NULL;
}

const Scheduler *scheduler_find(const char *name) {
    int i = nearest_find(name, spelling, SCHEDULER_COUNT);
    return i < 0 ? NULL : &SCHEDULERS[i];
}

void scheduler_suggest(const char *name, char *out, size_t size) {
    nearest_suggest(name, spelling, SCHEDULER_COUNT, out, size);
}

/* The sampler called by the first `length` characters of name. */
static const Sampler *find_front(const char *name, size_t length) {
    char front[64];
    if (length >= sizeof front) return NULL;
    memcpy(front, name, length);
    front[length] = 0;
    return sampler_find(front);
}

const Sampler *sampler_parse(const char *name, const Scheduler **scheduler) {
    static const char *const OLD[][2] = {{"_ka", "Karras"}, {"_exp", "Exponential"}}; /* the webui's up to 1.8 */
    const Scheduler *found = *scheduler;
    const Sampler *s = sampler_find(name);
    size_t n = strlen(name);
    for (int i = 0; !s && i < SCHEDULER_COUNT; i++)
        for (int k = 0; !s && spelling(i, k); k++) {
            size_t m = strlen(spelling(i, k));
            if (n <= m + 1 || name[n - m - 1] != ' ' || !nearest_same(name + n - m, spelling(i, k))) continue;
            s = find_front(name, n - m - 1);
            if (s) found = &SCHEDULERS[i];
        }
    for (int i = 0; !s && i < 2; i++) {
        size_t m = strlen(OLD[i][0]);
        if (n <= m || !nearest_same(name + n - m, OLD[i][0])) continue;
        s = find_front(name, n - m);
        if (s) found = scheduler_find(OLD[i][1]);
    }
    if (s && found && s->scheduler && nearest_same(s->scheduler, found->label)) found = &SCHEDULERS[0];
    if (s) *scheduler = found;
    return s;
}

/* --- points --- */

static void time_points(Points *p, const Sampler *sampler, int steps) {
    int stride = TRAIN_STEPS / steps, n = 0;
    bool all = !nearest_same(sampler->name, "DDPM"); /* the webui's fill 0..999; diffusers' are as many as asked for */
    for (int t = 0; t < TRAIN_STEPS && (all || n < steps); t += stride)
        p->values[n++] = t + 1 < TRAIN_STEPS ? (float)(t + 1) : TRAIN_STEPS - 1;
    p->count = n;
}

/* Samplers that step from one time to the next need two of them. */
static bool enough(const Points *p, const Sampler *sampler) {
    bool pairs = !nearest_same(sampler->name, "DDPM") && !nearest_same(sampler->name, "UniPC");
    return p->count >= (pairs || sampler->space == SPACE_SIGMA ? 2 : 1);
}

static bool ends_fall(double low, bool low_own, double high, bool high_own, Error *e) {
    return low < high || error_set(e, ERR_ARGUMENT, "sigma min %g%s: must be below sigma max, %g%s", low,
                                   low_own ? "" : " (the model's)", high, high_own ? "" : " (the model's)");
}

/* Rounding must not make a list rise, nor leave 0 of a sigma before the last: powers by a small rho do, or pass all
 * numbers. */
static bool settle(Points *p) {
    for (int i = 0; i < p->count; i++) {
        float *v = &p->values[i];
        if (!isfinite(*v) || !(*v > 0 || i + 1 == p->count)) return false;
        if (i && *v > v[-1]) *v = v[-1];
    }
    return true;
}

static bool sigma_points(Points *p, const NoiseLevels *model, const Sampler *sampler, const Scheduler *scheduler,
                         int steps, const ScheduleOptions *o, Error *e) {
    Curve c = {.s = model, .lcm = sampler->flags & SAMPLER_OWN_TABLE, .xl = o->xl};
    int last = table_count(&c) - 1;
    c.sigma_min = o->sigma_min > 0 ? o->sigma_min : o->old_karras ? .1 : (double)table(&c, 0);
    c.sigma_max = o->sigma_max > 0 ? o->sigma_max : o->old_karras ? 10 : (double)table(&c, last);
    c.rho = o->rho > 0 ? o->rho : scheduler->rho;
    c.alpha = o->beta_alpha > 0 ? o->beta_alpha : .6;
    c.beta = o->beta_beta > 0 ? o->beta_beta : .6;
    bool low = o->sigma_min > 0 || o->old_karras, high = o->sigma_max > 0 || o->old_karras;
    if (scheduler->ends && (low || high) && !ends_fall(c.sigma_min, low, c.sigma_max, high, e)) return false;
    p->count = (scheduler->fill ? scheduler->fill : uniform)(&c, steps, p->values);
    if (!settle(p))
        return error_set(e, ERR_ARGUMENT, "rho %g: gives %s sigmas of 0 or infinity; use a larger one", c.rho,
                         scheduler->label);
    p->bounds_low = model->sigmas[0];
    p->bounds_high = model->sigmas[TRAIN_STEPS - 1];
    return true;
}

static void find_ends(Points *p) {
    p->high = p->low = 0;
    for (int i = 0; i < p->count; i++) {
        float v = p->values[i];
        if (v > p->high) p->high = v;
        if (v > 0 && (p->low == 0 || v < p->low)) p->low = v;
    }
}

bool points_make(Points *p, const NoiseLevels *model, const Sampler *sampler, const Scheduler *scheduler, int steps,
                 const ScheduleOptions *options, Error *e) {
    static const ScheduleOptions NONE = {0};
    const ScheduleOptions *o = options ? options : &NONE;
    bool times = sampler->space == SPACE_TIME, discard = o->discard || sampler->flags & SAMPLER_DISCARD;
    int most = times ? TRAIN_STEPS : LONGEST_LIST;
    p->count = 0;
    p->low = p->high = p->bounds_low = p->bounds_high = p->level = 0;
    p->part = false;
    if (steps < 1 || steps > most)
        return error_set(e, ERR_ARGUMENT, "%d steps; for %s it must be 1 to %d", steps, sampler->name, most);
    if (o->sigma_min > 0 && o->sigma_max > 0 && !ends_fall(o->sigma_min, true, o->sigma_max, true, e)) return false;
    if (times) time_points(p, sampler, discard && steps < most ? steps + 1 : steps);
    else {
        if (!scheduler || !scheduler->fill || sampler->flags & SAMPLER_BOUNDS)
            scheduler = scheduler_find(sampler->scheduler ? sampler->scheduler : "Uniform");
        if (!sigma_points(p, model, sampler, scheduler, discard && steps < most ? steps + 1 : steps, o, e))
            return false;
        if (discard && p->count > 2) p->values[p->count - 2] = p->values[p->count - 1], p->count--;
        find_ends(p);
    }
    return enough(p, sampler) ||
           error_set(e, ERR_ARGUMENT, "%s makes no picture in %d step; use 2 steps or more", sampler->name, steps);
}

bool points_part(Points *p, const NoiseLevels *model, const Sampler *sampler, int whole, int part, bool at_first,
                 Error *e) {
    p->part = true;
    p->bounds_low = p->bounds_high = 0;
    if (sampler->space == SPACE_SIGMA) {
        int from =
            whole - part < p->count - 2 ? whole - part : p->count - 2; /* lists may be shorter than their steps */
        p->count -= from;
        memmove(p->values, p->values + from, (size_t)p->count * sizeof *p->values);
        p->level = p->values[0];
        return true;
    }
    bool all = nearest_same(sampler->name, "DDPM"); /* evaluates every time of the part */
    int count = at_first || all ? part : part - 1, first = part - 1;
    if (first > p->count - 1) first = p->count - 1;
    if (count < p->count) p->count = count;
    p->level = model->alphas[(int)p->values[first]];
    return enough(p, sampler) ||
           error_set(e, ERR_ARGUMENT, "%s has no step to make at this strength; use more steps, or a higher strength",
                     sampler->name);
}

void points_start(const Points *p, const Sampler *sampler, float *x, const float *latent, int64_t n) {
    if (sampler->space == SPACE_SIGMA) {
        for (int64_t i = 0; i < n; i++) x[i] = latent[i] + x[i] * p->level;
        return;
    }
    float a = sqrtf(p->level), b = sqrtf(1 - p->level);
    for (int64_t i = 0; i < n; i++) x[i] = latent[i] * a + x[i] * b;
}
