/* test_resize_latent.c: img2img's resize mode of latents: the picture is encoded in its own size, and its latents are
 * stretched as interpolate.h does, which suite image holds to torch. */
#include "pipeline.h"
#include "sd/image/interpolate.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tools/ledger/generated.h"
#include "weights/formats/weight_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDE = 40, HIGH = 56, SIDE = 64, LATENT = 4, UNIT = 8, BATCH = 2 };

static uint8_t picture[HIGH * WIDE * 3];

/* Latents [BATCH][LATENT][h][w] of the picture by a request of that size; false: not ok. */
static bool encoded(SdModel *m, int width, int height, SdEncode how, float *out, Error *e) {
    const char *path = test_path("resized.safetensors");
    SdRequest r = pipeline_request("Euler", 42, width, height);
    r.image = picture, r.image_width = WIDE, r.image_height = HIGH;
    r.resize = SD_RESIZE_LATENT, r.encode = how, r.batch_size = BATCH;
    WeightFile *f = sd_encode(m, &r, path, e) ? weight_file_open(path, e) : NULL;
    const FileTensor *t = f ? weight_file_find(f, "latents") : NULL;
    bool ok =
        t && file_tensor_count(t) == BATCH * LATENT * (width / UNIT) * (height / UNIT) && file_tensor_f32(f, t, out);
    if (f) weight_file_close(f);
    return ok;
}

static void stretched(SdModel *m, SdEncode how, const char *what) {
    static float own[BATCH * LATENT * (HIGH / UNIT) * (WIDE / UNIT)];
    static float want[BATCH * LATENT * (SIDE / UNIT) * (SIDE / UNIT)], got[sizeof want / sizeof *want];
    Error e = {0};
    bool ok = encoded(m, WIDE, HIGH, how, own, &e) && encoded(m, SIDE, SIDE, how, got, &e) &&
              interpolate(want, SIDE / UNIT, SIDE / UNIT, own, HIGH / UNIT, WIDE / UNIT, (int64_t)BATCH * LATENT,
                          INTERPOLATE_BILINEAR, &e);
    test_check(ok && !memcmp(want, got, sizeof want), "latents are stretched, %s", what);
    test_note("%s", e.text);
}

static void drawn(SdModel *m, const char *model) {
    SdRequest r = pipeline_request("Euler", 42, SIDE, SIDE);
    SdResult a = {0}, b = {0};
    SdPlan plan = {0};
    Error e = {0};
    r.image = picture, r.image_width = WIDE, r.image_height = HIGH, r.steps = 4, r.batch_size = BATCH;
    r.resize = SD_RESIZE_LATENT;
    bool ok = sd_plan(m, &r, &plan, &e) && sd_img2img(m, &r, &a, &e);
    test_check(ok && strstr(a.pictures[0].parameters, "Resize mode: Just resize (latent upscale)"), "the text says so");
    SdModel *least = sd_open(model, &(SdOptions){.threads = 1, .memory_limit = plan.least}, &e);
    ok = ok && least && sd_img2img(least, &r, &b, &e);
    test_check(ok && !memcmp(a.pictures[1].rgb, b.pictures[1].rgb, SIDE * SIDE * 3), "the same in the least memory");
    test_note("%s", e.text);
    sd_free(&b);
    r.resize = SD_RESIZE_STRETCH;
    test_check(ok && sd_img2img(m, &r, &b, &e) && memcmp(a.pictures[0].rgb, b.pictures[0].rgb, SIDE * SIDE * 3),
               "and another than of the stretched picture");
    sd_free(&a);
    sd_free(&b);
    sd_close(least);
}

static void refuse(SdModel *m, SdRequest r, const char *words) {
    SdResult out = {0};
    Error e = {0};
    r.resize = SD_RESIZE_LATENT;
    test_check(!sd_img2img(m, &r, &out, &e) && strstr(e.text, words), "refused: %s", words);
    test_note("%s", e.text);
    sd_free(&out);
}

SUITE(resize_latent, .seconds = 1) {
    char model[1024];
    Error e = {0};
    snprintf(model, sizeof model, "%s", test_path("resize.safetensors"));
    if (!make_micro_model(model, F32)) return;
    for (int i = 0; i < HIGH * WIDE * 3; i++) picture[i] = (uint8_t)(i * 7 ^ i / WIDE * 3);
    SdModel *m = sd_open(model, &(SdOptions){.threads = 1}, &e);
    if (!test_check(m != NULL, "the micro model opens")) return;
    stretched(m, SD_ENCODE_MEAN, "of the mean");
    stretched(m, SD_ENCODE_SAMPLE, "of each picture's sample");
    drawn(m, model);
    SdRequest r = pipeline_request("Euler", 42, SIDE, SIDE);
    r.image = r.mask = picture, r.image_width = r.mask_width = WIDE, r.image_height = r.mask_height = HIGH;
    refuse(m, r, "resize mode: latents are not stretched under a mask");
    r.mask = NULL, r.image_width = 7;
    refuse(m, r, "resize mode: a picture of 7x56 has no latents to stretch");
    sd_close(m);
}
