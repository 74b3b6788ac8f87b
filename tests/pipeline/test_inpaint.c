/* test_inpaint.c: pictures of which a mask repaints a part, by the micro model. */
#include "pipeline.h"
#include "sd/image/mask.h"
#include "sd/image/resize.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { W = 72, H = 56, ODD_W = 61, ODD_H = 47, MOST_LATENTS = 2 * 4 * (W / 8) * (H / 8) };

typedef struct {
    uint8_t rgb[W * H * 3], mask[W * H]; /* used as W x H or as ODD_W x ODD_H */
    float z[MOST_LATENTS], noise[MOST_LATENTS], last[MOST_LATENTS];
    int64_t heard;
} Scene;

static bool hear(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    Scene *s = user;
    int64_t count = nd == 4 ? n[0] * n[1] * n[2] * n[3] : 0;
    float *to = !strcmp(name, "latents.init")          ? s->z
                : !strcmp(name, "noise")               ? s->noise
                : !strncmp(name, "latents.step00", 14) ? s->last
                                                       : NULL;
    if (to && count <= MOST_LATENTS) memcpy(to, values, (size_t)count * sizeof *to), s->heard = count;
    return true;
}

/* A disc that is not in the middle. */
static void draw_scene(Scene *s, int w, int h) {
    for (int i = 0; i < w * h * 3; i++) s->rgb[i] = (uint8_t)(128 + 100 * test_uniform(5, (uint64_t)i));
    for (int i = 0; i < w * h; i++) {
        int dx = i % w - w / 3, dy = i / w - h / 2;
        s->mask[i] = dx * dx + dy * dy < h * h / 25 ? 255 : 0;
    }
}

static SdRequest request(const Scene *s, int w, int h) {
    SdRequest r = sd_request(NULL);
    r.prompt = "a lovely cat", r.negative = "blurry", r.seed = 42, r.width = W, r.height = H, r.steps = 4;
    r.image = s->rgb, r.image_width = w, r.image_height = h;
    r.mask = s->mask, r.mask_width = w, r.mask_height = h, r.mask_blur = 2;
    r.strength = 0.9, r.keep = true;
    return r;
}

static bool equal(const SdPicture *a, const SdPicture *b) {
    return a->width == b->width && a->height == b->height &&
           !memcmp(a->rgb, b->rgb, (size_t)a->width * (size_t)a->height * 3);
}

/* Whether what the mask keeps has the bytes of the picture at its size, and what it repaints mostly has others. */
static bool keeps(const SdRequest *r, const SdPicture *p) {
    int w = r->only_masked ? r->image_width : r->width, h = r->only_masked ? r->image_height : r->height;
    uint8_t kept[W * H * 3], mask[W * H], blurred[W * H];
    memcpy(blurred, r->mask, (size_t)(r->mask_width * r->mask_height));
    if (p->width != w || p->height != h ||
        !mask_blur(blurred, r->mask_width, r->mask_height, r->mask_blur, r->mask_blur, NULL))
        return false;
    if (!mask_resize(blurred, r->mask_width, r->mask_height, mask, w, h, r->only_masked ? SD_RESIZE_STRETCH : r->resize,
                     NULL) ||
        !resize_picture(r->image, r->image_width, r->image_height, kept, w, h,
                        r->only_masked ? SD_RESIZE_STRETCH : r->resize, NULL))
        return false;
    int same = 0, white = 0, black = 0;
    for (int i = 0; i < w * h; i++) {
        bool is = !memcmp(kept + 3 * i, p->rgb + 3 * i, 3);
        if (!mask[i] && !is) return false;
        if (mask[i] == 255) white++, same += is;
        black += !mask[i];
    }
    return white > 20 && black > 500 && same * 4 < white;
}

static void kept_pixels(SdModel *m, Scene *s) {
    static const char *const SAMPLERS[] = {"Euler a", "DDIM", "DPM++ 2M SDE"};
    for (int k = 0; k < 12; k++) {
        bool odd = k & 1, part = k & 2;
        draw_scene(s, odd ? ODD_W : W, odd ? ODD_H : H);
        SdRequest r = request(s, odd ? ODD_W : W, odd ? ODD_H : H);
        r.sampler = SAMPLERS[k / 4], r.only_masked = part, r.mask_padding = 3, r.batch_size = k < 4 ? 2 : 1;
        r.resize = odd && k > 4 ? SD_RESIZE_FILL : SD_RESIZE_STRETCH, r.fill = (SdFill)(k % 4);
        SdResult out = {0};
        Error e = {0};
        bool ok = sd_img2img(m, &r, &out, &e);
        for (int i = 0; i < out.count; i++) ok = ok && keeps(&r, &out.pictures[i]);
        test_check(ok, "%s, %s of %dx%d, fill %d: kept pixels are the picture's bytes", r.sampler,
                   part ? "a part" : "the whole", r.image_width, r.image_height, (int)r.fill);
        test_note("%s", e.text);
        sd_free(&out);
    }
}

