/* test_image_prompts.c: IP-Adapters: pictures against diffusers' through every tap, of two prompts, of plus and of
 * full; weights, steps, memory, the stand-in; what does not fit is refused by name. */
#include "sd/info/infotext_control.h"
#include "sd/load/control.h"
#include "tensor/gpu.h"
#include "tests/harness/golden.h"
#include "tests/harness/make_adapter.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tools/ledger/generated.h"
#include "tools/ledger/made_model.h"
#include "control_drawn.h"
#include "pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDE = 64, HIGH = 48, SIDE = 64 };

/* --- pictures --- */

static void fill_picture(uint8_t *rgb, int number) {
    char name[16];
    snprintf(name, sizeof name, "hint%d", number);
    for (uint64_t j = 0; j < WIDE * HIGH * 3; j++) rgb[j] = (uint8_t)(gen_mixed(gen_crc(name), j) >> 24);
}

static SdControl prompt_of(SdControlNet *net, const uint8_t *rgb, double weight) {
    return (SdControl){
        .net = net, .image = rgb, .width = WIDE, .height = HIGH, .resize = SD_RESIZE_CROP, .weight = weight, .end = 1};
}

static void against_golden(const char *name, const char *model, const char *file, const char *vision, int count,
                           const double *weights) {
    static uint8_t rgb[2][WIDE * HIGH * 3];
    Error e = {0};
    Golden *g = golden_open(name);
    SdModel *m = sd_open(model, &(SdOptions){.threads = 1, .precision = SD_F32_DIRECT}, &e);
    SdControlNet *net = sd_open_ip_adapter(file, vision, m, &e);
    SdControl controls[2];
    SdRequest r = pipeline_request("Euler", 42, SIDE, SIDE);
    SdResult out = {0};
    GoldenHeard h = {.golden = g};
    char tap[160];
    int stored = 0;
    for (int i = 0; i < count; i++) {
        fill_picture(rgb[i], i);
        controls[i] = prompt_of(net, rgb[i], weights[i]);
    }
    r.steps = 3, r.controls = controls, r.control_count = count;
    r.activation = golden_hear, r.user = &h;
    bool ok = g && !e.code && sd_txt2img(m, &r, &out, &e);
    for (const char *at = NULL; g && golden_next(g, &at, tap);) stored++;
    test_check(ok && stored && h.heard == stored, "%s: all that the golden has is tapped", name);
    test_note("%d of %d; %s", h.heard, stored, e.text);
    sd_free(&out);
    sd_close_control(net);
    sd_close(m);
    golden_close(g);
}

/* --- memory and requests --- */

static ControlDrawn draw(const char *model, SdOptions o, const char *file, const char *vision,
                         void (*change)(SdRequest *r, SdControl *c)) {
    static uint8_t rgb[WIDE * HIGH * 3];
    Error e = {0};
    o.threads = 1;
    SdModel *m = sd_open(model, &o, &e);
    SdControlNet *net = file && m ? sd_open_ip_adapter(file, vision, m, &e) : NULL;
    fill_picture(rgb, 0);
    return control_drawn(m, net, prompt_of(net, rgb, 1), change, &e);
}

static void two_pictures(SdRequest *r, SdControl *c) { (void)c, r->batch_size = 2; }
static void without_weight(SdRequest *r, SdControl *c) { (void)r, c->weight = 0; }
static void too_late(SdRequest *r, SdControl *c) { (void)r, c->start = c->end = 1; }
static void half_of_six(SdRequest *r, SdControl *c) { r->steps = 6, c->end = 0.5; }
static void six(SdRequest *r, SdControl *c) { (void)c, r->steps = 6; }
static void by_edges(SdRequest *r, SdControl *c) { (void)r, c->hint = SD_HINT_CANNY; }
static void narrow(SdRequest *r, SdControl *c) {
    static const uint8_t LINE[20000 * 3] = {1};
    (void)r, c->image = LINE, c->width = 1, c->height = 20000;
}
static void unguided(SdRequest *r, SdControl *c) { (void)c, r->cfg = 1; }
static void unguided_bare(SdRequest *r, SdControl *c) { (void)c, r->cfg = 1, r->control_count = 0; }

