/* test_noise.c: noise, schedules and samplers against what the originals give.
 *
 * CPU noise: torch 2.14.1 on x86 with AVX2, as CRC-32 of the float32 bytes (little endian) of two calls on one
 * generator. NV noise: the webui's rng_philox arithmetic in numpy 2.4.6, the same way. Samplers: k-diffusion 0.1.1 (and
 * the webui's ddim) over rational toy models, whose float32 results do not depend on a libm; and the vectors of a toy
 * model with a sine, to their printed digits. */
#include "tests/harness/test.h"

#include "sd/image/codecs/crc32.h"
#include "sd/noise/noise.h"
#include "sd/sampling/points.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint32_t crc_floats(uint32_t crc, const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        uint32_t v;
        memcpy(&v, &x[i], 4);
        uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
        crc = crc32_update(crc, b, 4);
    }
    return crc;
}

static const int64_t FILLS[7] = {1, 5, 15, 16, 17, 100, 16384};

typedef struct {
    uint64_t seed;
    uint32_t crc[7];
} Known;

static const Known CPU[] = {
    {UINT64_C(0), {0xB66AEC4A, 0x4DD1BD14, 0x777F97CC, 0x57A8EC14, 0x531D947B, 0xC509BE14, 0xD03C778D}},
    {UINT64_C(1), {0x4238BD85, 0x8EE00AEF, 0xE796A7D5, 0x724F369B, 0xA3228AB2, 0x204386A7, 0xCB41845C}},
    {UINT64_C(42), {0xBE0A7B6A, 0xA2211217, 0x053566CF, 0xE3947F62, 0xB1AB3D48, 0x1B9F6A5C, 0x1EB68015}},
    {UINT64_C(4294967295), {0xFD17994B, 0x58E8C4BC, 0xC56562FB, 0xDB8BF07B, 0x7C79AED8, 0xCD04DEA9, 0x1F8CB3E9}},
    {UINT64_C(4294967296), {0xB66AEC4A, 0x4DD1BD14, 0x777F97CC, 0x57A8EC14, 0x531D947B, 0xC509BE14, 0xD03C778D}},
    {UINT64_C(9223372036854775807),
     {0xFD17994B, 0x58E8C4BC, 0xC56562FB, 0xDB8BF07B, 0x7C79AED8, 0xCD04DEA9, 0x1F8CB3E9}},
};
static const Known NV[] = {
    {UINT64_C(0), {0x71A11CD6, 0xEC4F7AD8, 0x0FD31E69, 0xE7F8A164, 0x066E7DA5, 0x606C3F44, 0xA2BC4608}},
    {UINT64_C(1), {0x409FD466, 0x548325E8, 0x473570D2, 0x13C53AFA, 0xFE022824, 0x6FC6EE60, 0xF7F97942}},
    {UINT64_C(42), {0xBD2B660C, 0x61CC0C13, 0x2D5FE489, 0xB7725294, 0x5BDA78DB, 0x79FEE233, 0x7D13C1C0}},
    {UINT64_C(4294967295), {0x78A7C088, 0xF950103C, 0xEA13424C, 0xD98080CB, 0xDF32163E, 0xC634A7AA, 0x369E2D18}},
    {UINT64_C(4294967296), {0x3A0E994B, 0x3BE853F7, 0x90EE5A56, 0x68C83458, 0xA17DA424, 0xB3D1E577, 0xBA9C1079}},
    {UINT64_C(9223372036854775807),
     {0x1A45D233, 0x00D60E92, 0x3B2224B9, 0x2572350A, 0x27018F4F, 0xD3C139C1, 0x82D24C3E}},
};

static void test_known(SdRng kind, const Known *known, const char *name) {
    static float x[16384];
    for (int s = 0; s < 6; s++) {
        for (int i = 0; i < 7; i++) {
            Noise g;
            noise_init(&g, kind, known[s].seed);
            uint32_t crc = 0;
            for (int call = 0; call < 2; call++) {
                noise_fill(&g, x, FILLS[i]);
                crc = crc_floats(crc, x, FILLS[i]);
            }
            test_check(crc == known[s].crc[i], "%s noise, seed %llu, two calls of %lld", name,
                       (unsigned long long)known[s].seed, (long long)FILLS[i]);
        }
    }
}

