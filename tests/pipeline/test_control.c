/* test_control.c: ControlNets: the published known answer; pictures against diffusers' ControlNetModel through every
 * tap; every layout of a file, mode of memory and way to ask; what does not fit is refused by name. */
#include "sd/info/infotext_control.h"
#include "sd/load/control.h"
#include "sd/models/controlnet.h"
#include "tensor/gpu.h"
#include "tests/harness/golden.h"
#include "tests/harness/make_model.h"
#include "tests/harness/planned.h"
#include "tests/harness/test.h"
#include "tools/ledger/generated.h"
#include "tools/ledger/made_model.h"
#include "weights/formats/names.h"
#include "control_drawn.h"
#include "pipeline.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- the known answer: cldm's code on a tiny network, as printed --- */

typedef struct {
    Unet unet;
    Controlnet net;
    Tensor hint;
} Pair;

static void add_map(void *user, Ctx *c, int i, Tensor map) { op_accumulate(c, map, ((Tensor *)user)[i], 1); }

/* What each trunk makes of time and text. */
static void made(Ctx *c, const Unet *u, const Tensor *in, Tensor *shifts, Tensor *kv) {
    *shifts = tensor_new(c, 2, SHAPE(1, u->time_shifts));
    *kv = tensor_new(c, 3, SHAPE(1, in[2].n[1], u->cross_kv));
    unet_time_shifts(c, *shifts, u, in[1], NULL, NULL);
    unet_cross_kv(c, *kv, u, in[2]);
}

static void forward_pair(Ctx *c, const void *network, Tensor out, const Tensor *in) {
    const Pair *p = network;
    int64_t shapes[MAX_CONTROL_MAPS][4];
    float scales[MAX_CONTROL_MAPS];
    Tensor maps[MAX_CONTROL_MAPS], shifts[2], kv[2];
    size_t scope = scope_begin(c);
    made(c, &p->unet, in, &shifts[0], &kv[0]);
    made(c, &p->net.trunk, in, &shifts[1], &kv[1]);
    Tensor guide = tensor_new(c, 4, SHAPE(1, in[0].n[1], in[0].n[2], p->unet.config.channels));
    controlnet_hint(c, guide, &p->net, in[3], 0);
    controlnet_shapes(&p->net, in[0], shapes);
    for (int i = 0; i < controlnet_maps(&p->net); i++) maps[i] = tensor_new(c, 4, shapes[i]), scales[i] = 1;
    ControlnetInput with = {.x = in[0], .time_shifts = shifts[1], .cross_kv = kv[1], .guide = guide, .scales = scales};
    controlnet_forward(c, maps, false, &p->net, &with);
    UnetHook hook = {.add = add_map, .user = maps};
    unet_forward(c, out, &p->unet,
                 &(UnetInput){.x = in[0], .time_shifts = shifts[0], .cross_kv = kv[0], .hook = &hook});
    scope_end(c, scope);
}

static Tensor tensor_of(int nd, const int64_t *n) {
    Tensor t = tensor_view(NULL, F32, nd, n);
    t.data = malloc(tensor_bytes(t));
    if (!t.data) abort();
    return t;
}

/* In torch's order to channels last. */
static Tensor input(const char *name, int64_t h, int64_t w, int64_t channels, double scale, double mean) {
    Tensor flat = tensor_of(4, SHAPE(1, h, w, channels)), t = tensor_of(4, flat.n);
    gen_input(flat.data, name, tensor_count(flat), scale, mean);
    to_channels_last(t.data, flat.data, 1, channels, h * w);
    free(flat.data);
    return t;
}

