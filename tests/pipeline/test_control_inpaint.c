/* test_control_inpaint.c: what ControlNets see of an inpainting: the picture without what is repainted, against
 * diffusers' pipeline, and the masked part alone, against the webui's cut (tools/goldens/micro_control_inpaint.py); the
 * same by tiles and windows; what is refused, and what texts say. */
#include "control_files.h"
#include "pipeline.h"
#include "tests/harness/cli.h"
#include "tests/harness/golden.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tools/ledger/generated.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = CONTROL_SIDE, WIDE = 72, HIGH = 56, HINT_W = 31, HINT_H = 27, MOST = WIDE * SIDE };

typedef struct {
    uint8_t rgb[MOST * 3], mask[MOST], hint[HINT_W * HINT_H * 3];
} Scene;

/* Bytes of tools/goldens/values.py, channels last. */
static void make_pixels(const char *name, uint8_t *rgb, int w, int h) {
    const uint32_t crc = gen_crc(name);
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < w * h; i++) rgb[i * 3 + c] = (uint8_t)(gen_mixed(crc, (uint64_t)(c * w * h + i)) >> 24);
}

static void make_mask(uint8_t *mask, int w, int h, int left, int top, int right, int bottom) {
    for (int i = 0; i < w * h; i++)
        mask[i] = i % w >= left && i % w < right && i / w >= top && i / w < bottom ? 255 : 0;
}

static SdRequest request(Scene *s, bool part) {
    SdRequest r = pipeline_request("Euler", 42, SIDE, SIDE);
    const int w = part ? WIDE : SIDE, h = part ? HIGH : SIDE;
    make_pixels(part ? "part.pixels" : "micro.pixels", s->rgb, w, h);
    if (part) make_mask(s->mask, w, h, 20, 15, 40, 35);
    else make_mask(s->mask, w, h, 16, 24, 40, 56);
    r.image = s->rgb, r.image_width = w, r.image_height = h, r.mask = s->mask, r.mask_width = w, r.mask_height = h;
    r.mask_blur = 0, r.encode = SD_ENCODE_MEAN, r.strength = 0.8, r.fill = SD_FILL_ORIGINAL;
    r.only_masked = part;
    if (part) r.mask_padding = 3, r.steps = 5;
    else r.steps = 4, r.strength_steps = SD_STEPS_DIFFUSERS;
    return r;
}

/* --- goldens --- */

typedef struct {
    const Golden *golden;
    const char *prefix, *last; /* the tap that is the golden's "latents" */
    int seen;
} Held;

static bool hold(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    Held *h = user;
    char at[80];
    snprintf(at, sizeof at, "%s.%s", h->prefix, !strcmp(name, h->last) ? "latents" : name);
    if (!golden_has(h->golden, at)) return true;
    golden_check(h->golden, at, values, nd, n, at);
    h->seen++;
    return true;
}

static void check_golden(SdModel *m, const Golden *golden, SdRequest r, const SdControl *c, bool part) {
    Held h = {golden, part ? "part" : "inpaint", part ? "latents.step004" : "latents.step002", 0};
    SdResult out = {0};
    Error e = {0};
    r.controls = c, r.control_count = 1, r.activation = hold, r.user = &h;
    const bool ok = golden && sd_img2img(m, &r, &out, &e);
    test_check(ok && h.seen == (part ? 3 : 5), "%s: all of the golden is seen", h.prefix);
    test_note("%d seen; %s", h.seen, e.text);
    sd_free(&out);
}

static void check_goldens(SdModel *m, SdControlNet *net, Scene *s) {
    Golden *golden = golden_open("micro_control_inpaint");
    const uint32_t crc = gen_crc("hint0");
    SdRequest r = request(s, false);
    SdControl c = {.net = net, .hint = SD_HINT_INPAINT, .weight = 0.9, .end = 1};
    check_golden(m, golden, r, &c, false);
    c.image = s->rgb, c.mask = s->mask, c.width = c.height = SIDE;
    check_golden(m, golden, r, &c, false); /* the same picture as one of its own */
    for (uint64_t i = 0; i < sizeof s->hint; i++) s->hint[i] = (uint8_t)(gen_mixed(crc, i) >> 24);
    c = (SdControl){.net = net, .image = s->hint, .width = HINT_W, .height = HINT_H, .weight = 0.9, .end = 1};
    c.resize = SD_RESIZE_CROP;
    r = request(s, true);
    check_golden(m, golden, r, &c, true);
    golden_close(golden);
}

