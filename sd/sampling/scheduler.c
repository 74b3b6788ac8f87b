/* scheduler.c: the schedule types of the webui's sd_schedulers.py and k-diffusion's get_sigmas_*, with the same
 * operations in float where those have float32 tensors, in double where they have Python's or numpy's numbers. */
#include "scheduler.h"

#include "beta.h"
#include "lcm_levels.h"
#include "sd/text/nearest.h"
#include "torch32.h"

#include <string.h>

struct ScheduleArgs {
    const NoiseLevels *levels;
    bool lcm; /* LCM's 50 levels in place of the 1000 */
    double sigma_min, sigma_max, rho, alpha, beta;
    bool xl;
};

static int table_count(const ScheduleArgs *in) { return in->lcm ? LCM_LEVELS : TRAIN_STEPS; }
static float table(const ScheduleArgs *in, int i) { return in->levels->sigmas[in->lcm ? lcm_level_time(i) : i]; }
static float to_sigma(const ScheduleArgs *in, float t) {
    return in->lcm ? lcm_sigma(in->levels, t) : noise_levels_sigma(in->levels, t);
}
static float to_time(const ScheduleArgs *in, double sigma) {
    return in->lcm ? lcm_time(in->levels, (float)sigma) : noise_levels_time(in->levels, (float)sigma);
}

/* Sigmas at the first n of `spaced` evenly spaced times, then 0. */
static int at_times(const ScheduleArgs *in, float first, float last, int spaced, int n, float *out) {
    for (int i = 0; i < n; i++) out[i] = to_sigma(in, linspace_f32(first, last, spaced, i));
    out[n] = 0;
    return n + 1;
}

static int uniform(const ScheduleArgs *in, int n, float *out) {
    return at_times(in, TRAIN_STEPS - 1, in->lcm ? LCM_STRIDE - 1 : 0, n, n, out);
}

static int normal(const ScheduleArgs *in, int n, float *out) {
    return at_times(in, to_time(in, in->sigma_max), to_time(in, in->sigma_min), n, n, out);
}

static int sgm_uniform(const ScheduleArgs *in, int n, float *out) {
    return at_times(in, to_time(in, in->sigma_max), to_time(in, in->sigma_min), n + 1, n, out);
}

/* x^y for y > 0; 0 or infinity beyond the range of a double. */
static double power(double x, double y) {
    if (!(x > 0)) return 0;
    double exponent = isfinite(x) ? y * log64(x) : x;
    return exponent < -690 ? 0 : exponent > 690 ? INFINITY : exp64(exponent);
}

static int karras(const ScheduleArgs *in, int n, float *out) {
    double low = power(in->sigma_min, 1 / in->rho), high = power(in->sigma_max, 1 / in->rho);
    for (int i = 0; i < n; i++)
        out[i] = (float)power((float)high + linspace_f32(0, 1, n, i) * (float)(low - high), in->rho);
    out[n] = 0;
    return n + 1;
}

static int exponential(const ScheduleArgs *in, int n, float *out) {
    float high = (float)log64(in->sigma_max), low = (float)log64(in->sigma_min);
    for (int i = 0; i < n; i++) out[i] = (float)exp64(linspace_f32(high, low, n, i));
    out[n] = 0;
    return n + 1;
}

static int polyexponential(const ScheduleArgs *in, int n, float *out) {
    double high = log64(in->sigma_max), low = log64(in->sigma_min);
    for (int i = 0; i < n; i++) {
        float ramp = (float)power(linspace_f32(1, 0, n, i), in->rho);
        out[i] = (float)exp64(ramp * (float)(high - low) + (float)low);
    }
    out[n] = 0;
    return n + 1;
}

/* n + 1 sigmas, ending at sigma_min rather than 0. */
static int kl_optimal(const ScheduleArgs *in, int n, float *out) {
    float low = (float)atan64((float)in->sigma_min), high = (float)atan64((float)in->sigma_max);
    for (int i = 0; i <= n; i++) {
        float share = (float)i / (float)n;
        out[i] = (float)tan64(share * low + (1 - share) * high);
    }
    return n + 1;
}

/* A. Sabour et al., "Align Your Steps" 2024: sigmas optimised for ten steps; for other counts log sigma is
 * interpolated. */
static int align_your_steps(const ScheduleArgs *in, int n, float *out) {
    static const double SD1[11] = {14.615, 6.475, 3.861, 2.697, 1.886, 1.396, .963, .652, .399, .152, .029};
    static const double XL[11] = {14.615, 6.315, 3.771, 2.181, 1.342, .862, .555, .380, .234, .113, .029};
    const double *from = in->xl ? XL : SD1;
    for (int i = 0; i < n; i++) {
        int back =
            n - 1 - i; /* the original builds the list upwards, then reverses it: one step gets the smallest sigma */
        double x = n > 1 ? back == n - 1 ? 1 : back * (1.0 / (n - 1)) : 0;
        int k = (int)(x * 10) < 9 ? (int)(x * 10) : 9;
        double a = log64(from[10 - k]), b = log64(from[9 - k]);
        out[i] = n == 11 ? (float)from[i] : (float)exp64(a + (b - a) * (x * 10 - k));
    }
    out[n] = 0;
    return n + 1;
}