static void known_answer(void) {
    static const double FIRST[] = {-0.010505, 0.015942,  -0.468607, -0.587569, 0.106747,
                                   -0.522489, -0.366813, -0.437924, 0.513445,  0.443029};
    UnetConfig k = {.in_channels = 4,
                    .out_channels = 4,
                    .channels = 32,
                    .levels = 2,
                    .mult = {1, 2},
                    .res_blocks = 1,
                    .depth = {1, 1},
                    .middle_depth = 1,
                    .heads = 2,
                    .context = 8,
                    .groups = 32};
    ControlnetConfig own = {.unet = k, .hint_levels = 4, .hint = {16, 32, 96, 256}};
    Error e = {0};
    WeightList l[2] = {{.err = &e, .path = "model.diffusion_model."}, {.err = &e, .path = "control_model."}};
    Pair p;
    const Ops *tables[4];
    int count = cpu_ops_list(tables, 4);
    bool ok = unet_bind(&p.unet, &k, &l[0]) && controlnet_bind(&p.net, &own, &l[1]) && gen_fill_all(&l[0], F32) &&
              gen_fill_all(&l[1], F32);
    test_check(ok, "a tiny ControlNet is made");
    Tensor in[4] = {input("x", 8, 8, 4, 1, 0), tensor_of(1, SHAPE(1)), tensor_of(3, SHAPE(1, 5, 8)),
                    input("hint", 64, 64, 3, 1 / 6.0, 0.5)};
    Tensor out = tensor_of(4, in[0].n);
    ((float *)in[1].data)[0] = 500;
    gen_input(in[2].data, "context", tensor_count(in[2]), 1, 0);
    for (int t = 0; ok && t < count; t++) {
        double worst = 0;
        float v[8 * 8 * 4];
        if (!run_planned("a tiny ControlNet", tables[t], 1 << 20, forward_pair, &p, out, in)) continue;
        to_channels_first(v, out.data, 1, 4, 64);
        for (int i = 0; i < 10; i++) worst = fmax(worst, fabs((double)v[i < 8 ? i : 256 - 10 + i] - FIRST[i]));
        test_check(worst <= 6e-6, "a U-Net with a ControlNet is the known answer on %s", tables[t]->name);
        test_note("largest difference %.2e", worst);
    }
    for (int i = 0; i < 4; i++) free(in[i].data);
    free(out.data);
    for (int i = 0; i < 2; i++) gen_free_all(&l[i]), weight_list_free(&l[i]);
    unet_free(&p.unet);
    controlnet_free(&p.net);
}

enum { SIDE = CONTROL_SIDE };

static const ControlCase CASES[] = {
    {"micro_control_two", micro_config, 2, {0.8, 0.6}, SD_CONTROL_BALANCED, .rank = 0},
    {"micro_control_more", micro_config, 1, {0.9}, SD_CONTROL_MORE, .rank = 0},
    {"micro_control_sdxl", micro_sdxl_config, 1, {0.7}, SD_CONTROL_BALANCED, .rank = 0},
    {"micro_control_adapter", micro_config, 1, {0.8}, SD_CONTROL_BALANCED, .adapter = {8, 3, false}},
};

/* --- files, memory and requests --- */

/* Two steps of a request with the control of this file; the plan is of this request. */
static ControlDrawn draw(const char *model, SdOptions o, const char *file, void (*change)(SdRequest *r, SdControl *c)) {
    static uint8_t rgb[SIDE * SIDE * 3];
    Error e = {0};
    o.threads = 1;
    SdModel *m = sd_open(model, &o, &e);
    SdControlNet *net = file && m ? sd_open_control(file, m, &e) : NULL;
    fill_hint(rgb, 0);
    return control_drawn(m, net, control_of(net, rgb), change, &e);
}

static void two_pictures(SdRequest *r, SdControl *c) { (void)c, r->batch_size = 2; }
static void without_weight(SdRequest *r, SdControl *c) { (void)r, c->weight = 0; }
static void too_late(SdRequest *r, SdControl *c) { (void)r, c->start = c->end = 1; }
static void first_half(SdRequest *r, SdControl *c) { r->steps = 5, c->end = 0.2; }
static void five_steps(SdRequest *r, SdControl *c) { (void)c, r->steps = 5; }
static void prompts_mode(SdRequest *r, SdControl *c) { (void)r, c->mode = SD_CONTROL_PROMPT; }
static void by_edges(SdRequest *r, SdControl *c) { (void)r, c->hint = SD_HINT_CANNY; }
static void dark(SdRequest *r, SdControl *c) {
    static const uint8_t BLACK[SIDE * SIDE * 3] = {0}; /* which has no edges */
    (void)r, c->image = BLACK;
}
static void dark_edges(SdRequest *r, SdControl *c) { dark(r, c), c->hint = SD_HINT_CANNY; }
static void dark_twice(SdRequest *r, SdControl *c) { dark(r, c), r->hires_scale = 1.5; }
static void dark_edges_twice(SdRequest *r, SdControl *c) { dark_edges(r, c), r->hires_scale = 1.5; }
static void no_threshold(SdRequest *r, SdControl *c) { (void)r, c->low = 50; }
static void too_heavy(SdRequest *r, SdControl *c) { (void)r, c->weight = 2.5; }
static void backwards(SdRequest *r, SdControl *c) { (void)r, c->start = 0.6, c->end = 0.5; }
static void no_picture(SdRequest *r, SdControl *c) { (void)r, c->image = NULL; }
static void the_same_twice(SdRequest *r, SdControl *c) {
    static SdControl both[2];
    both[0] = both[1] = *c;
    r->controls = both, r->control_count = 2;
}

