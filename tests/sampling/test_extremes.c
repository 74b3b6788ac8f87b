/* test_extremes.c: every sampler with every schedule type at the ends of what a request admits, and between them, over
 * models' noise levels from almost none to almost nothing else: a finite result in a bounded number of calls, or a line
 * that names a setting. The denoiser is exact for a picture of one Gaussian, so that a result that is not finite is the
 * sampler's. SDC_EXTREMES=N draws N cases of each sampler instead of a few. */
#include "tests/harness/test.h"

#include "sd/info/params.h"
#include "sd/noise/picture_noise.h"
#include "sd/sampling/points.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 16, MOST_CALLS = 60000 };

typedef struct {
    const NoiseLevels *levels;
    const Sampler *sampler;
    PictureNoise *noise;
    int calls, steps;
    bool rough;        /* the denoiser's answers have nothing to do with each other */
    const char *wrong; /* what a sampler asked that it must not */
} Run;

/* The best guess at x_0 where its numbers are normal with deviation 1: x / (1 + sigma^2). */
static bool denoise(void *user, const Ask *ask, float *out, Error *e) {
    Run *r = user;
    if (++r->calls > MOST_CALLS) return error_set(e, ERR_CANCELLED, "too many calls");
    if (!(ask->time >= 0 && ask->time <= TRAIN_STEPS - 1)) r->wrong = "a time outside 0..999";
    if (r->sampler->space == SPACE_SIGMA && !(ask->sigma > 0 && isfinite(ask->sigma)))
        r->wrong = "a sigma of 0 or none";
    float a = r->levels->alphas[(int)ask->time];
    for (int i = 0; r->rough && i < N; i++) out[i] = (float)test_uniform(7, (uint64_t)(r->calls * N + i));
    for (int i = 0; !r->rough && i < N; i++) {
        double s = ask->sigma, x = ask->x[i];
        out[i] = (float)(r->sampler->space == SPACE_SIGMA ? x / (1 + s * s) : x * sqrt(1 - (double)a));
        if (ask->uncond) ask->uncond[i] = out[i];
    }
    return true;
}

static void draw(void *user, float *out) { picture_noise_next(((Run *)user)->noise, 0, out); }
static void brownian(void *user, float *out, float from, float to) {
    picture_noise_brownian(((Run *)user)->noise, 0, out, from, to);
}

static bool step(void *user, float *x, const float *denoised, int i, int steps, Error *e) {
    Run *r = user;
    (void)x, (void)denoised, (void)e;
    if (i != r->steps++ || i >= steps) r->wrong = "steps that do not count up to their number";
    return true;
}

/* --- one case --- */

typedef struct {
    SdRequest r;
    int tail; /* img2img: so many steps of the list, else 0 */
    bool at_first;
} Case;

static bool sample(const Case *k, const NoiseLevels *levels, bool rough, Run *run, float x[N], Error *e) {
    static float values[MOST_SIGMAS];
    static Points points = {.values = values};
    float work[8 * N], latent[N];
    const SdRequest *r = &k->r;
    const Scheduler *scheduler = NULL;
    *run = (Run){.levels = levels, .rough = rough, .sampler = request_sampler(r, &scheduler, e)};
    const ScheduleOptions o = {
        .sigma_min = r->sigma_min, .sigma_max = r->sigma_max, .rho = r->rho, .discard = r->discard_next_to_last};
    if (!run->sampler || !points_make(&points, levels, run->sampler, scheduler, r->steps, &o, e)) return false;
    if (k->tail && !points_tail(&points, levels, run->sampler, r->steps, k->tail, k->at_first, e)) return false;
    run->noise =
        picture_noise_open(&(PictureNoiseOptions){.seed = 1, .pictures = 1, .channels = 4, .height = 2, .width = 2}, e);
    bool ok = run->noise && picture_noise_path(run->noise, points.low, points.high, e);
    if (ok) picture_noise_first(run->noise, 0, x);
    for (int i = 0; i < N; i++) latent[i] = sinf((float)i);
    if (k->tail) points_start(&points, run->sampler, x, latent, N, 0);
    else sampler_start(run->sampler, x, N, points.values, false);
    SamplerOptions options = sampler_defaults(run->sampler);
    if (r->eta >= 0) options.eta = r->eta;
    options.s_churn = r->s_churn, options.s_tmin = (float)r->s_tmin, options.s_noise = (float)r->s_noise;
    if (r->s_tmax > 0) options.s_tmax = (float)r->s_tmax;
    Sampling s = {.levels = levels,
                  .points = points.values,
                  .count = points.count,
                  .low = points.bounds_low,
                  .high = points.bounds_high,
                  .tail = points.tail,
                  .n = N,
                  .work = work,
                  .options = options,
                  .denoise = denoise,
                  .draw = draw,
                  .brownian = brownian,
                  .step = step,
                  .user = run};
    ok = ok && sampler_run(run->sampler, &s, x, e);
    picture_noise_close(run->noise);
    return ok;
}