static int simple(const ScheduleArgs *in, int n, float *out) {
    int count = table_count(in);
    double stride = (double)count / n;
    for (int i = 0; i < n; i++) {
        int k = (int)(i * stride);
        out[i] = table(in, count - 1 - (k < count ? k : count - 1));
    }
    out[n] = 0;
    return n + 1;
}

/* As many sigmas as the stride fits, often not n. */
static int ddim(const ScheduleArgs *in, int n, float *out) {
    int count = table_count(in), stride = count / n > 1 ? count / n : 1, made = (count - 2) / stride + 1;
    for (int i = 0; i < made; i++) out[i] = table(in, 1 + (made - 1 - i) * stride);
    out[made] = 0;
    return made + 1;
}

/* T. Lee et al., "Beta Sampling is All You Need" 2024 */
static int beta(const ScheduleArgs *in, int n, float *out) {
    for (int i = 0; i < n; i++) {
        double p = 1 - (n > 1 ? i == n - 1 ? 1 : i * (1.0 / (n - 1)) : 0);
        out[i] = (float)(in->sigma_min + beta_quantile(p, in->alpha, in->beta) * (in->sigma_max - in->sigma_min));
    }
    out[n] = 0;
    return n + 1;
}

/* --- diffusers' "timestep_spacing", as EulerDiscreteScheduler and its kin read it --- */

/* Times 999 and below, rounded: each step ends where the next begins, and the last at 0. What few-step models have
 * learned. */
static int trailing(const ScheduleArgs *in, int n, float *out) {
    double step = (TRAIN_STEPS - (double)TRAIN_STEPS / n) - TRAIN_STEPS; /* of numpy.arange */
    for (int i = 0; i < n; i++) {
        float t = (float)rint(TRAIN_STEPS + i * step) - 1; /* halves to the even number, as numpy */
        out[i] = to_sigma(in, t > 0 ? t : 0);
    }
    out[n] = 0;
    return n + 1;
}

/* As many even steps down from time 800, which is the one time that Hyper-SD's U-Net of one step has learned. */
static int hyper(const ScheduleArgs *in, int n, float *out) {
    enum { FIRST = 800 };
    for (int i = 0; i < n; i++) out[i] = to_sigma(in, (float)rint(FIRST - i * ((double)FIRST / n)));
    out[n] = 0;
    return n + 1;
}

/* Multiples of the stride and 1 ("steps_offset", of every Stable Diffusion): the first step begins below 999. */
static int leading(const ScheduleArgs *in, int n, float *out) {
    int stride = TRAIN_STEPS / n > 1 ? TRAIN_STEPS / n : 1;
    for (int i = 0; i < n; i++) {
        int t = (n - 1 - i) * stride + 1;
        out[i] = to_sigma(in, t < TRAIN_STEPS ? (float)t : TRAIN_STEPS - 1);
    }
    out[n] = 0;
    return n + 1;
}

/* Uniform's times; between two of the 1000, sigma and not its logarithm is interpolated. */
static int linspace(const ScheduleArgs *in, int n, float *out) {
    for (int i = 0; i < n; i++) {
        int back = n - 1 - i;
        double at = n > 1 ? back * ((TRAIN_STEPS - 1.0) / (n - 1)) : 0;
        float t = back == n - 1 && n > 1 ? TRAIN_STEPS - 1 : (float)at;
        int low = (int)t < TRAIN_STEPS - 1 ? (int)t : TRAIN_STEPS - 2;
        double a = in->levels->sigmas[low], b = in->levels->sigmas[low + 1];
        out[i] = in->lcm ? to_sigma(in, t) : (float)((b - a) * ((double)t - low) + a);
    }
    out[n] = 0;
    return n + 1;
}

/* LCM's and TCD's: see lcm_steps. */
static int lcm_training(const ScheduleArgs *in, int n, float *out) {
    int times[LCM_LEVELS], count = lcm_steps(n, times);
    for (int i = 0; i < count; i++) out[i] = in->levels->sigmas[times[i]];
    out[count] = 0;
    return count + 1;
}

/* In the webui's order, then those that it lacks. To add a schedule, write its fill function above and add a row;
 * members not named are 0. */