static void layouts(const char *model, const ControlDrawn *want) {
    char folder[1024], path[1200];
    SdConfig k = micro_config();
    const struct { const char *name, *prefix; } FILES[] = {{"bare.safetensors", ""}, {"diffusers.safetensors", NULL}};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s", test_path(FILES[i].name));
        make_control(path, (ControlFile){.config = k, .prefix = FILES[i].prefix});
        ControlDrawn d = draw(model, (SdOptions){0}, path, NULL);
        test_check(control_drawn_same(want, &d), "%s draws the same picture", FILES[i].name);
        test_note("%s", d.ok ? "another picture" : d.text);
    }
    snprintf(folder, sizeof folder, "%s", test_path("control_folder"));
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/diffusion_pytorch_model.safetensors", folder);
    make_control(path, (ControlFile){.config = k});
    ControlDrawn d = draw(model, (SdOptions){0}, folder, NULL);
    test_check(control_drawn_same(want, &d), "a folder draws the same picture");
    test_note("%s", d.ok ? "another picture" : d.text);
}

static void memory(const char *model, const char *file, const ControlDrawn *want) {
    ControlDrawn two = draw(model, (SdOptions){0}, file, two_pictures);
    test_check(control_drawn_same(want, &two) && memcmp(two.rgb[0], two.rgb[1], sizeof two.rgb[0]),
               "the first of two pictures is the one alone");
    ControlDrawn small = draw(model, (SdOptions){.memory_limit = want->plan.least}, file, NULL);
    test_check(control_drawn_same(want, &small) && small.plan.streamed,
               "the least memory: streamed weights, the same picture");
    test_note("%s", small.ok ? "another picture" : small.text);
    ControlDrawn none = draw(model, (SdOptions){.memory_limit = want->plan.least - 1}, file, NULL);
    test_check(!none.ok && strstr(none.text, "memory"), "less is refused");
    ControlDrawn bare = draw(model, (SdOptions){0}, NULL, NULL);
    test_check(bare.plan.process < want->plan.process && bare.plan.weights < want->plan.weights,
               "the plan counts the ControlNet");
}

static void requests(const char *model, const char *file, const ControlDrawn *want) {
    static const struct {
        void (*change)(SdRequest *r, SdControl *c);
        const char *says;
    } BAD[] = {{too_heavy, "weight: 2.5"},
               {backwards, "start and end"},
               {no_picture, "needs a picture"},
               {no_threshold, "low counts with canny"},
               {the_same_twice, "once more"}};
    ControlDrawn bare = draw(model, (SdOptions){0}, NULL, NULL), five = draw(model, (SdOptions){0}, file, five_steps);
    ControlDrawn none = draw(model, (SdOptions){0}, file, without_weight),
                 late = draw(model, (SdOptions){0}, file, too_late);
    ControlDrawn part = draw(model, (SdOptions){0}, file, first_half),
                 soft = draw(model, (SdOptions){0}, file, prompts_mode);
    ControlDrawn edges = draw(model, (SdOptions){0}, file, by_edges);
    test_check(bare.ok && !control_drawn_same(want, &bare), "a ControlNet changes the picture");
    test_check(control_drawn_same(&bare, &none) && control_drawn_same(&bare, &late),
               "of no weight, or never at work, it does not");
    test_check(part.ok && !control_drawn_same(&five, &part), "an end before the last step is another picture");
    test_check(soft.ok && !control_drawn_same(want, &soft) && edges.ok && !control_drawn_same(want, &edges),
               "so are modes and hints");
    ControlDrawn is[] = {draw(model, (SdOptions){0}, file, dark), draw(model, (SdOptions){0}, file, dark_edges)};
    ControlDrawn twice[] = {draw(model, (SdOptions){0}, file, dark_twice),
                            draw(model, (SdOptions){0}, file, dark_edges_twice)};
    test_check(control_drawn_same(&is[0], &is[1]), "canny's hint of a black picture is that picture");
    test_check(twice[0].ok && twice[1].ok && !control_drawn_same(&twice[0], &twice[1]), "and counts less in hires fix");
    test_note("%s; %s", twice[0].text, twice[1].text);
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        ControlDrawn d = draw(model, (SdOptions){0}, file, BAD[i].change);
        test_check(!d.ok && strstr(d.text, BAD[i].says), "refused: %s", BAD[i].says);
        test_note("%s", d.text);
    }
}

