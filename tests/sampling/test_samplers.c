/* test_samplers.c: every sampler against what the originals give.
 *
 * PRINTED: known answers over a toy network, eps(x, t) = 0.9 x + 0.3 sin(2 x + t / 1000), from k-diffusion's functions,
 * the webui's sampler files and diffusers' DDPMScheduler; x has shape [1,4,2,2], noise is torch's CPU generator of seed
 * 42. The golden samplers.safetensors (tools/goldens/samplers.py) holds whole results. */
#include "tests/harness/test.h"

#include "sd/noise/picture_noise.h"
#include "sd/sampling/points.h"
#include "tests/harness/golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 16, MOST_N = 64 };

typedef struct {
    const NoiseLevels *levels;
    const Sampler *sampler;
    PictureNoise *noise;
    int n, first, group; /* floats of a picture; which pictures run now */
    int calls, draws, steps;
    char gives; /* what the network's output is: 'v', 'x' for x_0, or eps */
} Toy;

/* The output as the sampler's space has it, in place. */
static void predict(const Toy *toy, const Ask *ask, float *out, int64_t n) {
    bool sigma = toy->sampler->space == SPACE_SIGMA;
    float a = toy->levels->alphas[(int)ask->time];
    if (sigma && toy->gives == 'v') sampler_denoised_from_v(out, ask->x, out, ask->sigma, n);
    else if (sigma && toy->gives != 'x') sampler_denoised_from_eps(out, ask->x, out, ask->sigma, n);
    else if (!sigma && toy->gives == 'v') sampler_eps_from_v(out, ask->x, out, a, n);
    else if (!sigma && toy->gives == 'x') sampler_eps_from_clean(out, ask->x, out, a, n);
}

static bool toy_denoise(void *user, const Ask *ask, float *out, Error *e) {
    Toy *toy = user;
    bool sigma = toy->sampler->space == SPACE_SIGMA;
    float scale = sigma ? sampler_scale_in(ask->sigma) : 1;
    (void)e;
    toy->calls++;
    for (int i = 0; i < toy->n * toy->group; i++) {
        float in = ask->x[i] * scale, wave = 2 * in + ask->time / 1000;
        out[i] = 0.9f * in + 0.3f * sinf(wave);
        if (ask->uncond) { /* guidance 7 over another prediction */
            float u = 0.9f * in + 0.3f * cosf(wave);
            ask->uncond[i] = u;
            out[i] = u + (out[i] - u) * (float)(sampler_cfg(toy->sampler, 7));
        }
    }
    predict(toy, ask, out, (int64_t)toy->n * toy->group);
    return true;
}

static void toy_draw(void *user, float *out) {
    Toy *toy = user;
    toy->draws++;
    for (int i = 0; i < toy->group; i++) picture_noise_next(toy->noise, toy->first + i, out + i * toy->n);
}

static void toy_brownian(void *user, float *out, float from, float to) {
    Toy *toy = user;
    for (int i = 0; i < toy->group; i++) picture_noise_brownian(toy->noise, toy->first + i, out + i * toy->n, from, to);
}

static bool toy_step(void *user, float *x, const float *denoised, int step, int steps, Error *e) {
    Toy *toy = user;
    (void)x, (void)denoised, (void)e;
    toy->steps += step == toy->steps && step < steps;
    return true;
}

typedef struct {
    const char *name, *scheduler; /* NULL: Automatic */
    int steps, side;              /* latents of [4][side][side] */
    int whole;                    /* 0: txt2img; else img2img: the last `steps` of so many */
    SamplerOptions options;
    ScheduleOptions ends;
} Job;