static void test_noise(void) {
    test_known(SD_RNG_CPU, CPU, "CPU");
    test_known(SD_RNG_NV, NV, "NV");

    static const int64_t MIXED[] = {3, 3, 16, 2, 15, 17, 1, 100, 16384, 7, 24, 1000, 2};
    static float x[16384], y[16384];
    Noise g, copy;
    uint32_t crc = 0;
    noise_init(&g, SD_RNG_CPU, 42);
    for (size_t i = 0; i < sizeof MIXED / sizeof *MIXED; i++) {
        noise_fill(&g, x, MIXED[i]);
        noise_fill(&g, x, 0);
        crc = crc_floats(crc, x, MIXED[i]);
    }
    test_check(crc == 0xFABB1720u, "CPU noise, calls of many sizes on one generator");

    for (int kind = 0; kind < 2; kind++) {
        noise_init(&g, kind ? SD_RNG_CPU : SD_RNG_NV, 5);
        noise_fill(&g, x, 5);
        copy = g;
        noise_fill(&g, x, 1003);
        noise_fill(&copy, y, 1003);
        test_check(!memcmp(x, y, 1003 * sizeof *x), "a copy of a generator continues alike (kind %d)", kind);
    }
    /* values as printed: torch 1.13.1, and rng_philox */
    noise_init(&g, SD_RNG_CPU, 0);
    noise_fill(&g, x, 16);
    test_floats("CPU noise, seed 0", x, (const float[]){-1.12583983f, -1.1523602f, -0.250578582f, -0.433878809f}, 4, 0);
    noise_init(&g, SD_RNG_NV, 0);
    noise_fill(&g, x, 12);
    test_floats("NV noise, seed 0", x, (const float[]){-0.924662411f, -0.425343961f, -2.6438458f, 0.145183876f}, 4, 0);
    noise_fill(&g, x, 4);
    test_floats("NV noise, seed 0, next call", x,
                (const float[]){0.180825889f, -0.552262723f, 0.923813403f, -0.734970331f}, 4, 0);
    noise_init(&g, SD_RNG_NV, (UINT64_C(1) << 32) + 5);
    noise_fill(&g, x, 4);
    test_floats("NV noise, seed 2^32+5", x, (const float[]){-2.84274745f, 1.34049237f, 0.272230864f, 1.45506287f}, 4,
                0);
}

