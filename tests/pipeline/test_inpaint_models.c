/* test_inpaint_models.c: U-Nets that are shown more than latents: inpainting models and instruct-pix2pix, against
 * goldens, and what they refuse. The goldens of masks with an ordinary model are here, too. */
#include "pipeline.h"
#include "sd/info/infotext_request.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 64 };

static uint8_t rgb[SIDE * SIDE * 3], mask[SIDE * SIDE];

static SdRequest request(bool from_image, bool masked) {
    SdRequest r = sd_request(NULL);
    r.prompt = "a lovely cat", r.negative = "blurry", r.seed = 42, r.width = r.height = SIDE, r.steps = 3;
    r.strength = 0.9;
    if (from_image) r.image = rgb, r.image_width = r.image_height = SIDE;
    if (masked) r.mask = mask, r.mask_width = r.mask_height = SIDE, r.mask_blur = 1;
    return r;
}

static bool draw(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    return (r->image ? sd_img2img : sd_txt2img)(m, r, out, e);
}

static bool equal(const SdResult *a, int i, const SdResult *b, int k) {
    return i < a->count && k < b->count && !memcmp(a->pictures[i].rgb, b->pictures[k].rgb, SIDE * SIDE * 3);
}

static void refused(SdModel *m, const SdRequest *r, const char *words) {
    SdResult out = {0};
    Error e = {0};
    test_check(!draw(m, r, &out, &e) && !strncmp(e.text, words, strlen(words)) && !out.count, "refused: %s", words);
    test_note("%s", e.text);
    sd_free(&out);
}

/* Whether a setting changes the picture, which says so under this key and can be made again. */
static void counts(SdModel *m, const SdRequest *plain, const SdRequest *changed, const char *key) {
    SdResult a = {0}, b = {0}, again = {0};
    InfoRead text = {0};
    Error e = {0};
    SdRequest back = sd_request(NULL);
    bool ok = draw(m, plain, &a, &e) && draw(m, changed, &b, &e) &&
              infotext_read(b.pictures[0].parameters, &text, &e) && infotext_request(&text, &back, &e);
    back.image = changed->image, back.image_width = back.image_height = SIDE;
    back.mask = changed->mask, back.mask_width = back.mask_height = SIDE;
    if (ok && back.mask && !infotext_get(&text, "Mask blur")) back.mask_blur = 0;
    test_check(ok && infotext_get(&text, key) && !equal(&a, 0, &b, 0), "%s changes the picture, which says so", key);
    test_check(ok && draw(m, &back, &again, &e) && equal(&again, 0, &b, 0), "%s: the text makes it again", key);
    test_note("%s; %s", b.count ? b.pictures[0].parameters : "", e.text);
    infotext_read_free(&text);
    sd_free(&a);
    sd_free(&b);
    sd_free(&again);
}

/* The second picture of a batch is its seed's, a limit changes nothing, and what is planned suffices. */
static void fits(const char *path, const SdRequest *one, const char *what) {
    SdResult both = {0}, alone = {0}, limited = {0};
    Error e = {0};
    SdPlan plan = {0};
    SdRequest r = *one;
    SdModel *m = sd_open(path, &(SdOptions){.threads = 1}, &e), *small = NULL;
    r.batch_size = 2;
    bool ok = m && draw(m, &r, &both, &e) && sd_plan(m, &r, &plan, &e);
    if (ok) small = sd_open(path, &(SdOptions){.threads = 1, .memory_limit = plan.least}, &e);
    ok = ok && small && draw(small, &r, &limited, &e);
    r.batch_size = 1, r.seed++;
    ok = ok && draw(m, &r, &alone, &e);
    test_check(ok && equal(&both, 1, &alone, 0), "%s: the second of a batch is its seed's", what);
    test_check(ok && equal(&both, 0, &limited, 0) && equal(&both, 1, &limited, 1), "%s: the same within a limit", what);
    test_note("%s", e.text);
    sd_free(&both);
    sd_free(&alone);
    sd_free(&limited);
    sd_close(small);
    sd_close(m);
}