/* Samples x[pictures][n] from seeds 42, 43, .. as a pipeline does. */
static bool sample(Toy *toy, const Job *job, SdRng kind, uint64_t seed, int pictures, float *x, Error *e) {
    static float values[MOST_SIGMAS];
    static Points points = {.values = values};
    float work[8 * 2 * MOST_N], latent[2 * MOST_N];
    const Scheduler *scheduler = job->scheduler ? scheduler_find(job->scheduler) : NULL;
    toy->sampler = sampler_parse(job->name, &scheduler);
    toy->n = 4 * job->side * job->side;
    toy->calls = toy->draws = toy->steps = toy->first = 0;
    if (!toy->sampler) return error_set(e, ERR_ARGUMENT, "no sampler %s", job->name);
    PictureNoiseOptions o = {
        .kind = kind, .seed = seed, .pictures = pictures, .channels = 4, .height = job->side, .width = job->side};
    toy->noise = picture_noise_open(&o, e);
    for (int i = 0; i < pictures; i++) picture_noise_first(toy->noise, i, x + i * toy->n);
    bool ok =
        points_make(&points, toy->levels, toy->sampler, scheduler, job->whole ? job->whole : job->steps, &job->ends, e);
    ok = ok && picture_noise_path(toy->noise, points.low, points.high, e);
    if (ok && job->whole) {
        ok = points_tail(&points, toy->levels, toy->sampler, job->whole, job->steps, false, e);
        for (int i = 0; i < pictures * toy->n; i++) latent[i] = 0.5f * sinf((float)(i % toy->n));
        if (ok) points_start(&points, toy->sampler, x, latent, pictures * toy->n, 0);
    } else if (ok) sampler_start(toy->sampler, x, pictures * toy->n, points.values, points.unit_start);
    toy->group = toy->sampler->flags & SAMPLER_ADAPTIVE ? 1 : pictures;
    for (; ok && toy->first < pictures; toy->first += toy->group) {
        Sampling s = {.levels = toy->levels,
                      .points = points.values,
                      .count = points.count,
                      .low = points.bounds_low,
                      .high = points.bounds_high,
                      .tail = points.tail,
                      .n = toy->group * toy->n,
                      .work = work,
                      .options = job->options,
                      .denoise = toy_denoise,
                      .draw = toy_draw,
                      .brownian = toy_brownian,
                      .step = toy_step,
                      .user = toy};
        ok = sampler_run(toy->sampler, &s, x + toy->first * toy->n, e);
    }
    picture_noise_close(toy->noise);
    return ok;
}

static Job job_of(const char *name, const char *scheduler, int steps, int side) {
    const Scheduler *from_name = NULL;
    const Sampler *s = sampler_parse(name, &from_name);
    Job job = {.name = name, .scheduler = scheduler, .steps = steps, .side = side};
    if (s) job.options = sampler_defaults(s);
    return job;
}

#include "known_samplers.inc"

static void known_answers(const NoiseLevels *levels) {
    for (size_t i = 0; i < sizeof PRINTED / sizeof *PRINTED; i++) {
        Toy toy = {.levels = levels};
        Job job = job_of(PRINTED[i].name, PRINTED[i].scheduler, PRINTED[i].steps, 2);
        float x[MOST_N], sum = 0;
        char label[120];
        Error e = {0};
        if (PRINTED[i].eta >= 0) job.options.eta = PRINTED[i].eta;
        job.options.s_churn = PRINTED[i].churn;
        job.options.unipc_variant = PRINTED[i].variant;
        if (PRINTED[i].order) job.options.unipc_order = PRINTED[i].order;
        snprintf(label, sizeof label, "%s %s, %d steps, eta %g", job.name, job.scheduler ? job.scheduler : "",
                 job.steps, job.options.eta);
        if (!test_check(sample(&toy, &job, SD_RNG_CPU, 42, 1, x, &e) && toy.calls == PRINTED[i].calls, "%s: %d calls",
                        label, PRINTED[i].calls))
            test_note("%d calls; %s", toy.calls, e.text);
        for (int k = 0; k < N; k++) sum += x[k];
        test_floats(label, x, PRINTED[i].want, 5, 1e-5f);
        test_floats("its sum", &sum, &PRINTED[i].sum, 1, 5e-5f);
    }
}