static void test_levels(const NoiseLevels *s) {
    Error e = {0};
    test_check(crc_floats(0, s->alphas, TRAIN_STEPS) == 0x9B9B462Du, "alphas_cumprod are numpy's, all 1000 of them");
    test_floats("sigma 0", s->sigmas, (const float[]){.0291675329f, .041314479f}, 2, 0);
    test_floats("sigma 999", s->sigmas + 999, (const float[]){14.6146421f}, 1, 0);
    static const float UNIFORM[21] = {14.61464f, 10.7468f,  8.081519f, 6.204935f, 4.855652f, 3.865378f,  3.123761f,
                                      2.557166f, 2.115658f, 1.764822f, 1.480581f, 1.245813f, 1.048142f,  .8784281f,
                                      .7297186f, .5964335f, .4735848f, .3555455f, .2321642f, .02916754f, 0};
    static float values[MOST_SIGMAS];
    static Points p = {.values = values};
    const float *v = p.values;
    const Sampler *euler = sampler_find("Euler"), *unipc = sampler_find("UniPC");
    test_check(points_make(&p, s, euler, NULL, 20, NULL, &e) && p.count == 21, "20 sigmas");
    test_floats("20 sigmas' values", v, UNIFORM, 21, 1e-6f);
    test_check(points_make(&p, s, euler, NULL, 1, NULL, &e) && p.count == 2 && fabsf(v[0] - s->sigmas[999]) < 2e-6f &&
                   v[1] == 0,
               "1 sigma");
    test_check(points_make(&p, s, euler, NULL, 1000, NULL, &e) && p.count == 1001 &&
                   fabsf(v[1] - s->sigmas[998]) < 1e-5f && v[1000] == 0,
               "1000 sigmas");
    static const float KARRAS[][2] = {{11.72537f, 961.7328f}, {4.499844f, 771.552f}, {.5647246f, 197.0809f},
                                      {.0484819f, 1.782948f}, {14.7f, 999},          {.01f, 0},
                                      {.02916753f, 0}};
    for (size_t i = 0; i < sizeof KARRAS / sizeof *KARRAS; i++) {
        float t = noise_levels_time(s, KARRAS[i][0]);
        test_floats("a sigma's time", &t, &KARRAS[i][1], 1, 2e-6f);
    }
    bool inverse = true;
    for (int t = 0; t < TRAIN_STEPS; t++)
        inverse = inverse && fabsf(noise_levels_time(s, noise_levels_sigma(s, (float)t)) - (float)t) < 2e-3f;
    test_check(inverse, "time and sigma undo each other");

    static const int TIMES[][3] = {{20, 20, 951}, {30, 31, 991},     {7, 8, 995},
                                   {1, 1, 1},     {1000, 1000, 999}, {50, 50, 981}};
    for (size_t i = 0; i < sizeof TIMES / sizeof *TIMES; i++) {
        bool ok = points_make(&p, s, unipc, NULL, TIMES[i][0], NULL, &e);
        test_check(ok && p.count == TIMES[i][1] && v[0] == 1 && v[p.count - 1] == (float)TIMES[i][2],
                   "times for %d steps", TIMES[i][0]);
        if (ok) test_note("%d times up to %g", p.count, (double)v[p.count - 1]);
    }
    Error e1 = {0}, e2 = {0}, e3 = {0};
    test_check(!points_make(&p, s, euler, NULL, 0, NULL, &e1) && e1.code == ERR_ARGUMENT, "0 steps are an error");
    test_check(!points_make(&p, s, unipc, NULL, 1001, NULL, &e2) && e2.code == ERR_ARGUMENT, "1001 steps are an error");
    float x[TRAIN_STEPS];
    static NoiseLevels own, broken;
    test_check(noise_levels_init(&own, s->alphas, "x", &e) && !memcmp(&own, s, sizeof own), "a model's own alphas");
    memcpy(x, s->alphas, sizeof s->alphas);
    x[7] = NAN;
    test_check(!noise_levels_init(&broken, x, "x", &e3) && e3.code == ERR_FORMAT,
               "alphas that are not numbers are an error");
    x[7] = x[6] * 1.0001f;
    test_check(!noise_levels_init(&broken, x, "x", NULL), "rising alphas are an error");
    test_check(e.code == ERR_NONE, "no error elsewhere");
}

typedef struct {
    const NoiseLevels *levels;
    SamplerSpace space;
    Noise noise;
    bool sine;
    int calls, draws, steps, stop;
} Toy;

enum { N = 16 };

static bool toy_denoise(void *user, const Ask *ask, float *out, Error *e) {
    Toy *toy = user;
    const float *x = ask->x;
    float eps[N], in[N], t = ask->time, scale = 1, point = toy->space == SPACE_SIGMA ? ask->sigma : t;
    (void)e;
    toy->calls++;
    if (toy->sine) { /* eps = .9 x + .3 sin(2 x + t / 1000) */
        if (toy->space == SPACE_SIGMA) scale = sampler_scale_in(point);
        for (int i = 0; i < N; i++) in[i] = x[i] * scale, eps[i] = 0.9f * in[i] + 0.3f * sinf(2 * in[i] + t / 1000);
        if (toy->space == SPACE_SIGMA) sampler_denoised_from_eps(out, x, eps, point, N);
        else memcpy(out, eps, sizeof eps);
        return true;
    }
    for (int i = 0; i < N; i++) {
        if (toy->space == SPACE_SIGMA) out[i] = x[i] / (1 + point * point) + 0.25f * x[i] / (1 + x[i] * x[i]);
        else out[i] = 0.9f * x[i] + 0.2f * (point / 1000) * x[i] / (1 + x[i] * x[i]);
    }
    return true;
}