static void half_of_six(SdRequest *r, SdControl *c) { (void)c, r->steps = 6, c->end = 0.5; }

/* The stand-in draws the CPU's bytes, in steps with the ControlNet that are recorded, and in those after its end. */
static void on_gpu(const char *model, const char *file) {
    if (!gpu_count()) return;
    ControlDrawn cpu = draw(model, (SdOptions){0}, file, half_of_six);
    if (!cpu.exact) return;
    ControlDrawn gpu = draw(model, (SdOptions){.device = "cuda"}, file, half_of_six);
    test_check(control_drawn_same(&cpu, &gpu), "a GPU draws the same picture");
    test_note("%s", gpu.ok ? "another picture" : gpu.text);
}

static void texts(const ControlDrawn *d) {
    InfoRead read = {0};
    Error e = {0};
    SdControl c = {.hint = SD_HINT_TILE};
    char model[280];
    bool prompt, ok = infotext_read(d->text, &read, &e) && infotext_controls(&read) == 1 &&
                      infotext_control(&read, 0, &c, model, &prompt, &e) && !prompt;
    test_check(ok && c.hint == SD_HINT_NONE && c.weight == 1 && c.end == 1 && c.resize == SD_RESIZE_CROP &&
                   c.mode == SD_CONTROL_BALANCED && !strncmp(model, "first [", 7),
               "its text is read back");
    test_note("%s; %s", d->text, e.text);
    infotext_read_free(&read);
    char text[CONTROL_TEXT];
    control_text(&(SdControl){.hint = SD_HINT_CANNY, .low = 64, .weight = 1 / 3.0, .end = 1}, NULL, "a,b: c", text);
    test_check(strstr(text, "Model: ab c, Weight: 0.3333333333333333,") && strstr(text, "Threshold A: 64.0,"),
               "numbers are written as they are");
    test_note("%s", text);
}

static void misfits(const char *model) {
    char path[1024];
    const struct {
        const char *name, *says[2];
        ControlFile made;
    } BAD[] = {{"sdxl.safetensors", {"is a ControlNet of", "SD 1.x"}, {.config = micro_sdxl_config(), .prefix = ""}},
               {"lacks.safetensors",
                {"zero_convs.3.0.bias is missing", "SD 1.x"},
                {.config = micro_config(), .prefix = "", .lacks = "zero_convs.3.0.bias"}}};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        snprintf(path, sizeof path, "%s", test_path(BAD[i].name));
        make_control(path, BAD[i].made);
        ControlDrawn d = draw(model, (SdOptions){0}, path, NULL);
        test_check(!d.ok && strstr(d.text, BAD[i].says[0]) && strstr(d.text, BAD[i].says[1]), "refused: %s",
                   BAD[i].name);
        test_note("%s", d.text);
    }
    ControlDrawn d = draw(model, (SdOptions){0}, model, NULL);
    test_check(!d.ok && strstr(d.text, "holds no ControlNet"), "a model is no ControlNet");
    test_note("%s", d.text);
}

SUITE(control, .seconds = 4, .blas = true) {
    known_answer();
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char model[1024], files[2][1024];
        control_against_golden(&CASES[i], model, files);
        if (i != 1) continue; /* micro-SD 1 with one ControlNet */
        ControlDrawn want = draw(model, (SdOptions){0}, files[0], NULL);
        test_check(want.ok, "a picture is drawn");
        test_note("%s", want.text);
        layouts(model, &want);
        memory(model, files[0], &want);
        requests(model, files[0], &want);
        on_gpu(model, files[0]);
        texts(&want);
        misfits(model);
    }
}