/* Each picture of a batch is the one that its seed makes alone, and within a limit. */
static void batches(SdModel *m, const char *path, Scene *s) {
    draw_scene(s, ODD_W, ODD_H);
    static const char *const SAMPLERS[] = {"Euler a", "PLMS", "DPM adaptive"};
    for (int k = 0; k < 3; k++) {
        SdRequest r = request(s, ODD_W, ODD_H);
        r.only_masked = k == 1, r.fill = k ? SD_FILL_NOISE : SD_FILL_FILL, r.sampler = SAMPLERS[k], r.batch_size = 2;
        SdResult both = {0}, second = {0}, limited = {0};
        Error e = {0};
        SdPlan plan = {0};
        SdModel *other = NULL;
        bool ok = sd_img2img(m, &r, &both, &e) && sd_plan(m, &r, &plan, &e);
        SdOptions o = {.threads = 1, .memory_limit = plan.least};
        if (ok) ok = (other = sd_open(path, &o, &e)) != NULL && sd_img2img(other, &r, &limited, &e);
        r.batch_size = 1, r.seed++;
        ok = ok && sd_img2img(m, &r, &second, &e);
        test_check(ok && equal(&both.pictures[1], &second.pictures[0]), "the second of a batch is its seed's");
        test_check(ok && equal(&both.pictures[0], &limited.pictures[0]), "the same within %zu bytes", plan.least);
        test_note("%s", e.text);
        sd_close(other);
        sd_free(&both);
        sd_free(&second);
        sd_free(&limited);
    }
}

/* What sampling begins with, and what a sigma sampler ends with. */
static void latents(SdModel *m, Scene *s) {
    draw_scene(s, W, H);
    SdRequest r = request(s, W, H);
    float repaint[W * H / 64], plain[MOST_LATENTS];
    uint8_t blurred[W * H];
    r.sampler = "Euler", r.activation = hear, r.user = s, r.rng = SD_RNG_CPU;
    memcpy(blurred, s->mask, sizeof blurred);
    bool ok = mask_blur(blurred, W, H, 2, 2, NULL) && mask_of_latents(blurred, W, H, repaint, W / 8, H / 8, true, NULL);
    for (int fill = SD_FILL_ORIGINAL; ok && fill <= SD_FILL_NOTHING; fill++) {
        SdResult out = {0};
        Error e = {0};
        r.fill = (SdFill)fill;
        ok = sd_img2img(m, &r, &out, &e) && s->heard == 4 * W * H / 64;
        int painted = 0, wrong = 0, moved = 0;
        for (int i = 0; ok && i < s->heard; i++) {
            bool on = repaint[i % (W * H / 64)] == 1;
            float want = !on || fill == SD_FILL_ORIGINAL ? s->z[i] : fill == SD_FILL_NOISE ? s->noise[i] : 0;
            painted += on, wrong += s->z[i] != want,
                moved += !on && fabsf(s->last[i] - s->z[i]) > 1e-5f * (1 + fabsf(s->z[i]));
        }
        test_check(ok && painted > 16 && painted < s->heard / 2 && !wrong, "fill %d: latents begin with it", fill);
        test_check(ok && !moved, "fill %d: kept latents are at the end what they were", fill);
        test_note("%d painted, %d wrong, %d moved; %s", painted, wrong, moved, e.text);
        if (fill == SD_FILL_ORIGINAL) memcpy(plain, s->z, sizeof plain);
        sd_free(&out);
    }
    SdResult all = {0}, none = {0};
    Error e = {0};
    r.fill = SD_FILL_ORIGINAL, r.activation = NULL;
    memset(s->mask, 255, sizeof s->mask);
    ok = sd_img2img(m, &r, &all, &e);
    r.mask = NULL, r.mask_blur = 4;
    test_check(ok && sd_img2img(m, &r, &none, &e) && equal(all.pictures, none.pictures),
               "a white mask repaints as img2img without one");
    test_note("%s", e.text);
    sd_free(&all);
    sd_free(&none);
}

static void refused(SdModel *m, const SdRequest *r, const char *words) {
    SdResult out = {0};
    Error e = {0};
    test_check(!(r->image ? sd_img2img : sd_txt2img)(m, r, &out, &e) && e.code == ERR_ARGUMENT &&
                   !strncmp(e.text, words, strlen(words)) && !out.count,
               "refused: %s", words);
    test_note("%s", e.text);
    sd_free(&out);
}

static void refusals(SdModel *m, Scene *s) {
    draw_scene(s, W, H);
    SdRequest whole = request(s, W, H), r = whole;
    memset(s->mask, 0, sizeof s->mask);
    refused(m, &r, "mask: keeps the whole picture");
    r.only_masked = true;
    refused(m, &r, "mask: keeps the whole picture");
    draw_scene(s, W, H);
    r.mask_width--;
    refused(m, &r, "mask: is 71x56, and the picture 72x56");
    r = whole, r.mask_width = 0;
    refused(m, &r, "mask: 0x56 is no picture");
    r = whole, r.image = NULL;
    refused(m, &r, "mask: needs an image");
    r = whole, r.mask = NULL, r.mask_blur = 4, r.mask_padding = 5;
    refused(m, &r, "mask-padding: counts only with a mask");
    memset(s->mask, 255, sizeof s->mask);
    r = whole, r.mask_invert = true;
    refused(m, &r, "mask: keeps the whole picture");
}

SUITE(inpaint, .seconds = 4) {
    static Scene s;
    Error e = {0};
    if (!cli_begin() || !make_micro_model(cli_path("inpaint.safetensors"), F32)) return;
    char path[512];
    snprintf(path, sizeof path, "%s", cli_path("inpaint.safetensors"));
    SdModel *m = sd_open(path, &(SdOptions){.threads = 1, .device = getenv("SDC_TEST_DEVICE")}, &e);
    if (!test_check(m != NULL, "the micro model opens: %s", e.text)) return;
    kept_pixels(m, &s);
    batches(m, path, &s);
    latents(m, &s);
    refusals(m, &s);
    sd_close(m);
}