/* A refusal names what to change: a setting, in front. */
static bool names_setting(const Error *e) {
    size_t n = strcspn(e->text, ":");
    char name[40] = "";
    if (e->code != ERR_ARGUMENT || n >= sizeof name) return false;
    memcpy(name, e->text, n);
    for (char *p = name; *p; p++)
        if (*p == ' ') *p = '-';
    return param_named(name) != NULL;
}

static long passed, refused;
static int most_calls;

static void check(const Case *k, const NoiseLevels *levels, const char *model) {
    Run run;
    float x[N], most = 0;
    Error e = {0};
    bool ok = sample(k, levels, false, &run, x, &e);
    for (int i = 0; ok && i < N; i++) most = fmaxf(most, fabsf(x[i]));
    bool good = !run.wrong && (ok ? most < (levels->sigmas[0] < 0.1f ? 1e9f : 1e30f) : names_setting(&e));
    passed += ok, refused += !ok;
    if (run.calls > most_calls) most_calls = run.calls;
    if (good) return;
    const SdRequest *r = &k->r;
    test_check(false, "%s: %s, %s, %d steps (tail %d%s), eta %g, churn %g in %g..%g, noise %g, sigmas %g..%g, rho %g%s",
               model, r->sampler, r->scheduler, r->steps, k->tail, k->at_first ? " at first" : "", r->eta, r->s_churn,
               r->s_tmin, r->s_tmax, r->s_noise, r->sigma_min, r->sigma_max, r->rho,
               r->discard_next_to_last ? ", discard" : "");
    test_note("%d calls, up to %g; %s; %s", run.calls, (double)most, run.wrong ? run.wrong : "", e.text);
}

/* --- drawing cases --- */

static uint64_t state = 1;
static double uniform(void) { return 0.5 + 0.5 * test_uniform(23, state++); }
static int below(int n) { return (int)(uniform() * n); }

/* A setting: its default, an end, or in between, evenly in its logarithm. */
static double drawn(const char *name) {
    const Param *p = param_named(name);
    double low = p->low > 0 ? p->low : 1e-6;
    switch (below(6)) {
    case 0:
    case 1: return p->standard;
    case 2: return p->low;
    case 3: return p->high;
    default: return fmin(exp(log(low) + uniform() * (log(p->high) - log(low))), p->high);
    }
}

static Case draw_case(const char *sampler) {
    static const int STEPS[] = {1, 2, 3, 4, 5, 7, 10, 19, 20, 21, 35, 36, 50, 77, 333, 999, 1000};
    int schedulers;
    const Scheduler *all = scheduler_list(&schedulers);
    SdRequest r = sd_request(NULL);
    r.sampler = sampler, r.scheduler = all[below(schedulers)].label;
    r.steps = STEPS[below(below(4) ? 12 : 17)];
    r.eta = drawn("eta"), r.s_churn = drawn("s-churn"), r.s_tmin = drawn("s-tmin"), r.s_tmax = drawn("s-tmax");
    r.s_noise = drawn("s-noise"), r.rho = drawn("rho");
    if (!below(3)) r.sigma_min = drawn("sigma-min"), r.sigma_max = drawn("sigma-max");
    if (r.sigma_max > 0 && r.sigma_min > r.sigma_max) r.sigma_min = 0;
    r.discard_next_to_last = !below(3);
    Case k = {.r = r};
    if (!below(3)) k.tail = 1 + below(r.steps), k.at_first = !below(2);
    return k;
}