static void requests(const char *model, const char *file, const char *vision) {
    ControlDrawn want = draw(model, (SdOptions){0}, file, vision, NULL),
                 bare = draw(model, (SdOptions){0}, NULL, NULL, NULL);
    test_check(want.ok && bare.ok && !control_drawn_same(&want, &bare), "an image prompt changes the picture");
    test_note("%s", want.text);
    ControlDrawn none = draw(model, (SdOptions){0}, file, vision, without_weight);
    ControlDrawn late = draw(model, (SdOptions){0}, file, vision, too_late);
    test_check(control_drawn_same(&bare, &none) && control_drawn_same(&bare, &late),
               "of no weight, or never at work, it does not");
    ControlDrawn plain = draw(model, (SdOptions){0}, file, vision, unguided);
    ControlDrawn plain_bare = draw(model, (SdOptions){0}, file, vision, unguided_bare);
    test_check(plain.ok && plain_bare.ok && !control_drawn_same(&plain, &plain_bare),
               "nor does it need a negative prompt");
    ControlDrawn two = draw(model, (SdOptions){0}, file, vision, two_pictures);
    test_check(control_drawn_same(&want, &two), "the first of two pictures is the one alone");
    ControlDrawn small = draw(model, (SdOptions){.memory_limit = want.plan.least}, file, vision, NULL);
    test_check(control_drawn_same(&want, &small) && small.plan.streamed, "the least memory: the same picture");
    test_note("%s", small.ok ? "another picture" : small.text);
    ControlDrawn half = draw(model, (SdOptions){0}, file, vision, half_of_six),
                 all = draw(model, (SdOptions){0}, file, vision, six);
    test_check(half.ok && all.ok && !control_drawn_same(&half, &all), "an end before the last step is another picture");
    if (gpu_count() && half.exact) {
        ControlDrawn gpu = draw(model, (SdOptions){.device = "cuda"}, file, vision, half_of_six);
        test_check(control_drawn_same(&half, &gpu), "a GPU draws the same picture");
        test_note("%s", gpu.ok ? "another picture" : gpu.text);
    }
    ControlDrawn line = draw(model, (SdOptions){0}, file, vision, narrow); /* is scaled to 28 x 560000 */
    test_check(line.ok && line.plan.process > want.plan.process + (16 << 20),
               "the plan counts what a narrow picture is scaled to");
    test_note("%zu bytes, usually %zu; %s", line.plan.process, want.plan.process, line.text);
    ControlDrawn edges = draw(model, (SdOptions){0}, file, vision, by_edges);
    test_check(!edges.ok && strstr(edges.text, "takes its picture as it is"), "no hint is made of it");
    InfoRead read = {0};
    Error e = {0};
    SdControl c = {.mode = SD_CONTROL_MORE};
    char title[280];
    bool prompt = false, ok = infotext_read(want.text, &read, &e) && infotext_control(&read, 0, &c, title, &prompt, &e);
    test_check(ok && prompt && c.weight == 1 && c.mode == SD_CONTROL_BALANCED && !strncmp(title, "adapter [", 9),
               "its text is read back");
    test_note("%s; %s", want.text, e.text);
    infotext_read_free(&read);
}

static void misfits(const char *model, const char *file, const char *vision) {
    char path[1024];
    MadeAdapter bad[] = {{.config = micro_sdxl_config()},
                         {.config = micro_config(), .lacks = "ip_adapter.3.to_v_ip.weight"},
                         {.config = micro_config(), .plus = true, .lacks = "image_proj.norm_out.bias"},
                         {.config = micro_config(), .more = "ip_adapter.1.to_q_lora.down.weight"},
                         {.config = micro_config(), .more = "ip_adapter.1.to_x_ip.weight"}};
    const char *const says[] = {"is an IP-Adapter of", "ip_adapter.3.to_v_ip.weight is missing",
                                "image_proj.norm_out.bias is missing", "is an IP-Adapter FaceID",
                                "it has ip_adapter.1.to_x_ip.weight; use base, plus or full"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(path, sizeof path, "%s", test_path("misfit.safetensors"));
        make_adapter(path, bad[i]);
        ControlDrawn d = draw(model, (SdOptions){0}, path, vision, NULL);
        test_check(!d.ok && strstr(d.text, says[i]), "refused: %s", says[i]);
        test_note("%s", d.text);
    }
    ControlDrawn swapped = draw(model, (SdOptions){0}, vision, file, NULL);
    test_check(!swapped.ok && strstr(swapped.text, "image_encoder"), "files the wrong way round are told");
    test_note("%s", swapped.text);
    Error e = {0};
    SdModel *m = sd_open(model, NULL, &e);
    test_check(m && !sd_open_control(file, m, &e) && strstr(e.text, "is an IP-Adapter"), "it is no ControlNet");
    test_note("%s", e.text);
    sd_close(m);
}

/* An MLP over all of the encoder's states. */
static void full(const char *model, const char *vision) {
    char file[1024];
    snprintf(file, sizeof file, "%s", test_path("full.safetensors"));
    make_adapter(file, (MadeAdapter){.config = micro_config(), .full = true});
    against_golden("micro_image_full", model, file, vision, 1, (const double[]){0.6});
}