static void toy_draw(void *user, float *out) {
    Toy *toy = user;
    toy->draws++;
    noise_fill(&toy->noise, out, N);
}

static bool toy_step(void *user, float *x, const float *denoised, int step, int steps, Error *e) {
    Toy *toy = user;
    (void)x, (void)denoised, (void)steps, (void)e;
    toy->steps += step == toy->steps;
    return toy->steps != toy->stop;
}

/* Samples x[N] from torch's seed 42. */
static bool sample(Toy *toy, const char *name, int steps, const SamplerOptions *options, float *x, Error *e) {
    const Sampler *sampler = sampler_find(name);
    static float values[MOST_SIGMAS];
    static Points points = {.values = values};
    float work[4 * N];
    toy->space = sampler->space;
    if (!points_make(&points, toy->levels, sampler, NULL, steps, NULL, e)) return false;
    noise_init(&toy->noise, SD_RNG_CPU, 42);
    noise_fill(&toy->noise, x, N);
    sampler_start(sampler, x, N, points.values, false);
    Sampling s = {.levels = toy->levels,
                  .points = points.values,
                  .count = points.count,
                  .n = N,
                  .work = work,
                  .options = options ? *options : sampler_defaults(sampler),
                  .denoise = toy_denoise,
                  .draw = toy_draw,
                  .step = toy_step,
                  .user = toy};
    return sampler_run(sampler, &s, x, e);
}

static const struct {
    const char *name;
    int steps;
    double eta;
    int churn; /* 5 between .1 and 10, noise 1.007 */
    float want[N];
} GOLDEN[] = {{"Euler",
               20,
               0,
               0,
               {0x1.0ec848p+1f, 0x1.c0e934p+0f, 0x1.45074cp+0f, -0x1.21d784p+1f, 0x1.12ea8ap+0f, -0x1.8c0524p+0f,
                -0x1.4a1adcp-3f, -0x1.d983fcp+0f, -0x1.23fc2ep+0f, 0x1.e2c542p+0f, -0x1.901ff8p-1f, -0x1.af6744p+0f,
                -0x1.1e6e32p+0f, -0x1.ebc5aap-1f, -0x1.27c796p+0f, 0x1.26548p+0f}},
              {"Euler",
               20,
               0,
               1,
               {-0x1.4f65ccp+0f, 0x1.053678p+0f, -0x1.73bb8p+0f, -0x1.ba0958p+0f, -0x1.7b9ef6p+0f, 0x1.a245a8p-4f,
                -0x1.95554ep-2f, 0x1.b20448p-1f, 0x1.ee2d74p-2f, 0x1.53f64ap+0f, -0x1.68731p+0f, 0x1.545968p+0f,
                0x1.eef502p-4f, 0x1.6d46f6p+0f, 0x1.330d3ap+0f, 0x1.0aed58p+1f}},
              {"Euler a",
               20,
               1,
               0,
               {-0x1.89251ap+0f, 0x1.31e9bep+0f, -0x1.32f2aep+0f, -0x1.291426p+0f, -0x1.34f59ep+0f, 0x1.dad5b8p-2f,
                0x1.1d94dap-2f, 0x1.ea7712p-1f, -0x1.796886p-4f, 0x1.df978p+0f, -0x1.bb7b56p+0f, 0x1.bc7962p+0f,
                -0x1.6aa456p-1f, 0x1.b22c7ap+0f, 0x1.4ed9cep-1f, 0x1.39ab04p+1f}},
              {"Euler a",
               20,
               .7,
               0,
               {-0x1.d7eaacp-1f, 0x1.5e0038p+0f, -0x1.b934a4p-2f, -0x1.42448p+0f, -0x1.f29354p-2f, 0x1.94f548p-2f,
                0x1.a7e4ccp-2f, 0x1.3500eap-3f, -0x1.545592p-1f, 0x1.25891ap+1f, -0x1.caab6p+0f, 0x1.8abefep+0f,
                -0x1.364cd2p+0f, 0x1.b90d48p+0f, -0x1.53ba84p-1f, 0x1.3f11f8p+1f}},
              {"Euler a",
               20,
               0,
               0,
               {0x1.0ec848p+1f, 0x1.c0e934p+0f, 0x1.45074cp+0f, -0x1.21d784p+1f, 0x1.12ea8ap+0f, -0x1.8c0524p+0f,
                -0x1.4a1adcp-3f, -0x1.d983fcp+0f, -0x1.23fc2ep+0f, 0x1.e2c542p+0f, -0x1.901ff8p-1f, -0x1.af6744p+0f,
                -0x1.1e6e32p+0f, -0x1.ebc5aap-1f, -0x1.27c796p+0f, 0x1.26548p+0f}},
              {"DDIM",
               20,
               0,
               0,
               {0x1.3e061p+0f, 0x1.d79f18p-1f, 0x1.020652p-1f, -0x1.5f59fep+0f, 0x1.6ff29p-2f, -0x1.79d20ap-1f,
                -0x1.4d4e1p-6f, -0x1.01bf4cp+0f, -0x1.9fa7b4p-2f, 0x1.09fd44p+0f, -0x1.8d2778p-3f, -0x1.b86d6ap-1f,
                -0x1.8fca5cp-2f, -0x1.2659a8p-2f, -0x1.aaac42p-2f, 0x1.a67278p-2f}},
              {"DDIM",
               20,
               1,
               0,
               {-0x1.08e6acp-1f, 0x1.404f9p-2f, -0x1.59dfaap-1f, -0x1.1081cep-1f, -0x1.128c1cp-1f, 0x1.e092c4p-5f,
                0x1.0952ep-6f, 0x1.4f2ecap-2f, 0x1.c4d418p-3f, 0x1.8748d8p-1f, -0x1.12416ap-1f, 0x1.4f4e38p-1f,
                -0x1.4b20d4p-5f, 0x1.58c4bcp-1f, 0x1.f1aaf4p-3f, 0x1.0f0332p+0f}},
              {"DDIM",
               30,
               .5,
               0,
               {0x1.148072p-2f, 0x1.dca9d2p-2f, 0x1.78fa52p-6f, -0x1.963c6p-1f, 0x1.6db19cp-3f, -0x1.c2cc7ep-3f,
                -0x1.6cc95p-2f, -0x1.ce98ap-4f, 0x1.4f0ed8p-3f, 0x1.e6162cp-1f, -0x1.9142a8p-1f, 0x1.1304dep-2f,
                -0x1.0d728p-2f, 0x1.11048cp-1f, -0x1.82475ap-2f, 0x1.480e76p+0f}}};