/* A picture of a batch is the same bits alone, whatever the sampler and the generator; and few or many steps run. */
static void batches(const NoiseLevels *levels) {
    int count;
    const Sampler *all = sampler_list(&count);
    for (int i = 0; i < count; i++) {
        for (int kind = 0; kind < 2; kind++) {
            Toy toy = {.levels = levels};
            Job job = job_of(all[i].name, NULL, 21, 2);
            float both[2 * MOST_N], one[MOST_N], two[MOST_N];
            Error e = {0};
            SdRng k = kind ? SD_RNG_CPU : SD_RNG_NV;
            bool ok = sample(&toy, &job, k, 42, 2, both, &e) && sample(&toy, &job, k, 42, 1, one, &e) &&
                      sample(&toy, &job, k, 43, 1, two, &e);
            if (!test_check(ok && !memcmp(both, one, N * sizeof *one) && !memcmp(both + N, two, N * sizeof *two),
                            "%s: pictures of a batch equal those alone", all[i].name))
                test_note("%s", e.text);
        }
        static const int STEPS[] = {1, 2, 3, 4, 19, 20, 36, 1000};
        for (size_t k = 0; k < sizeof STEPS / sizeof *STEPS; k++) {
            Toy toy = {.levels = levels};
            Job job = job_of(all[i].name, NULL, STEPS[k], 2);
            float x[MOST_N];
            Error e = {0};
            bool ok = sample(&toy, &job, SD_RNG_NV, 1, 1, x, &e);
            bool refuses = STEPS[k] == 1 && !strncmp(all[i].name, "DDIM", 4);
            refuses = refuses || (STEPS[k] == 1 && !strcmp(all[i].name, "PLMS"));
            if (!test_check(refuses ? !ok && e.code == ERR_ARGUMENT : ok && toy.calls > 0, "%s: %d steps", all[i].name,
                            STEPS[k]))
                test_note("%d calls; %s", toy.calls, e.text);
        }
        Toy toy = {.levels = levels};
        Job job = job_of(all[i].name, NULL, 15, 2);
        float x[MOST_N];
        Error e = {0};
        job.whole = 20;
        if (!test_check(sample(&toy, &job, SD_RNG_NV, 1, 1, x, &e) && toy.calls > 0, "%s: the tail of a list",
                        all[i].name))
            test_note("%s", e.text);
    }
}

static bool bad_denoise(void *user, const Ask *ask, float *out, Error *e) {
    (void)ask, (void)out, (void)e;
    return --*(int *)user > 0;
}
static void no_draw(void *user, float *out) { (void)user, memset(out, 0, N * sizeof *out); }
static void no_brownian(void *user, float *out, float a, float b) { (void)a, (void)b, no_draw(user, out); }
static bool zero_denoise(void *user, const Ask *ask, float *out, Error *e) {
    (void)user, (void)e;
    for (int i = 0; i < N; i++) out[i] = ask->x[i] / (1 + ask->sigma * ask->sigma);
    if (ask->uncond) memcpy(ask->uncond, out, N * sizeof *out);
    return true;
}

/* A sigma that stands in the list twice makes no NaN; a callback that fails stops every sampler. */
static void edges(const NoiseLevels *levels) {
    static const float REPEATS[] = {10, 10, 5, 5, 5, 2, 1, 1, .5f, .1f, .1f, 0}, TIMES[] = {1, 201, 401, 601, 801};
    int count;
    const Sampler *all = sampler_list(&count);
    for (int i = 0; i < count; i++) {
        bool sigma = all[i].space == SPACE_SIGMA;
        float x[N], work[8 * N];
        Sampling s = {.levels = levels,
                      .points = sigma ? REPEATS : TIMES,
                      .count = sigma ? 12 : 5,
                      .n = N,
                      .work = work,
                      .options = sampler_defaults(&all[i]),
                      .denoise = zero_denoise,
                      .draw = no_draw,
                      .brownian = no_brownian};
        Error e = {0};
        for (int k = 0; k < N; k++) x[k] = sinf((float)k) * (sigma ? 10 : 1);
        if (!test_check(sampler_run(&all[i], &s, x, &e), "%s: sigmas that repeat", all[i].name))
            test_note("%s", e.text);
        for (int fail = 1; fail <= 3; fail++) {
            int left = fail;
            Error stopped = {0};
            s.denoise = bad_denoise, s.user = &left;
            memset(work, 0, sizeof work);
            memset(x, 0, sizeof x);
            test_check(!sampler_run(&all[i], &s, x, &stopped) && stopped.code == ERR_CANCELLED,
                       "%s: the model fails at call %d", all[i].name, fail);
        }
    }
}