/* --- models --- */

/* alphas between two values, evenly in log((1 - a) / a); from `hold` on they fall as slowly as floats can. */
static bool make_levels(NoiseLevels *levels, double first, double last, int hold, Error *e) {
    float alphas[TRAIN_STEPS];
    double a = log(1 / first - 1), b = log(1 / last - 1);
    for (int t = 0; t < TRAIN_STEPS; t++) {
        double x = a + (b - a) * (t < hold ? t : hold) / (TRAIN_STEPS - 1);
        alphas[t] = (float)(1 / (1 + exp(x)));
        if (t && !(alphas[t] < alphas[t - 1])) alphas[t] = nextafterf(alphas[t - 1], 0);
    }
    return noise_levels_init(levels, alphas, "test", e);
}

static void broken_levels(void) {
    static const float VALUES[] = {0, 1, -1, NAN, INFINITY, 1e-40f, 1e-45f, 1.5f, 1e-39f, 0.5f};
    static float alphas[TRAIN_STEPS];
    static NoiseLevels levels;
    for (size_t i = 0; i < sizeof VALUES / sizeof *VALUES; i++) {
        Error e = {0};
        for (int t = 0; t < TRAIN_STEPS; t++) alphas[t] = t < 500 ? 0.5f + 1e-4f * (float)(500 - t) : VALUES[i];
        test_check(!noise_levels_init(&levels, alphas, "test", &e) && e.code == ERR_FORMAT &&
                       strstr(e.text, "alphas_cumprod[50"),
                   "alphas of %g are refused by name", (double)VALUES[i]);
        test_note("%s", e.text);
    }
}

/* A network that answers at random: DPM adaptive, which makes its steps smaller until they agree, gives up. */
static void rough(const NoiseLevels *levels) {
    for (int i = 0; i < 3; i++) {
        Case k = {.r = sd_request(NULL)};
        Run run;
        float x[N];
        Error e = {0};
        k.r.sampler = "DPM adaptive", k.r.eta = 0.5 * i;
        bool ok = sample(&k, levels, true, &run, x, &e);
        test_check(run.calls < 4010 && (ok || names_setting(&e)), "DPM adaptive ends over random answers, eta %g",
                   k.r.eta);
        test_note("%d calls; %s", run.calls, e.text);
    }
}

SUITE(sampling_extremes, .seconds = 1) {
    static const struct {
        const char *name;
        double first, last;
        int hold;
    } MODELS[] = {{"SD 1", 0, 0, 0},
                  {"almost no noise", 0.9999, 0.9998, 1000},
                  {"one level", 0.5, 0.5, 1000},
                  {"all noise", 1e-3, 1.1e-12, 1000},
                  {"a plateau", 0.999, 1e-4, 300}};
    static NoiseLevels levels[5];
    const char *many = getenv("SDC_EXTREMES");
    int samplers, cases = many ? atoi(many) : 60;
    const Sampler *all = sampler_list(&samplers);
    for (int m = 0; m < 5; m++) {
        Error e = {0};
        test_check(MODELS[m].hold ? make_levels(&levels[m], MODELS[m].first, MODELS[m].last, MODELS[m].hold, &e)
                                  : noise_levels_init(&levels[m], NULL, "test", &e),
                   "levels of %s", MODELS[m].name);
        test_note("%s", e.text);
    }
    for (int i = 0; i < samplers; i++)
        for (int n = 0; n < cases; n++) {
            Case k = draw_case(all[i].name);
            int m = below(2) ? 0 : 1 + below(4);
            check(&k, &levels[m], MODELS[m].name);
        }
    test_check(passed > 2 * refused, "%ld cases were sampled, %ld refused; %d calls at most", passed, refused,
               most_calls);
    broken_levels();
    rough(&levels[0]);
}