/* --- the same in other ways --- */

static bool drawn(SdModel *m, const SdRequest *r, const SdControl *c, SdResult *out, Error *e) {
    SdRequest own = *r;
    own.controls = c, own.control_count = c != NULL;
    *out = (SdResult){0};
    return r->image ? sd_img2img(m, &own, out, e) : sd_txt2img(m, &own, out, e);
}

/* Whether two requests with controls make the same pictures. */
static bool same(SdModel *m, const SdRequest *a, const SdControl *ca, SdModel *n, const SdRequest *b,
                 const SdControl *cb) {
    SdResult one = {0}, two = {0};
    Error e = {0};
    bool is = drawn(m, a, ca, &one, &e) && drawn(n, b, cb, &two, &e);
    test_note("%s", e.text);
    for (int i = 0; is && i < one.count && i < two.count; i++)
        is = pipeline_same_picture(&one.pictures[i], &two.pictures[i]);
    is = is && one.count == two.count && one.count;
    sd_free(&one);
    sd_free(&two);
    return is;
}

/* The request's picture, and the same as the control's own, in the way that r draws. */
static void by_both(SdModel *m, SdControlNet *net, const SdRequest *r, const char *what) {
    const SdControl c = {.net = net, .hint = SD_HINT_INPAINT, .weight = 2, .end = 1},
                    without = {.net = net,
                               .image = r->image,
                               .width = r->image_width,
                               .height = r->image_height,
                               .weight = 2,
                               .end = 1};
    SdControl own = without;
    own.hint = SD_HINT_INPAINT, own.mask = r->mask;
    test_check(same(m, r, &c, m, r, &own), "%s: the request's picture, or the same of its own", what);
    test_check(!same(m, r, &c, m, r, &without), "%s: with the picture whole it is another", what);
}

static void check_ways(SdModel *m, const char *path, const char *file, SdControlNet *net, Scene *s) {
    Error e = {0};
    SdPlan plan = {0};
    SdRequest r = request(s, false);
    r.steps = 2, r.batch_size = 2, r.mask_blur = 0;
    by_both(m, net, &r, "a batch");
    SdControl c = {.net = net, .hint = SD_HINT_INPAINT, .weight = 2, .end = 1}, other = c;
    SdRequest planned = r;
    planned.controls = &c, planned.control_count = 1;
    bool ok = sd_plan(m, &planned, &plan, &e);
    SdModel *small =
        ok ? sd_open(path, &(SdOptions){.memory_limit = plan.least, .threads = 1, .precision = SD_F32_DIRECT}, &e)
           : NULL;
    other.net = small ? sd_open_control(file, small, &e) : NULL;
    test_check(other.net && same(m, &r, &c, small, &r, &other), "the same in the least memory");
    test_note("%zu of %zu; %s", plan.least, plan.process, e.text);
    sd_close_control(other.net);
    sd_close(small);
    r.batch_size = 1, r.only_masked = true, r.mask_padding = 4, r.fill = SD_FILL_FILL;
    by_both(m, net, &r, "the masked part, filled");
    r = request(s, true);
    r.only_masked = false, r.steps = 2, r.width = 64, r.height = 48;
    r.sd_upscale = 1, r.sd_upscale_upscaler = "None", r.sd_upscale_overlap = 16, r.batch_size = 2;
    by_both(m, net, &r, "tiles");
}

