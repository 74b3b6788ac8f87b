/* test_schedules.c: lists of sigmas, names, numpy's seeds, Brownian paths and the webui's noise of pictures, by known
 * answers of the originals. */
#include "tests/harness/test.h"

#include "sd/sampling/beta.h"
#include "sd/noise/picture_noise.h"
#include "sd/sampling/points.h"
#include "sd/noise/seed_sequence.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "known_schedules.inc"

static void schedules(const NoiseLevels *levels) {
    static float values[MOST_SIGMAS];
    static Points p = {.values = values};
    Error e = {0};
    const Sampler *euler = sampler_find("Euler");
    for (size_t i = 0; i < sizeof LISTS / sizeof *LISTS; i++) {
        const Scheduler *s = scheduler_find(LISTS[i].name);
        char label[80];
        snprintf(label, sizeof label, "%s, %d steps", LISTS[i].name, LISTS[i].steps);
        bool ok = s && points_make(&p, levels, euler, s, LISTS[i].steps, NULL, &e) && p.count == LISTS[i].steps + 1;
        test_check(ok, "%s: count", label);
        if (ok) test_floats(label, p.values, LISTS[i].want, p.count, 2e-6f);
    }
    int count;
    const Scheduler *all = scheduler_list(&count);
    static const int STEPS[] = {1, 2, 3, 20, 999, 1000};
    for (int i = 0; i < count; i++)
        for (size_t k = 0; k < sizeof STEPS / sizeof *STEPS; k++) {
            bool ok = points_make(&p, levels, euler, &all[i], STEPS[k], NULL, &e), falls = ok;
            for (int j = 1; ok && j < p.count; j++) falls = falls && p.values[j] <= p.values[j - 1];
            test_check(falls && isfinite(p.values[0]) && p.count >= 2, "%s, %d steps: a list that falls", all[i].label,
                       STEPS[k]);
        }
    ScheduleOptions o = {.sigma_min = .1, .sigma_max = 10, .rho = 5};
    test_check(points_make(&p, levels, euler, scheduler_find("karras"), 8, &o, &e) && fabsf(p.values[0] - 10) < 1e-5f &&
                   fabsf(p.values[7] - .1f) < 1e-6f && p.values[8] == 0,
               "sigma min, max and rho");
    o = (ScheduleOptions){.discard = true};
    test_check(points_make(&p, levels, euler, NULL, 8, &o, &e) && p.count == 9 && p.values[7] > .1f,
               "the next-to-last sigma discarded");
    o = (ScheduleOptions){.sigma_min = 3, .sigma_max = 2};
    Error e1 = {0}, e2 = {0}, e3 = {0}, e4 = {0};
    test_check(!points_make(&p, levels, euler, NULL, 8, &o, &e1) && e1.code == ERR_ARGUMENT, "ends in the wrong order");
    test_check(!points_make(&p, levels, euler, NULL, 0, NULL, &e2) && e2.code == ERR_ARGUMENT, "0 steps are refused");
    test_check(!points_make(&p, levels, sampler_find("DDIM"), NULL, 1, NULL, &e3) && strstr(e3.text, "2 steps"),
               "DDIM of 1 step is refused");
    test_check(!points_make(&p, levels, sampler_find("PLMS"), NULL, 1001, NULL, &e4) && e4.code == ERR_ARGUMENT,
               "PLMS of 1001 steps is refused");
    test_check(fabs(beta_quantile(.5, .6, .6) - .5) < 1e-14 &&
                   fabs(beta_quantile(.1, .6, .6) - 0.03958440558878085) < 1e-9,
               "quantiles of Beta");
    test_check(e.code == ERR_NONE, "no error elsewhere");
}

static void names(void) {
    static const char *const NAMES[][3] = {{"DPM++ 2M Karras", "DPM++ 2M", "Automatic"},
                                           {"dpm++ 2m sde karras", "DPM++ 2M SDE", "Karras"},
                                           {"k_dpm_2_a", "DPM2 a", NULL},
                                           {"dpmpp_2m", "DPM++ 2M", NULL},
                                           {"k_lms_ka", "LMS", "Karras"},
                                           {"k_dpmpp_2m_sde_exp", "DPM++ 2M SDE", "Automatic"},
                                           {"Euler a SGM Uniform", "Euler a", "SGM Uniform"},
                                           {"Euler align_your_steps", "Euler", "Align Your Steps"},
                                           {"DPM++ 2M SDE Heun", "DPM++ 2M SDE Heun", NULL},
                                           {"DDIM CFG++", "DDIM CFG++", NULL},
                                           {"unipc", "UniPC", NULL},
                                           {"LMS Karras", "LMS", "Karras"},
                                           {"DPM++ 3M SDE Exponential", "DPM++ 3M SDE", "Automatic"},
                                           {"restart", "Restart", NULL},
                                           {"k_dpm_ad", "DPM adaptive", NULL}};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        const Scheduler *c = NULL;
        const Sampler *s = sampler_parse(NAMES[i][0], &c);
        test_check(s && !strcmp(s->name, NAMES[i][1]) && (NAMES[i][2] ? c && !strcmp(c->label, NAMES[i][2]) : !c),
                   "sampler '%s'", NAMES[i][0]);
    }
    const Scheduler *c = NULL;
    char text[200];
    test_check(!sampler_parse("Karras", &c) && !sampler_parse("", &c) && !sampler_parse("Eulerr Karras", &c) && !c,
               "no such samplers");
    sampler_suggest("dpm+ 2m", text, sizeof text);
    test_check(strstr(text, "'DPM++ 2M'") == text, "suggested samplers: %s", text);
    scheduler_suggest("kara", text, sizeof text);
    test_check(strstr(text, "'Karras'") == text, "suggested schedules: %s", text);
}

