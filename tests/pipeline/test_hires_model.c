/* test_hires_model.c: hires fix whose second drawing is another model's: what both models make by themselves, one after
 * the other; in little memory; its text; what is refused. */
#include "pipeline.h"
#include "sd/info/infotext_request.h"
#include "sd/load/model.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 64, LARGE = 96 };

static SdRequest request(void) {
    SdRequest r = sd_request(NULL);
    r.prompt = "a lovely cat", r.negative = "blurry", r.seed = 42, r.width = r.height = SIDE, r.steps = 3;
    r.sampler = "Euler", r.strength = 0.6;
    r.hires_scale = 1.5, r.hires_upscaler = "Lanczos";
    return r;
}

/* txt2img by one, Lanczos, img2img by the other, with another seed and mask weight than request()'s. */
static bool by_hand(SdModel *a, SdModel *b, int more, double weight, SdResult *out, Error *e) {
    SdResult small = {0};
    SdUpscaled large = {0};
    SdUpscale how = sd_upscale_defaults();
    SdRequest r = request();
    r.hires_scale = 0, r.hires_upscaler = NULL;
    r.seed += more, r.mask_weight = weight;
    bool ok = sd_txt2img(a, &r, &small, e);
    if (ok) how.rgb = small.pictures[0].rgb, how.width = how.height = SIDE, how.to_width = how.to_height = LARGE;
    ok = ok && sd_upscale(NULL, &how, SD_FILTER_LANCZOS, &large, e);
    r.image = large.picture.rgb, r.image_width = r.image_height = r.width = r.height = LARGE;
    r.strength_steps = SD_STEPS_EXACT;
    ok = ok && sd_img2img(b, &r, out, e);
    free(large.picture.rgb);
    sd_free(&small);
    return ok;
}

static void check_pictures(SdModel *a, SdModel *b) {
    SdResult out = {0}, hand = {0}, plain = {0};
    InfoRead text = {0};
    Error e = {0};
    SdRequest r = request(), back = sd_request(NULL);
    bool ok = sd_txt2img(a, &r, &plain, &e);
    r.hires_model = b;
    ok = ok && sd_txt2img(a, &r, &out, &e) && by_hand(a, b, 0, 1, &hand, &e);
    test_check(ok && pipeline_same_picture(&out.pictures[0], &hand.pictures[0]),
               "the picture of both, one after the other");
    test_check(ok && !pipeline_same_picture(&out.pictures[0], &plain.pictures[0]), "not the first model's alone");
    test_note("%s", e.text);
    ok = ok && infotext_read(out.pictures[0].parameters, &text, &e) && infotext_request(&text, &back, &e);
    const char *said = ok ? infotext_hires_model(&text) : NULL;
    test_check(said && !strncmp(said, "hires-second [", 14) && strstr(out.pictures[0].parameters, "Model: hires-first"),
               "the text names both");
    test_note("%s", ok ? out.pictures[0].parameters : e.text);
    infotext_read_free(&text);
    sd_free(&out);
    sd_free(&hand);
    sd_free(&plain);
}

/* The first model's weights make room for the second's, call after call. limit: of the memory. */
static void check_limit(const char *first, const char *second, size_t limit, const SdResult *want) {
    SdResult once = {0}, again = {0};
    Error e = {0};
    SdRequest r = request();
    const SdOptions o = {.memory_limit = limit, .threads = 1};
    SdModel *x = sd_open(first, &o, &e), *y = x ? sd_open(second, &o, &e) : NULL;
    r.hires_model = y, r.hires_upscaler = "Latent", r.keep = true;
    bool ok = y && sd_txt2img(x, &r, &once, &e) && sd_txt2img(x, &r, &again, &e), left = false;
    test_check(ok && pipeline_same_picture(&want->pictures[0], &once.pictures[0]) &&
                   pipeline_same_picture(&want->pictures[0], &again.pictures[0]),
               "by latents, within %zu bytes, twice", limit);
    for (int i = 0; ok && i < PART_COUNT; i++) left = left || x->loaded[i] || y->loaded[i];
    test_check(ok && !left, "no weights stay with either");
    test_note("%s", e.text);
    sd_close(x);
    sd_close(y);
    sd_free(&once);
    sd_free(&again);
}