static const Scheduler SCHEDULERS[] = {
    {.label = "Automatic", .aliases = {"automatic"}},
    {.label = "Uniform", .aliases = {"uniform"}, .fill = uniform},
    {.label = "Karras", .aliases = {"karras"}, .rho = 7, .ends = true, .fill = karras},
    {.label = "Exponential", .aliases = {"exponential"}, .ends = true, .fill = exponential},
    {.label = "Polyexponential", .aliases = {"polyexponential"}, .rho = 1, .ends = true, .fill = polyexponential},
    {.label = "SGM Uniform", .aliases = {"sgm_uniform", "SGMUniform"}, .ends = true, .fill = sgm_uniform},
    {.label = "KL Optimal", .aliases = {"kl_optimal"}, .ends = true, .fill = kl_optimal},
    {.label = "Align Your Steps", .aliases = {"align_your_steps", "ays"}, .fill = align_your_steps},
    {.label = "Simple", .aliases = {"simple"}, .fill = simple},
    {.label = "Normal", .aliases = {"normal"}, .ends = true, .fill = normal},
    {.label = "DDIM", .aliases = {"ddim", "ddim_uniform"}, .fill = ddim},
    {.label = "Beta", .aliases = {"beta"}, .ends = true, .fill = beta},
    {.label = "Trailing", .aliases = {"trailing"}, .fill = trailing},
    {.label = "Leading", .aliases = {"leading"}, .unit_start = true, .fill = leading},
    {.label = "Linspace", .aliases = {"linspace"}, .fill = linspace},
    {.label = "LCM", .aliases = {"lcm"}, .unit_start = true, .fill = lcm_training},
    {.label = "Hyper-SD", .aliases = {"hyper_sd", "hyper"}, .unit_start = true, .fill = hyper},
};

enum { SCHEDULER_COUNT = sizeof SCHEDULERS / sizeof *SCHEDULERS };

const Scheduler *scheduler_list(int *count) {
    *count = SCHEDULER_COUNT;
    return SCHEDULERS;
}

static const char *spelling(int i, int k) { return k == 0 ? SCHEDULERS[i].label : SCHEDULERS[i].aliases[k - 1]; }

const Scheduler *scheduler_find(const char *name) {
    int i = nearest_find(name, spelling, SCHEDULER_COUNT);
    return i < 0 ? NULL : &SCHEDULERS[i];
}

void scheduler_suggest(const char *name, char *out, size_t size) {
    nearest_suggest(name, spelling, SCHEDULER_COUNT, out, size);
}

static bool ends_fall(double low, bool low_own, double high, bool high_own, Error *e) {
    return low < high || error_set(e, ERR_ARGUMENT, "sigma min: %g%s is not below sigma max, %g%s", low,
                                   low_own ? "" : " (the model's)", high, high_own ? "" : " (the model's)");
}

bool schedule_options_check(const ScheduleOptions *o, Error *e) {
    return !(o->sigma_min > 0 && o->sigma_max > 0) || ends_fall(o->sigma_min, true, o->sigma_max, true, e);
}

/* Keeps a list from rising by rounding. false: a sigma is infinite, or 0 before the last; powers with a small rho
 * overflow or underflow. */
static bool settle(float *sigmas, int count) {
    for (int i = 0; i < count; i++) {
        float *v = &sigmas[i];
        if (!isfinite(*v) || !(*v > 0 || i + 1 == count)) return false;
        if (i && *v > v[-1]) *v = v[-1];
    }
    return true;
}

bool scheduler_sigmas(const Scheduler *scheduler, const NoiseLevels *levels, bool lcm, int steps,
                      const ScheduleOptions *o, float *out, int *count, Error *e) {
    ScheduleArgs in = {.levels = levels, .lcm = lcm, .xl = o->xl};
    int last = table_count(&in) - 1;
    in.sigma_min = o->sigma_min > 0 ? o->sigma_min : o->old_karras ? .1 : (double)table(&in, 0);
    in.sigma_max = o->sigma_max > 0 ? o->sigma_max : o->old_karras ? 10 : (double)table(&in, last);
    in.rho = o->rho > 0 ? o->rho : scheduler->rho;
    in.alpha = o->beta_alpha > 0 ? o->beta_alpha : .6;
    in.beta = o->beta_beta > 0 ? o->beta_beta : .6;
    bool low = o->sigma_min > 0 || o->old_karras, high = o->sigma_max > 0 || o->old_karras;
    if (scheduler->ends && (low || high) && !ends_fall(in.sigma_min, low, in.sigma_max, high, e)) return false;
    *count = (scheduler->fill ? scheduler->fill : uniform)(&in, steps, out);
    return settle(out, *count) ||
           error_set(e, ERR_ARGUMENT, "rho: %g gives %s sigmas of 0 or infinity; use a larger one", in.rho,
                     scheduler->label);
}

/* The sampler named by the first `length` characters of name. */
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