/* What is hidden has no say, wherever it is among windows; what is not, has. */
static void check_hidden(SdModel *m, SdControlNet *net, Scene *s) {
    static const int AT[] = {52, 10}; /* the first of the second window's left half */
    SdRequest r = pipeline_request("Euler", 42, 192, 128);
    static uint8_t other[MOST * 3];
    r.steps = 1, r.tiled_diffusion = SD_TILED_MULTIDIFFUSION, r.tile_width = r.tile_height = 16, r.tile_overlap = 8;
    make_pixels("part.pixels", s->rgb, WIDE, HIGH);
    make_mask(s->mask, WIDE, HIGH, 40, 30, 72, 56);
    SdControl c = {
        .net = net, .hint = SD_HINT_INPAINT, .image = s->rgb, .mask = s->mask, .width = WIDE, .height = HIGH};
    c.weight = 2, c.end = 1;
    for (int i = 0; i < 2; i++) {
        SdControl k = c;
        memcpy(other, s->rgb, sizeof other);
        memset(other + 3 * (50 * WIDE + AT[i]), 255 - other[3 * (50 * WIDE + AT[i])], 3); /* far from the mask's edge */
        k.image = other;
        test_check(same(m, &r, &c, m, &r, &k) == !i, "windows: a pixel that is %s", i ? "shown" : "hidden");
    }
}

/* Black to a union, which is told that it repaints. */
static void check_union(Scene *s) {
    char model[1024], file[1024];
    static uint8_t black[MOST * 3];
    Error e = {0};
    snprintf(model, sizeof model, "%s", test_path("inpaint-xl.safetensors"));
    snprintf(file, sizeof file, "%s", test_path("inpaint-union"));
    make_control(file, (ControlFile){.config = micro_sdxl_config(), .kinds = 8});
    SdModel *m = make_model_of(model, (MakeModel){.dtype = F32}, micro_sdxl_config()) ? sd_open(model, NULL, &e) : NULL;
    SdControlNet *net = m ? sd_open_control(file, m, &e) : NULL;
    if (test_check(net != NULL, "a union")) {
        SdRequest r = request(s, false);
        r.steps = 1, r.strength = 1;
        memcpy(black, s->rgb, sizeof black);
        for (int i = 0; i < SIDE * SIDE; i++)
            if (s->mask[i]) memset(black + 3 * i, 0, 3);
        SdControl c = {.net = net, .hint = SD_HINT_INPAINT, .weight = 1, .end = 1}, shown = c;
        shown.hint = SD_HINT_NONE, shown.kind = SD_KIND_INPAINT, shown.image = black;
        shown.width = shown.height = SIDE;
        test_check(same(m, &r, &c, m, &r, &shown), "to a union what is repainted is black");
    }
    test_note("%s", e.text);
    sd_close_control(net);
    sd_close(m);
}

/* --- what is refused, and what texts say --- */

static void check_refusals(SdModel *m, SdControlNet *net, Scene *s) {
    const SdControl inpaint = {.net = net, .hint = SD_HINT_INPAINT, .weight = 1, .end = 1};
    const struct {
        const char *words;
        bool image, mask, own, own_mask;
        SdHint hint;
    } WRONG[] = {
        {"control 0: the hint inpaint is made of a picture and its mask", true, false, false, false, SD_HINT_INPAINT},
        {"control 0: the hint inpaint is made of a picture and its mask", false, false, false, false, SD_HINT_INPAINT},
        {"control 0: the hint inpaint needs a mask of its picture", true, true, true, false, SD_HINT_INPAINT},
        {"control 0: needs a picture of 1 to 16 million pixels", true, true, false, true, SD_HINT_INPAINT},
        {"control 0: its mask counts only with the hint inpaint", true, true, true, true, SD_HINT_CANNY},
        {"control 0: needs a picture of 1 to 16 million pixels", true, true, false, false, SD_HINT_CANNY},
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        SdRequest r = request(s, false);
        SdControl c = inpaint;
        SdResult out = {0};
        Error e = {0};
        c.hint = WRONG[i].hint;
        if (!WRONG[i].image) r.image = NULL, r.strength = 0.75, r.strength_steps = SD_STEPS_WEBUI;
        if (!WRONG[i].mask) r.mask = NULL, r.mask_blur = 4;
        if (WRONG[i].own) c.image = s->rgb, c.width = c.height = SIDE;
        if (WRONG[i].own_mask) c.mask = s->mask;
        test_check(!drawn(m, &r, &c, &out, &e) && e.code == ERR_ARGUMENT && strstr(e.text, WRONG[i].words),
                   "refused: %s", WRONG[i].words);
        test_note("%s", e.text);
        sd_free(&out);
    }
}