/* --- once for several drawings --- */

static bool hear_nothing(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    return (void)user, (void)name, (void)nd, (void)n, (void)values, true;
}

/* Draws; the picture goes to *out. */
static bool draw_one(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    sd_free(out);
    return sd_txt2img(m, r, out, e);
}

static bool same_bytes(const SdResult *a, const SdResult *b) {
    const SdPicture *p = a->pictures, *q = b->pictures;
    return a->count == 1 && b->count == 1 && p->width == q->width && p->height == q->height &&
           !memcmp(p->rgb, q->rgb, (size_t)p->width * (size_t)p->height * 3);
}

/* Hires fix looks at a picture once, and calls that keep the weights read a text once: the same bits. */
static void once(const char *model, const char *vision, const char *file) {
    Error e = {0};
    uint8_t rgb[CONTROL_SIDE * CONTROL_SIDE * 3];
    SdResult first = {0}, again = {0};
    SdModel *m = sd_open(model, NULL, &e);
    SdControlNet *net = m ? sd_open_ip_adapter(file, vision, m, &e) : NULL;
    if (!test_check(net != NULL, "the adapter opens: %s", e.text)) {
        sd_close(m);
        return;
    }
    fill_hint(rgb, 0);
    SdControl k = control_of(net, rgb);
    SdRequest r = sd_request(m);
    r.prompt = "a (cat:1.2) AND a dog", r.negative = "blurry", r.seed = 3, r.steps = 1, r.strength = 0.5;
    r.width = r.height = 32, r.hires_scale = 1.5, r.controls = &k, r.control_count = 1;
    const KeptValues *seen = &net->m.made, *texts = &m->made;
    test_check(draw_one(m, &r, &first, &e) && seen->missed == 1 && seen->found == 1 && !seen->count,
               "hires fix looks at its picture once, and nothing of it stays: %s", e.text);
    r.activation = hear_nothing; /* all is computed */
    test_check(draw_one(m, &r, &again, &e) && seen->missed == 1 && same_bytes(&first, &again), "and has the same bits");
    r.activation = NULL, r.keep = true;
    int64_t before = texts->missed;
    bool ok = draw_one(m, &r, &again, &e) && same_bytes(&first, &again);
    test_check(ok && texts->missed == before + 3 && texts->found == 3, "three texts are read for both passes");
    ok = draw_one(m, &r, &again, &e) && same_bytes(&first, &again);
    test_check(ok && texts->missed == before + 3 && texts->found == 9 && seen->missed == 2,
               "a call after one that kept them reads none");
    r.prompt = "a (cat:1.3) AND a dog";
    ok = draw_one(m, &r, &again, &e);
    test_check(ok && texts->missed == before + 4 && !same_bytes(&first, &again), "another weight is another text");
    r.prompt = "a (cat:1.2) AND a dog", r.emphasis = SD_EMPHASIS_NO_NORM;
    ok = draw_one(m, &r, &again, &e);
    test_check(ok && texts->missed == before + 7, "another mode reads all of them anew");
    rgb[0] ^= 255, r.emphasis = SD_EMPHASIS_ORIGINAL;
    ok = draw_one(m, &r, &again, &e);
    test_check(ok && seen->missed == 3 && texts->missed == before + 7, "another picture is looked at");
    r.keep = false;
    ok = draw_one(m, &r, &again, &e);
    test_check(ok && !texts->count && !seen->count, "what keeps nothing leaves nothing: %s", e.text);
    sd_free(&first), sd_free(&again);
    sd_close_control(net);
    sd_close(m);
}

SUITE(image_prompts, .seconds = 3, .blas = true) {
    char model[1024], file[1024], vision[1024];
    make_vision(vision);
    for (int plus = 1; plus >= 0; plus--) {
        SdConfig k = plus ? micro_sdxl_config() : micro_config();
        snprintf(model, sizeof model, "%s", test_path("image_model.safetensors"));
        snprintf(file, sizeof file, "%s", test_path("adapter.safetensors"));
        test_check(make_model_of(model, (MakeModel){.dtype = F32}, k), "a model is written");
        make_adapter(file, (MadeAdapter){.config = k, .plus = plus});
        const double weights[2][2] = {{0.8, 0.5}, {0.7}};
        against_golden(plus ? "micro_image_plus" : "micro_image_two", model, file, vision, plus ? 1 : 2, weights[plus]);
    }
    full(model, vision);
    requests(model, file, vision);
    misfits(model, file, vision);
    once(model, vision, file);
}
