/* test_windows.c: tiled diffusion against diffusers' panorama and the paper's gaussians (tools/goldens/windows.py),
 * where windows stand, and the same bits however many are computed at once. */
#include "sd/info/params.h"
#include "sd/pipeline/denoiser/windows.h"
#include "sd/sd.h"
#include "tools/ledger/generated.h"
#include "tools/ledger/pipeline.h"
#include "tests/harness/golden.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "control_files.h"
#include "pipeline.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { W = 24 * 8, H = 21 * 8 };

static SdRequest request(SdTiled method) {
    SdRequest r = pipeline_request("Euler", 42, W, H);
    r.steps = 4;
    r.tiled_diffusion = method, r.tile_width = r.tile_height = 16, r.tile_overlap = 5;
    return r;
}

/* Every latent is in some window, windows lie within, and shares add up to one. */
static void check_windows(void) {
    static const int CASES[][5] = {
        {24, 21, 16, 16, 5}, {64, 40, 96, 16, 48}, {97, 33, 16, 16, 0}, {40, 16, 16, 64, 12}};
    for (int i = 0; i < 8; i++) {
        const int *c = CASES[i / 2];
        SdRequest r = {.tiled_diffusion = i % 2 ? SD_TILED_MIXTURE : SD_TILED_MULTIDIFFUSION,
                       .tile_width = c[2],
                       .tile_height = c[3],
                       .tile_overlap = c[4]};
        Windows k;
        Error e = {0};
        float out[97 * 64] = {0}, ones[64 * 64], worst = 0;
        bool ok = windows_begin(&k, &r, c[0], c[1], &e);
        for (int n = 0; n < 64 * 64; n++) ones[n] = 1;
        for (int n = 0; ok && n < k.count; n++) windows_add(&k, n, out, ones, 1);
        if (ok) windows_finish(&k, out, 1);
        for (int n = 0; n < c[0] * c[1]; n++) worst = fmaxf(worst, fabsf(out[n] - 1));
        test_check(ok && k.count > 1 && worst < 1e-6f, "%d x %d by windows of %d x %d: each latent counts once", c[0],
                   c[1], c[2], c[3]);
        test_note("%d windows, off by %g", k.count, (double)worst);
        windows_end(&k);
    }
}

typedef struct {
    float *values;
    int64_t n[4];
} Shown;

static bool show(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    Shown *s = user;
    size_t bytes = sizeof *values;
    for (int i = 0; i < nd; i++) bytes *= (size_t)n[i];
    s->values = realloc(s->values, bytes);
    if (!s->values || nd != 4) return false;
    memcpy(s->values, values, bytes);
    memcpy(s->n, n, sizeof s->n);
    return !strcmp(name, "image");
}

static void check_golden(SdModel *m, const Golden *golden, SdTiled method, const SdControl *control, const char *name) {
    SdResult out;
    Error e = {0};
    Shown s = {0};
    SdRequest r = request(method);
    r.controls = control, r.control_count = control != NULL;
    r.activation = show, r.tap = "image", r.user = &s;
    bool ok = sd_txt2img(m, &r, &out, &e);
    test_check(ok && s.values, "%s is drawn", name);
    test_note("%s", e.text);
    if (ok && s.values) golden_check(golden, name, s.values, 4, s.n, name);
    free(s.values);
    sd_free(&out);
}

/* Three windows at once, a batch of two, the least memory, one thread: the same picture; and one that is not the whole
 * network's. */
static void check_bits(const char *path, SdModel *m, SdTiled method, const char *name) {
    SdResult one = {0}, two = {0}, tight = {0}, whole = {0};
    SdPlan plan[2];
    Error e = {0};
    SdRequest r = request(method);
    r.sampler = "Euler a", r.steps = 2;
    bool ok = sd_txt2img(m, &r, &one, &e) && sd_plan(m, &r, &plan[0], &e);
    r.batch_size = 2, r.seed--, r.tile_batch = 3;
    ok = ok && sd_txt2img(m, &r, &two, &e) && sd_plan(m, &r, &plan[1], &e);
    test_check(ok && pipeline_same_picture(&one.pictures[0], &two.pictures[1]),
               "%s: the same in a batch, three windows at once", name);
    test_check(ok && plan[0].unet_pictures == 2 && plan[1].unet_pictures == 12 && plan[0].unet_peak < plan[1].unet_peak,
               "%s: calls of a window, of six", name);
    test_note("%d and %d; %s", plan[0].unet_pictures, plan[1].unet_pictures, e.text);
    SdModel *small = ok ? sd_open(path, &(SdOptions){.memory_limit = plan[1].least, .threads = 1}, &e) : NULL;
    ok = small && sd_txt2img(small, &r, &tight, &e);
    test_check(ok && pipeline_same_picture(&tight.pictures[1], &two.pictures[1]), "%s: the same in the least memory",
               name);
    test_note("%zu of %zu bytes; %s", plan[1].least, plan[1].process, e.text);
    sd_close(small);
    r.tiled_diffusion = SD_TILED_NONE, r.tile_width = r.tile_height = 96, r.tile_overlap = 48, r.tile_batch = 1;
    ok = ok && sd_txt2img(m, &r, &whole, &e);
    test_check(ok && !pipeline_same_picture(&whole.pictures[1], &two.pictures[1]), "%s: another picture than as one",
               name);
    test_note("%s", e.text);
    sd_free(&one);
    sd_free(&two);
    sd_free(&tight);
    sd_free(&whole);
}