static void check_program(const char *model, const char *file, Scene *s) {
#define ASK "-m '%s' -p 'a cat' --steps 1 --seed 3 -q "
    Error e = {0};
    uint8_t rgb[SIDE * SIDE * 3];
    if (!test_check(cli_begin(), "the program is there")) return;
    (void)request(s, false);
    for (int i = 0; i < SIDE * SIDE * 3; i++) rgb[i] = s->mask[i / 3];
    const SdPicture from = {.rgb = s->rgb, .width = SIDE, .height = SIDE},
                    mask = {.rgb = rgb, .width = SIDE, .height = SIDE};
    test_check(sd_save_png(&from, cli_path("from.png"), &e) && sd_save_png(&mask, cli_path("mask.png"), &e),
               "pictures");
    cli_works("", "img2img " ASK "-i from.png --mask mask.png --mask-blur 0 --control '%s'::hint=inpaint -o a.png",
              model, file);
    cli_works("Module: inpaint_global_harmonious, Model: ", "png-info a.png");
    cli_works("a.png: equal", "replay a.png -m '%s' -i from.png --mask mask.png --control '%s': -q", model, file);
    cli_works("",
              "img2img " ASK "-i from.png --mask mask.png --mask-blur 0 --only-masked -o b.png "
              "--control '%s':from.png:hint=inpaint:mask=mask.png",
              model, file);
    cli_works("b.png: equal",
              "replay b.png -m '%s' -i from.png --mask mask.png --control '%s':from.png:mask=mask.png -q", model, file);
    cli_works("", "txt2img " ASK "-W 64 -H 64 --control '%s':from.png:hint=inpaint:mask=mask.png -o c.png", model,
              file);
    cli_works("c.png: equal", "replay c.png -m '%s' --control '%s':from.png:mask=mask.png -q", model, file);
    cli_fails(2, "--control: hint=inpaint needs img2img with --mask", "txt2img " ASK "--control '%s'::hint=inpaint",
              model, file);
    cli_fails(2, "--control: hint=inpaint needs mask=FILE", "txt2img " ASK "--control '%s':from.png:hint=inpaint",
              model, file);
    cli_fails(2, "--control: hint=inpaint needs IMAGE", "txt2img " ASK "--control '%s'::hint=inpaint:mask=mask.png",
              model, file);
    cli_fails(2, "--control: mask counts only with hint=inpaint",
              "txt2img " ASK "--control '%s':from.png:mask=mask.png", model, file);
    cli_fails(2, "must be FILE:IMAGE", "txt2img " ASK "--control '%s':", model, file);
    cli_fails(2, "--control: resize counts with a picture of its own",
              "img2img " ASK "-i from.png --mask mask.png --control '%s'::hint=inpaint:resize=fill", model, file);
    cli_works("", "txt2img -p x --steps 1 --seed 1 -W 32 -H 32 -q -o small.png");
    cli_fails(2, "small.png: is 32 x 32, and the picture that it is the mask of 64 x 64",
              "txt2img " ASK "-W 64 -H 64 --control '%s':from.png:hint=inpaint:mask=small.png", model, file);
}

SUITE(control_inpaint, .seconds = 6) {
    static Scene s;
    char model[1024], file[1024];
    Error e = {0};
    snprintf(model, sizeof model, "%s", test_path("micro.safetensors"));
    snprintf(file, sizeof file, "%s", test_path("inpaint-control"));
    make_control(file, (ControlFile){.config = micro_config(), .prefix = ""});
    SdModel *m = make_micro_model(model, F32) ? sd_open(model, &(SdOptions){.precision = SD_F32_DIRECT}, &e) : NULL;
    SdControlNet *net = m ? sd_open_control(file, m, &e) : NULL;
    if (test_check(net != NULL, "a model and a ControlNet")) {
        check_goldens(m, net, &s);
        check_ways(m, model, file, net, &s);
        check_hidden(m, net, &s);
        check_union(&s);
        check_refusals(m, net, &s);
        check_program(model, file, &s);
    }
    test_note("%s", e.text);
    sd_close_control(net);
    sd_close(m);
}
