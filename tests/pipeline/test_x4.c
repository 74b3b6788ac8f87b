/* test_x4.c: the x4 upscaler against diffusers' pipeline (tools/goldens/micro_x4.py); its batches, limits, windows and
 * texts; what it refuses. */
#include "pipeline.h"
#include "sd/info/infotext_request.h"
#include "tests/harness/cli.h"
#include "tests/harness/golden.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tools/ledger/generated.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { W = 24, H = 20, TIMES = 4 };

static uint8_t small[W * H * 3];

/* "micro.x4" of tools/goldens/values.py, channels last. */
static void make_small(void) {
    uint32_t crc = gen_crc("micro.x4");
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < W * H; i++) small[i * 3 + c] = (uint8_t)(gen_mixed(crc, (uint64_t)(c * W * H + i)) >> 24);
}

static SdRequest request(const SdModel *m) {
    SdRequest r = sd_request(m);
    r.prompt = "a lovely cat", r.negative = "blurry, low quality", r.seed = 42, r.rng = SD_RNG_CPU;
    r.image = small, r.image_width = W, r.image_height = H;
    r.steps = 4;
    sd_start_size(m, &r, &r.width, &r.height);
    return r;
}

typedef struct {
    const Golden *golden;
    int level, seen;
} Held;

static bool hold(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    Held *h = user;
    char at[80];
    snprintf(at, sizeof at, "level%d.%s", h->level, name);
    if (!golden_has(h->golden, at)) return true;
    golden_check(h->golden, at, values, nd, n, at);
    h->seen++;
    return true;
}

static void check_golden(SdModel *m, int level) {
    enum { TAPS = 6 };
    Golden *golden = golden_open("micro_x4");
    Held h = {golden, level, 0};
    SdResult out = {0};
    Error e = {0};
    SdRequest r = request(m);
    r.noise_level = level, r.sampler = "Euler", r.activation = hold, r.user = &h;
    bool ok = golden && sd_img2img(m, &r, &out, &e);
    test_check(ok && h.seen == TAPS && out.pictures[0].width == W * TIMES && out.pictures[0].height == H * TIMES,
               "level %d: all of the golden is seen, in a picture four times as large", level);
    test_note("%d seen; %s", h.seen, e.text);
    golden_close(golden);
    sd_free(&out);
}

/* Two of a batch in the least memory; a window of the latents, or three, at once. */
static void check_bits(const char *path, SdModel *m) {
    SdResult both = {0}, alone = {0}, tight = {0}, windows = {0}, three = {0};
    SdPlan plan = {0};
    Error e = {0};
    SdRequest r = request(m);
    r.sampler = "Euler a", r.steps = 2, r.noise_level = 100, r.batch_size = 2;
    bool ok = sd_img2img(m, &r, &both, &e) && sd_plan(m, &r, &plan, &e);
    SdModel *least = ok ? sd_open(path, &(SdOptions){.memory_limit = plan.least, .threads = 1}, &e) : NULL;
    ok = least && sd_img2img(least, &r, &tight, &e);
    test_check(ok && plan.least < plan.process && pipeline_same_picture(&both.pictures[1], &tight.pictures[1]),
               "the same in the least memory");
    sd_close(least);
    r.batch_size = 1, r.seed++;
    ok = ok && sd_img2img(m, &r, &alone, &e);
    test_check(ok && pipeline_same_picture(&both.pictures[1], &alone.pictures[0]),
               "the second of a batch is its seed's");
    r.tiled_diffusion = SD_TILED_MULTIDIFFUSION, r.tile_width = r.tile_height = 16, r.tile_overlap = 8;
    ok = ok && sd_img2img(m, &r, &windows, &e);
    r.tile_batch = 3;
    ok = ok && sd_img2img(m, &r, &three, &e);
    test_check(ok && pipeline_same_picture(&windows.pictures[0], &three.pictures[0]) &&
                   !pipeline_same_picture(&windows.pictures[0], &alone.pictures[0]),
               "by windows, which see their part of the small picture");
    test_note("%s", e.text);
    sd_free(&both);
    sd_free(&alone);
    sd_free(&tight);
    sd_free(&windows);
    sd_free(&three);
}

/* The text says the level and makes the picture again; the picture and the level count. */
static void check_text(SdModel *m) {
    SdResult out = {0}, again = {0}, other = {0};
    InfoRead text = {0};
    Error e = {0};
    SdRequest r = request(m), back = sd_request(m);
    bool ok = r.steps == 4 && back.steps == 75 && back.cfg == 9 && !strcmp(back.sampler, "DDIM");
    test_check(ok, "its makers' steps, guidance and sampler");
    r.steps = 2;
    ok = sd_img2img(m, &r, &out, &e) && infotext_read(out.pictures[0].parameters, &text, &e) &&
         infotext_request(&text, &back, &e);
    test_check(ok && infotext_get(&text, "Noise level") && !strcmp(infotext_get(&text, "Noise level"), "20"),
               "the text says the noise level");
    back.image = small, back.image_width = W, back.image_height = H;
    test_check(ok && sd_img2img(m, &back, &again, &e) && pipeline_same_picture(&out.pictures[0], &again.pictures[0]),
               "and makes the picture again");
    back.noise_level = 21;
    test_check(ok && sd_img2img(m, &back, &other, &e) && !pipeline_same_picture(&out.pictures[0], &other.pictures[0]),
               "another level is another picture");
    test_note("%s %s", out.count ? out.pictures[0].parameters : "", e.text);
    infotext_read_free(&text);
    sd_free(&out);
    sd_free(&again);
    sd_free(&other);
}

