/* test_hires.c: hires fix against the webui's steps over diffusers' modules (tools/goldens/hires.py), torch's
 * interpolations, and what must not change its bits. */
#include "sd/info/params.h"
#include "sd/image/interpolate.h"
#include "sd/sd.h"
#include "tools/ledger/generated.h"
#include "tools/ledger/pipeline.h"
#include "tests/harness/golden.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_interpolations(const Golden *golden) {
    static const char *const NAMES[] = {"Latent",           "Latent (antialiased)",
                                        "Latent (bicubic)", "Latent (bicubic antialiased)",
                                        "Latent (nearest)", "Latent (nearest-exact)"};
    static const int SIZES[2][2] = {{13, 12}, {5, 7}};
    float from[2 * 8 * 9], to[2 * 13 * 12];
    Error e = {0};
    gen_input(from, "hires.latent", 2 * 8 * 9, 1, 0);
    for (int i = 0; i < 12; i++) {
        char name[80];
        int h = SIZES[i % 2][0], w = SIZES[i % 2][1];
        snprintf(name, sizeof name, "interpolate.%s.%d", NAMES[i / 2], h);
        test_check(interpolate(to, h, w, from, 8, 9, 2, (Interpolation)(i / 2), &e), "%s is made", name);
        golden_check(golden, name, to, 4, SHAPE(1, 2, h, w), name);
    }
}

typedef struct {
    float *values; /* the last picture's, in torch's layout */
    int64_t n[4];
} Shown;

static bool show(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    Shown *s = user;
    size_t bytes = sizeof *values;
    for (int i = 0; i < nd; i++) bytes *= (size_t)n[i];
    free(s->values);
    s->values = malloc(bytes);
    if (!s->values || nd != 4) return false;
    memcpy(s->values, values, bytes);
    memcpy(s->n, n, sizeof s->n);
    return !strcmp(name, "image") || !strcmp(name, "hires.image");
}

static SdRequest latent(void) {
    SdRequest r = pipeline_request("Euler", 42, 64, 64);
    r.hires_width = 104, r.hires_height = 96, r.hires_steps = 3, r.hires_upscaler = "Latent (bicubic antialiased)";
    return r;
}

static SdRequest pixels(void) {
    SdRequest r = pipeline_request("Euler", 42, 64, 64);
    r.hires_scale = 1.5, r.hires_steps = 4, r.hires_upscaler = "Lanczos", r.hires_sampler = "DDIM", r.strength = 0.7;
    r.encode = SD_ENCODE_MEAN;
    return r;
}

/* bound: rounding to bytes between the passes makes a difference of f32 one of bytes */
static void check_golden(SdModel *m, const Golden *golden, SdRequest r, const char *name, Bound bound) {
    SdResult out;
    Error e = {0};
    Shown s = {0};
    r.activation = show, r.tap = "*image", r.user = &s;
    bool ok = sd_txt2img(m, &r, &out, &e);
    int width, height;
    sd_finished_size(&r, &width, &height);
    test_check(ok && s.values && out.pictures[0].width == width && out.pictures[0].height == height, "%s is drawn",
               name);
    test_note("%s", e.text);
    if (ok && s.values) golden_check_within(golden, name, s.values, 4, s.n, bound, name);
    free(s.values);
    sd_free(&out);
}

/* A batch of two, and less memory: the same pictures. */
static void check_bits(const char *path, SdModel *m, SdRequest r, const char *name) {
    SdResult one = {0}, two = {0}, tight = {0};
    SdPlan plan;
    Error e = {0};
    bool ok = sd_txt2img(m, &r, &one, &e);
    r.batch_size = 2, r.seed--;
    ok = ok && sd_txt2img(m, &r, &two, &e);
    test_check(ok && pipeline_same_picture(&one.pictures[0], &two.pictures[1]), "%s: the same in a batch", name);
    test_note("%s", e.text);
    ok = ok && sd_plan(m, &r, &plan, &e);
    SdModel *small = ok ? sd_open(path, &(SdOptions){.memory_limit = plan.least, .threads = 1}, &e) : NULL;
    ok = small && sd_txt2img(small, &r, &tight, &e);
    test_check(ok && pipeline_same_picture(&tight.pictures[1], &two.pictures[1]), "%s: the same in the least memory",
               name);
    test_note("%zu of %zu bytes; %s", plan.least, plan.process, e.text);
    sd_close(small);
    sd_free(&one);
    sd_free(&two);
    sd_free(&tight);
}