/* The times that a schedule type's sigmas are of, and TCD's own. */
static void few_times(const NoiseLevels *levels, Golden *g) {
    static const struct {
        const char *type;
        int steps[10];
    } LISTS[] = {{"trailing", {1, 2, 3, 4, 8, 16, 30}},
                 {"leading", {1, 8, 30}},
                 {"linspace", {1, 8, 30}},
                 {"lcm", {1, 2, 3, 4, 6, 7, 8, 11, 49, 50}}};
    static float values[MOST_SIGMAS];
    static Points p = {.values = values};
    for (int i = 0; g && i < 40; i++) {
        const char *type = LISTS[i / 10].type;
        int steps = LISTS[i / 10].steps[i % 10];
        char name[64];
        float times[64];
        if (!steps) continue;
        snprintf(name, sizeof name, "times.%s.n%d", type, steps);
        bool ok = points_make(&p, levels, sampler_find("Euler"), scheduler_find(type), steps, NULL, NULL);
        if (!test_check(ok && p.count == steps + 1, "%s: %d sigmas", name, steps)) continue;
        for (int k = 0; k < steps; k++) times[k] = noise_levels_time(levels, p.values[k]);
        GoldenError error = golden_error(g, name, times, 1, (const int64_t[]){steps}, (Bound){0});
        /* between two of the 1000, linspace's sigmas are not on the line of logarithms on which a time is found */
        test_check(error.found && error.shape && error.max < (strcmp(type, "linspace") ? 1e-6 : 1e-5), "%s", name);
        test_note("largest error %g", error.max);
        if (strcmp(type, "lcm")) continue;
        ok = points_make(&p, levels, sampler_find("TCD"), NULL, steps, NULL, NULL);
        for (int k = 0; ok && k < steps; k++) times[k] = p.values[steps - 1 - k];
        if (test_check(ok && p.count == steps, "TCD: %d times", steps))
            golden_check(g, name, times, 1, (const int64_t[]){steps}, name);
    }
}

static void goldens(const NoiseLevels *levels) {
    static const char *const KINDS[] = {"beta", "kl_optimal", "simple", "ddim", "polyexponential", "sgm_uniform"};
    static const int STEPS[] = {1, 5, 20, 30};
    static float values[MOST_SIGMAS];
    static Points p = {.values = values};
    Golden *g = golden_open("samplers");
    for (size_t i = 0; g && i < sizeof GOLDENS / sizeof *GOLDENS; i++) {
        Toy toy = {.levels = levels};
        Job job = job_of(GOLDENS[i].name, NULL, GOLDENS[i].steps, 4);
        float x[MOST_N];
        Error e = {0};
        if (test_check(sample(&toy, &job, SD_RNG_CPU, 42, 1, x, &e), "%s runs", GOLDENS[i].golden))
            golden_check(g, GOLDENS[i].golden, x, 1, (const int64_t[]){MOST_N}, GOLDENS[i].golden);
        else test_note("%s", e.text);
    }
    for (int i = 0; g && i < 24; i++) {
        char name[64];
        snprintf(name, sizeof name, "schedule.%s.n%d", KINDS[i / 4], STEPS[i % 4]);
        if (test_check(
                points_make(&p, levels, sampler_find("Euler"), scheduler_find(KINDS[i / 4]), STEPS[i % 4], NULL, NULL),
                "%s", name))
            golden_check(g, name, p.values, 1, (const int64_t[]){p.count}, name);
    }
    golden_close(g);
    g = golden_open("few_steps");
    for (size_t i = 0; g && i < sizeof FEW / sizeof *FEW; i++) {
        Toy toy = {.levels = levels, .gives = FEW[i].gives};
        Job job = job_of(FEW[i].name, FEW[i].scheduler, FEW[i].steps, 4);
        float x[MOST_N];
        Error e = {0};
        if (FEW[i].eta >= 0) job.options.eta = FEW[i].eta;
        if (test_check(sample(&toy, &job, SD_RNG_CPU, 42, 1, x, &e), "%s runs", FEW[i].golden))
            golden_check(g, FEW[i].golden, x, 1, (const int64_t[]){MOST_N}, FEW[i].golden);
        else test_note("%s", e.text);
    }
    few_times(levels, g);
    golden_close(g);
    g = golden_open("samplers");
    static const float PATHS[][2] = {
        {10.7468f, 14.6146421f}, {.3555455f, .4735848f}, {.02916754f, 14.6146421f}, {1, 1.000002f}};
    static const char *const NAMES[] = {"10.7468_14.6146421", "0.3555455_0.4735848", "0.02916754_14.6146421",
                                        "1.0_1.000002"};
    Brownian b = {.kind = SD_RNG_CPU, .seed = 42, .low = 0.0291675329f, .high = 14.6146421f};
    float out[256], *work = malloc((size_t)brownian_work(&b, 256) * sizeof *work);
    for (int i = 0; g && i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "brownian.%s", NAMES[i]);
        brownian_noise(&b, out, 256, PATHS[i][0], PATHS[i][1], work);
        const int64_t n[] = {4, 8, 8};
        /* the increments are torchsde's bits; this torch divides by multiplying with a rounded reciprocal */
        GoldenError error = golden_error(g, name, out, 3, n, (Bound){0});
        test_check(error.found && error.shape && error.max < 3e-7, "%s", name);
        test_note("largest error %g", error.max);
    }
    free(work);
    golden_close(g);
}