static void refused(SdModel *m, SdRequest r, const char *words) {
    SdResult out = {0};
    Error e = {0};
    bool ok = (r.image ? sd_img2img : sd_txt2img)(m, &r, &out, &e);
    test_check(!ok && !strncmp(e.text, words, strlen(words)), "refused: %s", words);
    test_note("%s", e.text);
    sd_free(&out);
}

static void check_refusals(SdModel *m) {
    SdRequest r = request(m);
    r.image = NULL;
    refused(m, r, "image: this model enlarges a picture");
    r = request(m), r.strength = 0.5;
    refused(m, r, "strength: does not count with the x4 upscaler");
    r = request(m), r.mask = small, r.mask_width = W, r.mask_height = H;
    refused(m, r, "mask: does not go with the x4 upscaler");
    r = request(m), r.extend_left = 64;
    refused(m, r, "extend: does not go with the x4 upscaler");
    r = request(m), r.sd_upscale = 2;
    refused(m, r, "sd upscale: not with the x4 upscaler");
    r = request(m), r.noise_level = 351;
    refused(m, r, "noise level: 351 is not in 0..350");
}

/* What a file of its makers has beside it, here of the micro model. */
static const char YAML[] =
    "model:\n  params:\n    parameterization: v\n    low_scale_key: lr\n    linear_start: 0.0001\n"
    "    linear_end: 0.02\n    scale_factor: 0.08333\n    low_scale_config:\n      params:\n"
    "        max_noise_level: 350\n    unet_config:\n      params:\n        num_classes: 1000\n"
    "        disable_self_attentions: [true, true, true, false]\n        num_heads: 8\n"
    "    cond_stage_config:\n      params:\n        layer: penultimate\n";

static bool write_yaml(const char *path) {
    FILE *f = fopen(path, "w");
    bool ok = f && fputs(YAML, f) >= 0;
    return f && !fclose(f) && ok;
}

/* Checks that both models' pictures are the same. */
static void check_same(const char *a, const char *b, const char *what) {
    Error e = {0};
    SdResult out[2] = {{0}};
    bool ok = true;
    for (int i = 0; i < 2; i++) {
        SdModel *m = ok ? sd_open(i ? b : a, &(SdOptions){.threads = 1}, &e) : NULL;
        SdRequest r = request(m);
        r.steps = 2;
        ok = m && sd_img2img(m, &r, &out[i], &e);
        sd_close(m);
    }
    test_check(ok && pipeline_same_picture(&out[0].pictures[0], &out[1].pictures[0]), "%s: the same picture", what);
    test_note("%s", e.text);
    for (int i = 0; i < 2; i++) sd_free(&out[i]);
}

/* A file without a configuration of ours, with its makers' beside it; and a folder. */
static void check_layouts(const char *path) {
    char said[1024], plain[1024];
    SdConfig k = micro_x4_config();
    k.unet.groups = k.vae.groups = 32; /* no file says it, nor the heads without a YAML */
    k.unet.heads = 8;
    snprintf(said, sizeof said, "%s", test_path("x4-said.safetensors"));
    snprintf(plain, sizeof plain, "%s", test_path("x4-plain.safetensors"));
    if (test_check(make_model_of(said, (MakeModel){.dtype = F16}, k) &&
                       make_model_of(plain, (MakeModel){.dtype = F16, .config = ""}, k),
                   "files")) {
        check_same(said, plain, "names and shapes alone");
        if (test_check(write_yaml(test_path("x4-plain.yaml")), "a YAML")) check_same(said, plain, "with a YAML");
    }
    if (cli_begin() && cli_works("", "convert %s %s --layout diffusers", path, test_path("x4-folder")))
        check_same(path, test_path("x4-folder"), "a folder");
}

SUITE(x4, .seconds = 5) {
    static const int LEVELS[] = {20, 0, 350};
    char path[1024];
    Error e = {0};
    make_small();
    snprintf(path, sizeof path, "%s", test_path("x4.safetensors"));
    bool ok = make_model_of(path, (MakeModel){.dtype = F32}, micro_x4_config());
    SdModel *m = ok ? sd_open(path, &(SdOptions){.precision = SD_F32_DIRECT}, &e) : NULL;
    test_check(m != NULL, "a model");
    test_note("%s", e.text);
    for (int i = 0; m && i < 3; i++) check_golden(m, LEVELS[i]);
    sd_close(m);
    m = m ? sd_open(path, &(SdOptions){.threads = 2}, &e) : NULL;
    if (!m) return;
    check_bits(path, m);
    check_text(m);
    check_refusals(m);
    check_layouts(path);
    sd_close(m);
}