static void inpainting(const char *path) {
    Error e = {0};
    SdModel *m = sd_open(path, &(SdOptions){.threads = 1}, &e);
    if (!test_check(m != NULL, "an inpainting model opens: %s", e.text)) return;
    SdRequest plain = request(true, true), r = plain;
    r.mask_weight = 0.3;
    counts(m, &plain, &r, "Conditional mask weight");
    SdRequest text = request(false, false);
    SdResult out = {0};
    test_check(draw(m, &text, &out, &e), "it draws from a prompt alone");
    test_note("%s", e.text);
    sd_free(&out);
    r = plain, r.image_cfg = 2;
    refused(m, &r, "image cfg: counts only with an instruct-pix2pix model");
    sd_close(m);
    r = plain, r.only_masked = true, r.fill = SD_FILL_NOISE;
    fits(path, &r, "inpainting");
    fits(path, &text, "inpainting without a picture");
}

static void pix2pix(const char *path) {
    Error e = {0};
    SdModel *m = sd_open(path, &(SdOptions){.threads = 1}, &e);
    if (!test_check(m != NULL, "an instruct-pix2pix model opens: %s", e.text)) return;
    SdRequest plain = request(true, false), r = plain;
    r.image_cfg = 1;
    counts(m, &plain, &r, "Image CFG scale");
    r.prompt = "a cat AND a dog";
    SdResult out = {0};
    test_check(draw(m, &r, &out, &e), "AND with an image CFG of 1");
    sd_free(&out);
    r.image_cfg = -1;
    refused(m, &r, "prompt: AND needs an image cfg of 1");
    r = request(false, false);
    refused(m, &r, "image: this model edits a picture");
    r = plain, r.mask_weight = 0.5;
    refused(m, &r, "mask weight: counts only with an inpainting model");
    sd_close(m);
    r = plain, r.sampler = "DDIM CFG++";
    fits(path, &r, "instruct-pix2pix");
    r.image_cfg = 2, r.mask = mask, r.mask_width = r.mask_height = SIDE, r.cfg = 1, r.sampler = "DPM++ 2M";
    fits(path, &r, "instruct-pix2pix, masked");
}

static void depth(const char *path) {
    Error e = {0};
    SdModel *m = sd_open(path, &(SdOptions){.threads = 1}, &e);
    SdRequest r = request(true, false);
    refused(m, &r, path);
    SdResult out = {0};
    e = (Error){0};
    test_check(m && !draw(m, &r, &out, &e) && strstr(e.text, "is a depth model"), "a depth model is named");
    test_note("%s", e.text);
    sd_close(m);
}

static SdConfig depth_config(void) {
    SdConfig k = micro_config();
    k.unet.in_channels = 5;
    return k;
}

SUITE(inpaint_models, .seconds = 4) {
    static const struct {
        const char *name;
        SdConfig (*config)(void);
        const char *goldens[3];
        void (*more)(const char *path);
    } MODELS[] = {
        {"micro", micro_config, {"micro_masked_euler", "micro_masked_ddim"}, NULL},
        {"nine", micro_inpainting_config, {"micro_inpainting_euler", "micro_inpainting_unmasked"}, inpainting},
        {"xl", micro_sdxl_inpainting_config, {"micro_sdxl_inpainting"}, NULL},
        {"edit", micro_pix2pix_config, {"micro_pix2pix_euler"}, pix2pix},
        {"depth", depth_config, {NULL}, depth},
    };
    if (!cli_begin()) return;
    for (int i = 0; i < SIDE * SIDE; i++) mask[i] = i % SIDE > 20 && i % SIDE < 44 && i / SIDE > 20 ? 255 : 0;
    for (int i = 0; i < SIDE * SIDE * 3; i++) rgb[i] = (uint8_t)(128 + 100 * test_uniform(5, (uint64_t)i));
    for (size_t i = 0; i < sizeof MODELS / sizeof *MODELS; i++) {
        char file[64], path[512];
        snprintf(file, sizeof file, "%s.safetensors", MODELS[i].name);
        snprintf(path, sizeof path, "%s", cli_path(file));
        if (!test_check(make_model_of(path, (MakeModel){.dtype = F32}, MODELS[i].config()), "%s is written", file))
            continue;
        for (int k = 0; k < 3 && MODELS[i].goldens[k]; k++) {
            pipeline_ledger(path, MODELS[i].goldens[k], "cpu", SD_F32);
            if (!k) pipeline_ledger(path, MODELS[i].goldens[k], "cpu", SD_F32_DIRECT);
        }
        if (MODELS[i].more) MODELS[i].more(path);
    }
}