/* Every sampler with every schedule type at the ends of what a request may ask for: latents, or a refusal in words. */
static bool extreme(const NoiseLevels *levels, Job job, int variant, char said[500]) {
    Toy toy = {.levels = levels};
    float x[4];
    Error e = {0};
    if (variant == 1) job.options.eta = 1, job.options.s_churn = 1000, job.options.s_noise = 10;
    if (variant == 2) job.options.eta = 0, job.options.s_noise = 0, job.ends.discard = true;
    if (variant == 3) job.options.s_churn = 1, job.options.s_tmin = .5f, job.options.s_tmax = 2, job.steps *= 12;
    if (variant == 4) job.whole = job.steps + 1;
    bool ok = sample(&toy, &job, SD_RNG_NV, 42, 1, x, &e), finite = true;
    for (int i = 0; i < 4; i++) finite = finite && isfinite(x[i]);
    if (ok ? finite : e.code == ERR_ARGUMENT) return true;
    snprintf(said, 500, "%s, %d steps, sigmas %g to %g, rho %g, variant %d: %.300s", job.scheduler, job.steps,
             job.ends.sigma_min, job.ends.sigma_max, job.ends.rho, variant, e.text);
    return false;
}

static void extremes(const NoiseLevels *levels, const char *what) {
    static const double ENDS[][2] = {{0, 0}, {1e-4, 0},    {1e-4, 1e5},       {0, 1e5},
                                     {0, 1}, {99900, 1e5}, {1e-4, 1.0001e-4}, {1e-3, .02}},
                        RHOS[] = {0, .01, .3, .6, 1, 1000};
    enum { VARIANTS = 5, ENDS_COUNT = sizeof ENDS / sizeof *ENDS, RHO_COUNT = sizeof RHOS / sizeof *RHOS };
    int samplers, schedulers;
    const Sampler *all = sampler_list(&samplers);
    const Scheduler *types = scheduler_list(&schedulers);
    for (int i = 0; i < samplers; i++) {
        int wrong = 0, made = 0;
        char said[500] = "";
        bool own = !sampler_has_schedule(&all[i]);
        for (int j = 0; j < (own ? 1 : schedulers); j++)
            for (int k = 0; k < ENDS_COUNT * RHO_COUNT * VARIANTS; k++) {
                int variant = k % VARIANTS, end = k / VARIANTS % ENDS_COUNT, rho = k / VARIANTS / ENDS_COUNT;
                if ((rho && (variant || !(types[j].rho > 0))) || (end && !types[j].ends)) continue;
                for (int steps = 1; steps <= 3; steps++, made++) {
                    Job job = job_of(all[i].name, types[j].label, steps, 1);
                    job.ends.sigma_min = ENDS[end][0], job.ends.sigma_max = ENDS[end][1], job.ends.rho = RHOS[rho];
                    wrong += !extreme(levels, job, variant, said);
                }
            }
        test_check(!wrong, "%s: extreme options, %s", all[i].name, what);
        test_note("%d of %d, the last %s", wrong, made, said);
    }
}

/* Betas rescaled so that the last step is noise alone, whose sigma is 4519. */
static void rescaled(const NoiseLevels *from, NoiseLevels *out) {
    float alphas[TRAIN_STEPS];
    double first = sqrt((double)from->alphas[0]), last = sqrt((double)from->alphas[TRAIN_STEPS - 1]);
    for (int i = 0; i < TRAIN_STEPS; i++) {
        double root = (sqrt((double)from->alphas[i]) - last) * first / (first - last);
        alphas[i] = (float)(root * root);
    }
    alphas[TRAIN_STEPS - 1] = 4.8973451890853435e-08f;
    test_check(noise_levels_init(out, alphas, "x", NULL), "noise levels that end in noise");
}

SUITE(samplers, .seconds = 3) {
    static NoiseLevels levels, noise;
    test_check(noise_levels_init(&levels, NULL, "x", NULL), "the default noise levels");
    known_answers(&levels);
    batches(&levels);
    edges(&levels);
    extremes(&levels, "SD's noise levels");
    rescaled(&levels, &noise);
    extremes(&noise, "noise levels that end in noise");
    goldens(&levels);
}