static void check_memory(const char *first, const char *second, SdModel *a, SdModel *b) {
    SdResult wide = {0};
    SdPlan plan = {0};
    Error e = {0};
    SdRequest r = request();
    r.hires_model = b, r.hires_upscaler = "Latent";
    bool ok = sd_txt2img(a, &r, &wide, &e) && sd_plan(a, &r, &plan, &e);
    if (test_check(ok, "planned")) {
        check_limit(first, second, plan.least, &wide);
        check_limit(first, second, 2 * plan.process, &wide);
    }
    sd_free(&wide);
}

static void refused(SdModel *m, SdRequest r, const char *words) {
    SdResult out = {0};
    Error e = {0};
    test_check(!sd_txt2img(m, &r, &out, &e) && !strncmp(e.text, words, strlen(words)), "refused: %s", words);
    test_note("%s", e.text);
    sd_free(&out);
}

/* An inpainting model is shown no picture, or each its own, half hidden. */
static void check_inpainting(void) {
    char path[1024];
    Error e = {0};
    snprintf(path, sizeof path, "%s", test_path("hires-inpainting.safetensors"));
    SdModel *m = make_model_of(path, (MakeModel){.dtype = F32}, micro_inpainting_config())
                     ? sd_open(path, &(SdOptions){.threads = 2}, &e)
                     : NULL;
    for (int half = 0; m && half < 2; half++) {
        SdResult out = {0}, hand = {0};
        SdRequest r = request();
        r.batch_size = 2, r.mask_weight = half ? 0.5 : 1;
        bool ok = sd_txt2img(m, &r, &out, &e) && by_hand(m, m, 1, r.mask_weight, &hand, &e);
        test_check(ok && pipeline_same_picture(&out.pictures[1], &hand.pictures[0]),
                   "an inpainting model, mask weight %g: as by hand", r.mask_weight);
        sd_free(&out);
        sd_free(&hand);
    }
    SdRequest r = request();
    r.mask_weight = 0.5, r.hires_upscaler = "Latent";
    if (test_check(m != NULL, "an inpainting model")) refused(m, r, "mask weight: in hires fix");
    test_note("%s", e.text);
    sd_close(m);
}

SUITE(hires_model, .seconds = 4) {
    char first[1024], second[1024], other[1024];
    Error e = {0};
    SdConfig v = micro_config(), sdxl = micro_sdxl_config();
    v.prediction = PREDICT_V; /* so that it draws otherwise */
    snprintf(first, sizeof first, "%s", test_path("hires-first.safetensors"));
    snprintf(second, sizeof second, "%s", test_path("hires-second.safetensors"));
    snprintf(other, sizeof other, "%s", test_path("hires-other.safetensors"));
    bool ok = make_micro_model(first, F32) && make_model_of(second, (MakeModel){.dtype = F32}, v) &&
              make_model_of(other, (MakeModel){.dtype = F16}, sdxl);
    const SdOptions o = {.threads = 2};
    SdModel *a = ok ? sd_open(first, &o, &e) : NULL, *b = a ? sd_open(second, &o, &e) : NULL,
            *c = b ? sd_open(other, &o, &e) : NULL;
    if (test_check(c != NULL, "models")) {
        check_pictures(a, b);
        check_memory(first, second, a, b);
        check_inpainting();
        SdRequest r = request();
        r.hires_model = c, r.hires_upscaler = "Latent";
        refused(a, r, "hires checkpoint: ");
        SdResult out = {0};
        r.hires_upscaler = "Lanczos";
        test_check(sd_txt2img(a, &r, &out, &e), "SDXL goes on from the picture of SD 1.x");
        sd_free(&out);
        if (cli_begin())
            cli_fails(2, "counts only with --hires-scale", "txt2img -m %s -p x --hires-checkpoint %s", first, second);
    }
    test_note("%s", e.text);
    sd_close(a);
    sd_close(b);
    sd_close(c);
}