static void check_refusals(SdModel *m) {
    static const struct {
        const char *words;
        SdRequest r;
    } CASES[] = {
        {"hires steps: counts only with hires scale", {.hires_steps = 3}},
        {"hires upscaler: 'Sharp' is no file; name an upscaler's file, or one of Latent,Latent (antialiased),",
         {.hires_scale = 2, .hires_upscaler = "Sharp"}},
        {"hires scale: 100 x 100 has sides that are not multiples", {.hires_scale = 1.5625, .hires_upscaler = "None"}},
        {"hires scale: 8 x 7 is no size", {.hires_width = 8, .width = 72}},
        {"sampler: no 'x'", {.hires_scale = 2, .hires_sampler = "x"}},
        {"hires scale: does not count beside a hires width", {.hires_scale = 2, .hires_width = 128}},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        SdRequest r = pipeline_request("Euler", 42, CASES[i].r.width ? CASES[i].r.width : 64, 64);
        SdResult out;
        Error e = {0};
        r.hires_steps = CASES[i].r.hires_steps, r.hires_scale = CASES[i].r.hires_scale;
        r.hires_width = CASES[i].r.hires_width;
        if (CASES[i].r.hires_upscaler) r.hires_upscaler = CASES[i].r.hires_upscaler;
        r.hires_sampler = CASES[i].r.hires_sampler;
        bool ok = sd_txt2img(m, &r, &out, &e);
        test_check(!ok && e.code == ERR_ARGUMENT && !strncmp(e.text, CASES[i].words, strlen(CASES[i].words)),
                   "refused: %s", CASES[i].words);
        test_note("%s", e.text);
        sd_free(&out);
    }
}

/* Another file's upscaler is not ignored for what it is called, nor left unused. */
static void check_upscaler(void) {
    SdRequest r = sd_request(NULL);
    Error e[3] = {0};
    r.upscaler = (struct SdUpscaler *)(void *)&r; /* is not looked at */
    test_check(!params_check(&r, &e[0]) && strstr(e[0].text, "counts only with hires scale"), "an upscaler alone");
    r.hires_scale = 2, r.hires_upscaler = "Lanczos";
    test_check(!params_check(&r, &e[1]) && strstr(e[1].text, "cannot be called 'Lanczos'"), "an upscaler's name");
    r.hires_upscaler = "Sharp";
    test_check(params_check(&r, &e[2]), "an upscaler of a name of its own");
    test_note("%s; %s; %s", e[0].text, e[1].text, e[2].text);
}

/* What encodes the enlarged picture is told where one is encoded. */
static void check_encoder(void) {
    const Param *p = param_named("vae-encoder");
    const Scheduler *scheduler = NULL;
    SdRequest r = pixels();
    r.vae_encoder = SD_VAE_TAESD;
    const Sampler *s = request_sampler(&r, &scheduler, NULL);
    bool by_pixels = param_written(p, &r, s);
    r.hires_upscaler = "Latent";
    bool by_latents = param_written(p, &r, s);
    r.hires_upscaler = NULL;
    test_check(by_pixels && !by_latents && !param_written(p, &r, s), "a text tells what encoded the enlarged picture");
}

/* A size that is there already: one pass, with the refiner, as in the webui. */
static void check_once(SdModel *m, const char *path) {
    Error e = {0};
    SdModel *refiner = sd_open(path, &(SdOptions){.precision = SD_F32_DIRECT}, &e);
    SdRequest r = pipeline_request("Euler", 42, 64, 64);
    SdResult once = {0}, twice = {0};
    SdPlan plan[2];
    r.refiner = refiner;
    bool ok = refiner && sd_txt2img(m, &r, &once, &e) && sd_plan(m, &r, &plan[0], &e);
    r.hires_scale = 1;
    ok = ok && sd_txt2img(m, &r, &twice, &e) && sd_plan(m, &r, &plan[1], &e);
    test_check(ok && pipeline_same_picture(&once.pictures[0], &twice.pictures[0]) &&
                   !strcmp(once.pictures[0].parameters, twice.pictures[0].parameters),
               "of the same size: one pass, with the refiner");
    test_check(ok && plan[0].process == plan[1].process && plan[0].weights == plan[1].weights, "and its plan");
    test_note("%s; %s", e.text, ok ? twice.pictures[0].parameters : "");
    sd_free(&once);
    sd_free(&twice);
    sd_close(refiner);
}

SUITE(hires, .seconds = 4) {
    char path[1024];
    Error e = {0};
    Golden *golden = golden_open("hires");
    snprintf(path, sizeof path, "%s", test_path("micro.safetensors"));
    SdModel *m =
        golden && make_micro_model(path, F32) ? sd_open(path, &(SdOptions){.precision = SD_F32_DIRECT}, &e) : NULL;
    if (golden) check_interpolations(golden);
    check_upscaler();
    check_encoder();
    if (test_check(m != NULL, "a model")) {
        check_golden(m, golden, latent(), "latent.image", (Bound){0});
        check_golden(m, golden, pixels(), "pixels.image", (Bound){2e-3, 2e-2, true});
        check_refusals(m);
        check_once(m, path);
        sd_close(m);
        m = sd_open(path, &(SdOptions){.threads = 2}, &e);
        check_bits(path, m, latent(), "latents");
        check_bits(path, m, pixels(), "pictures");
    }
    sd_close(m);
    golden_close(golden);
}