static const struct {
    const char *name;
    int steps, calls;
    double eta, churn;
    float want[5], sum;
} PRINTED[] = {
    {"Euler", 10, 10, 0, 0, {1.801976f, 1.689117f, 0.120506f, -1.953047f, -0.030401f}, 1.67538f},
    {"Euler", 10, 10, 0, 5, {-0.261036f, 0.182985f, -0.015724f, 0.023373f, 0.036409f}, 0.96260f},
    {"Euler a", 10, 10, 1, 0, {-0.212654f, 0.136039f, -0.198182f, -0.092024f, 0.092860f}, 1.05625f},
    {"Euler a", 10, 10, .5, 0, {0.920664f, 0.737522f, -0.078550f, -0.175790f, 0.043541f}, 2.65054f},
    {"DDIM", 10, 9, 0, 0, {1.805479f, 1.548544f, 0.148323f, -1.887124f, 0.008413f}, 1.30899f},
    {"DDIM", 10, 9, 1, 0, {-0.179613f, 0.159370f, -0.172357f, -0.084920f, 0.115264f}, 1.32870f},
    {"DDIM", 7, 7, 0, 0, {1.850047f, 1.751578f, 0.118299f, -2.006068f, -0.043176f}, 1.74764f},
};

static void test_samplers(const NoiseLevels *levels) {
    for (size_t i = 0; i < sizeof GOLDEN / sizeof *GOLDEN; i++) {
        Toy toy = {.levels = levels, .stop = -1};
        SamplerOptions o = sampler_defaults(sampler_find(GOLDEN[i].name));
        float x[N];
        o.eta = GOLDEN[i].eta;
        if (GOLDEN[i].churn) o.s_churn = 5, o.s_tmin = .1f, o.s_tmax = 10, o.s_noise = 1.007f;
        test_check(sample(&toy, GOLDEN[i].name, GOLDEN[i].steps, &o, x, NULL), "%s runs", GOLDEN[i].name);
        test_floats(GOLDEN[i].name, x, GOLDEN[i].want, N, 1e-6f);
    }
    for (size_t i = 0; i < sizeof PRINTED / sizeof *PRINTED; i++) {
        Toy toy = {.levels = levels, .stop = -1, .sine = true};
        SamplerOptions o = sampler_defaults(sampler_find(PRINTED[i].name));
        float x[N], sum = 0;
        o.eta = PRINTED[i].eta, o.s_churn = PRINTED[i].churn;
        bool ok = sample(&toy, PRINTED[i].name, PRINTED[i].steps, &o, x, NULL);
        for (int k = 0; k < N; k++) sum += x[k];
        test_check(ok && toy.calls == PRINTED[i].calls && toy.steps == PRINTED[i].calls, "%s: calls of the model",
                   PRINTED[i].name);
        test_check(toy.draws == PRINTED[i].calls - !strcmp(PRINTED[i].name, "Euler a"), "%s: draws of noise",
                   PRINTED[i].name);
        test_floats(PRINTED[i].name, x, PRINTED[i].want, 5, 1e-5f);
        test_floats("its sum", &sum, &PRINTED[i].sum, 1, 2e-5f);
    }

    Toy toy = {.levels = levels, .stop = 3};
    Error e = {0};
    float x[N];
    test_check(!sample(&toy, "Euler a", 20, NULL, x, &e) && e.code == ERR_CANCELLED && toy.steps == 3,
               "a step can stop it");
    Toy wild = {.levels = levels, .stop = -1};
    SamplerOptions o = sampler_defaults(sampler_find("DDIM"));
    Error e2 = {0};
    o.eta = 1e30;
    test_check(!sample(&wild, "DDIM", 20, &o, x, &e2) && e2.code == ERR_NUMERIC, "what is not finite is an error");

    static const char *const NAMES[][2] = {{"Euler a", "Euler a"}, {"euler A", "Euler a"}, {"k_euler_a", "Euler a"},
                                           {"euler_a", "Euler a"}, {"EULER", "Euler"},     {"k_euler", "Euler"},
                                           {"ddim", "DDIM"}};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        const Sampler *s = sampler_find(NAMES[i][0]);
        test_check(s && !strcmp(s->name, NAMES[i][1]), "sampler '%s'", NAMES[i][0]);
    }
    test_check(!sampler_find("Eule") && !sampler_find("") && !sampler_find("Euler ab"), "no such samplers");
    test_check(!strcmp(sampler_nearest("Eule")->name, "Euler") && !strcmp(sampler_nearest("dddim")->name, "DDIM") &&
                   !strcmp(sampler_nearest("eulr a")->name, "Euler a"),
               "did you mean");

    float in[3] = {1, -2, .5f}, v[3] = {.3f, .2f, -.7f}, out[3];
    sampler_denoised_from_v(out, in, v, 2, 3); /* x / 5 - v 2 / sqrt 5 */
    test_floats("D from v", out, (const float[]){-0.0683281573f, -0.578885438f, 0.726099034f}, 3, 1e-6f);
    sampler_eps_from_v(out, in, v, .36f, 3);
    test_floats("eps from v", out, (const float[]){.98f, -1.48f, -.02f}, 3, 1e-6f);
    sampler_start(sampler_find("Euler"), in, 3, (const float[]){3}, true);
    test_floats("start with the SGM multiplier", in, (const float[]){3.16227766f, -6.32455532f, 1.58113883f}, 3, 1e-6f);
}

SUITE(noise, .seconds = 1) {
    static NoiseLevels levels;
    test_check(noise_levels_init(&levels, NULL, "x", NULL), "the default noise levels");
    test_noise();
    test_levels(&levels);
    test_samplers(&levels);
}