static void seeds(void) {
    static const struct {
        uint64_t entropy, spawn[2];
        int spawns, pool, count;
        uint32_t want[4];
    } KNOWN[] = {
        {42, {0, 0}, 0, 24, 3, {387750627u, 2536650517u, 4078839648u, 0}},
        {42, {0, 0}, 2, 24, 4, {2102017995u, 2891809698u, 2144110403u, 379559146u}},
        {42, {1, 1}, 2, 24, 4, {1058881542u, 1039740124u, 2218853409u, 2234354429u}},
        {0, {0, 0}, 0, 4, 4, {2968811710u, 3677149159u, 745650761u, 2884920346u}},
    };
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        uint32_t out[4] = {0};
        seed_sequence(KNOWN[i].entropy, KNOWN[i].spawn, KNOWN[i].spawns, KNOWN[i].pool, out, KNOWN[i].count);
        test_check(!memcmp(out, KNOWN[i].want, sizeof out), "numpy's seeds %zu", i);
    }
    /* torchsde's tree, to the bit */
    static const float PATHS[2][8] = {
        {10.7468f, 14.6146421f, 0.97700268f, -1.40293837f, 1.38344789f, -2.47448516f, 1.62873101f, 1.43630219f},
        {8.081519f, 10.7468f, -0.07791369f, -2.89752436f, 1.67990446f, 2.01169157f, -0.13146965f, -1.42488730f}};
    Brownian b = {.kind = SD_RNG_CPU, .seed = 42, .low = 0.0291675329f, .high = 14.6146421f};
    float *work = malloc((size_t)brownian_work(&b, 6) * sizeof *work), out[6];
    for (int i = 0; i < 2; i++) {
        float length = sqrtf(fabsf(PATHS[i][1] - PATHS[i][0]));
        brownian_noise(&b, out, 6, PATHS[i][0], PATHS[i][1], work);
        for (int k = 0; k < 6; k++) out[k] *= length;
        test_floats("a Brownian path's increment", out, PATHS[i] + 2, 6, 3e-7f);
    }
    brownian_noise(&b, out, 6, 3, 3, work);
    test_check(out[0] == 0 && out[5] == 0, "a step of no length has no noise");
    free(work);
}

static void variations(void) {
    PictureNoiseOptions o = {.kind = SD_RNG_CPU,
                             .seed = 42,
                             .variation_seed = 43,
                             .variation = .3,
                             .pictures = 2,
                             .channels = 4,
                             .height = 8,
                             .width = 8};
    float x[256], y[256], z[256];
    Error e = {0};
    PictureNoise *p = picture_noise_open(&o, &e);
    picture_noise_first(p, 0, x);
    test_floats("a variation", x, (const float[]){1.62604439f, 1.34470105f, 1.33072019f, -1.75386178f}, 4, 1e-6f);
    test_floats("its end", x + 254, (const float[]){.506684303f, .748943686f}, 2, 1e-6f);
    test_check(picture_noise_seed(p, 1) == 42, "variations of one seed");
    picture_noise_close(p);

    o = (PictureNoiseOptions){.kind = SD_RNG_NV, .seed = 7, .pictures = 1, .channels = 4, .height = 8, .width = 8};
    p = picture_noise_open(&o, &e);
    picture_noise_first(p, 0, x);
    picture_noise_next(p, 0, y);
    picture_noise_close(p);
    o.ensd = 31337;
    p = picture_noise_open(&o, &e);
    picture_noise_first(p, 0, z);
    test_check(!memcmp(x, z, sizeof x), "eta noise seed delta leaves the first noise alone");
    picture_noise_next(p, 0, z);
    picture_noise_close(p);
    Noise g;
    float want[256];
    noise_init(&g, SD_RNG_NV, 7 + 31337);
    noise_fill(&g, want, 256);
    test_check(!memcmp(z, want, sizeof z) && memcmp(z, y, sizeof z), "draws after it come from seed + delta");

    o.ensd = 0, o.resize_width = 4, o.resize_height = 12; /* narrower, and higher */
    p = picture_noise_open(&o, &e);
    picture_noise_first(p, 0, z);
    picture_noise_close(p);
    float small[4 * 12 * 4];
    noise_init(&g, SD_RNG_NV, 7);
    noise_fill(&g, small, 4 * 12 * 4);
    bool same = true;
    for (int c = 0; c < 4; c++)
        for (int r = 0; r < 8; r++)
            for (int w = 0; w < 8; w++) {
                float v = w < 2 || w >= 6 ? x[(c * 8 + r) * 8 + w] : small[(c * 12 + r + 2) * 4 + w - 2];
                same = same && z[(c * 8 + r) * 8 + w] == v;
            }
    test_check(same, "seed resize");
    test_check(e.code == ERR_NONE, "no error in noise");
}

SUITE(schedules, .seconds = 1) {
    static NoiseLevels levels;
    test_check(noise_levels_init(&levels, NULL, "x", NULL), "the default noise levels");
    seeds();
    schedules(&levels);
    names();
    variations();
}