/* The picture's bytes of "hint0". */
static uint8_t hint[W * H * 3];

static SdControl control_of_whole(SdControlNet *net) {
    const uint32_t crc = gen_crc("hint0");
    SdControl c = control_of(net, hint);
    for (int64_t i = 0; i < W * H * 3; i++) hint[i] = (uint8_t)(gen_mixed(crc, (uint64_t)i) >> 24);
    c.width = W, c.height = H;
    return c;
}

/* A ControlNet, or an adapter, beside windows: three at once, in a batch, in the least memory. */
static void check_control_bits(const char *model, const char *file, SdModel *m, SdControlNet *net, const char *name) {
    SdResult one = {0}, two = {0}, tight = {0}, without = {0};
    Error e = {0};
    SdPlan plan = {0};
    SdControl c = control_of_whole(net);
    SdRequest r = request(SD_TILED_MIXTURE);
    r.steps = 2, r.tile_overlap = 8;
    bool ok = sd_txt2img(m, &r, &without, &e);
    r.controls = &c, r.control_count = 1;
    ok = ok && sd_txt2img(m, &r, &one, &e);
    r.batch_size = 2, r.seed--, r.tile_batch = 3;
    ok = ok && sd_txt2img(m, &r, &two, &e) && sd_plan(m, &r, &plan, &e);
    test_check(ok && pipeline_same_picture(&one.pictures[0], &two.pictures[1]) &&
                   !pipeline_same_picture(&one.pictures[0], &without.pictures[0]),
               "%s: counts, and the same in a batch, three windows at once", name);
    SdModel *small = ok ? sd_open(model, &(SdOptions){.memory_limit = plan.least, .threads = 1}, &e) : NULL;
    c.net = small ? sd_open_control(file, small, &e) : NULL;
    ok = c.net && sd_txt2img(small, &r, &tight, &e);
    test_check(ok && pipeline_same_picture(&tight.pictures[1], &two.pictures[1]), "%s: the same in the least memory",
               name);
    test_note("%s", e.text);
    sd_close_control(c.net);
    sd_close(small);
    sd_free(&one);
    sd_free(&two);
    sd_free(&tight);
    sd_free(&without);
}

static void check_controls(const char *path, SdModel *m, const Golden *golden) {
    char files[2][1024];
    Error e = {0};
    SdModel *direct = sd_open(path, &(SdOptions){.precision = SD_F32_DIRECT}, &e);
    for (int i = 0; i < 2; i++) {
        ControlFile k = {.config = micro_config(), .prefix = ""};
        if (i) k.adapter = (AdapterConfig){8, 3, false};
        snprintf(files[i], sizeof files[i], "%s", test_path(i ? "windows-adapter" : "windows-control"));
        make_control(files[i], k);
        SdControlNet *net = sd_open_control(files[i], m, &e), *exact = i ? NULL : sd_open_control(files[i], direct, &e);
        test_check(net && (i || exact), "opened");
        test_note("%s", e.text);
        if (exact) {
            SdControl c = control_of_whole(exact);
            check_golden(direct, golden, SD_TILED_MULTIDIFFUSION, &c, "control.image");
        }
        if (net) check_control_bits(path, files[i], m, net, i ? "T2I-Adapter" : "ControlNet");
        sd_close_control(net);
        sd_close_control(exact);
    }
    sd_close(direct);
}

SUITE(windows, .seconds = 6) {
    char path[1024];
    Error e = {0};
    Golden *golden = golden_open("windows");
    snprintf(path, sizeof path, "%s", test_path("micro.safetensors"));
    SdModel *m =
        golden && make_micro_model(path, F32) ? sd_open(path, &(SdOptions){.precision = SD_F32_DIRECT}, &e) : NULL;
    check_windows();
    if (test_check(m != NULL, "a model")) {
        check_golden(m, golden, SD_TILED_MULTIDIFFUSION, NULL, "multidiffusion.image");
        check_golden(m, golden, SD_TILED_MIXTURE, NULL, "mixture.image");
        sd_close(m);
        m = sd_open(path, &(SdOptions){.threads = 2}, &e);
        check_bits(path, m, SD_TILED_MULTIDIFFUSION, "MultiDiffusion");
        check_bits(path, m, SD_TILED_MIXTURE, "Mixture of Diffusers");
        check_controls(path, m, golden);
        SdRequest r = request(SD_TILED_NONE);
        SdResult out;
        test_check(!sd_txt2img(m, &r, &out, &e) && strstr(e.text, "tile width: counts only with tiled diffusion"),
                   "windows without tiled diffusion are refused");
        test_note("%s", e.text);
    }
    sd_close(m);
    golden_close(golden);
}
