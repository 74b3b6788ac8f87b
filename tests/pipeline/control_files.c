#include "control_files.h"

#include "sd/load/control.h"
#include "sd/models/controlnet.h"
#include "tests/harness/golden.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tools/ledger/generated.h"
#include "tools/ledger/made_model.h"
#include "weights/formats/names.h"
#include "pipeline.h"

#include <stdio.h>
#include <string.h>

/* --- files --- */

/* Parts of a ControlNet that are its own, not a U-Net's. */
static bool is_own(const char *name) {
    return !strncmp(name, "input_hint_block.", 17) || !strncmp(name, "zero_convs.", 11) ||
           !strncmp(name, "middle_block_out.", 17);
}

/* Of a ControlLoRA: matrices become products, and norms' weights are the model's. False: the file has it as it is. */
static bool add_product(MadeTensors *l, const ControlFile *k, const char *rest, int nd, const int64_t *n) {
    char source[200], name[200];
    size_t stem = strlen(rest) - strlen(".weight");
    if (!k->rank || is_own(rest) || strcmp(rest + stem, ".weight")) return false;
    for (int up = 0; nd > 1 && up < 2; up++) {
        int64_t shape[MAX_DIMS] = {k->rank, n[1], n[2], n[3]};
        if (up) shape[0] = n[0], shape[1] = k->rank, shape[2] = shape[3] = 1;
        snprintf(name, sizeof name, "%.*s.%s", (int)stem, rest, up ? "up" : "down");
        snprintf(source, sizeof source, "control%d_model.%.170s", k->number, name);
        if (k->lacks && !strcmp(name, k->lacks)) continue;
        made_tensor(l, source, name, F32, nd, shape);
    }
    return true;
}

static bool bind(const ControlFile *k, Controlnet *m, Adapter *a, WeightList *w) {
    ControlnetConfig own = {.unet = k->config.unet, .hint_levels = 4, .hint = {16, 32, 96, 256}};
    if (k->small) memset(own.unet.depth, 0, sizeof own.unet.depth), own.unet.middle_depth = 0;
    if (k->kinds)
        own.kinds = (ControlnetUnion){
            .kinds = k->kinds, .count = 1, .channels = own.unet.channels, .label = 4 * (int64_t)own.unet.channels};
    return k->adapter.factor ? adapter_bind(a, &k->adapter, &k->config.unet, w) : controlnet_bind(m, &own, w);
}

static void only_control(void *user, MadeTensors *l) {
    const ControlFile *k = user;
    Controlnet m = {0};
    Adapter adapter;
    Error e = {0};
    WeightList w = {.err = &e, .path = "control_model."};
    l->count = 0;
    if (!bind(k, &m, &adapter, &w)) return;
    if (k->rank) made_tensor(l, "", "lora_controlnet", F32, 1, SHAPE(1));
    if (k->differs) made_tensor(l, "", "difference", F32, 1, SHAPE(1));
    for (int64_t i = 0; i < w.count; i++) {
        int64_t n[MAX_DIMS];
        char part[24], name[192], source[200];
        const char *rest = w.w[i]->name + strlen("control_model.");
        int nd = gen_torch_shape(w.w[i], n);
        snprintf(source, sizeof source, "control%d_model.%.170s", k->number, rest);
        if (k->prefix) snprintf(name, sizeof name, "%s%.170s", k->prefix, rest);
        else if (!name_to_diffusers(w.w[i]->name, 2, k->config.unet.levels, 4, part, sizeof part, name, sizeof name))
            continue;
        if ((k->lacks && !strcmp(rest, k->lacks)) || add_product(l, k, rest, nd, n)) continue;
        made_tensor(l, source, name, F32, nd, n);
    }
    if (k->more) made_tensor(l, "more", k->more, F32, 1, SHAPE(8));
    weight_list_free(&w);
    controlnet_free(&m);
}

void make_control(const char *path, ControlFile k) {
    test_check(make_model_of(path, (MakeModel){.dtype = F32, .config = "", .edit = only_control, .user = &k}, k.config),
               "%s is written", strrchr(path, '/') + 1);
}

/* --- pictures --- */

void fill_hint(uint8_t *rgb, int number) {
    char name[16];
    snprintf(name, sizeof name, "hint%d", number);
    for (uint64_t j = 0; j < CONTROL_SIDE * CONTROL_SIDE * 3; j++)
        rgb[j] = (uint8_t)(gen_mixed(gen_crc(name), j) >> 24);
}

SdControl control_of(SdControlNet *net, const uint8_t *rgb) {
    return (SdControl){.net = net,
                       .image = rgb,
                       .width = CONTROL_SIDE,
                       .height = CONTROL_SIDE,
                       .resize = SD_RESIZE_CROP,
                       .weight = 1,
                       .end = 1};
}

static void compare(const ControlCase *k, const char *model, char files[2][1024]) {
    static uint8_t rgb[2][CONTROL_SIDE * CONTROL_SIDE * 3];
    Error e = {0};
    Golden *g = golden_open(k->name);
    SdModel *m = sd_open(model, &(SdOptions){.threads = 1, .precision = SD_F32_DIRECT}, &e);
    SdControlNet *nets[2] = {0};
    SdControl controls[2];
    SdRequest r = pipeline_request("Euler", 42, CONTROL_SIDE, CONTROL_SIDE);
    SdResult out = {0};
    GoldenHeard h = {.golden = g};
    char name[160];
    int stored = 0;
    for (int i = 0; i < k->count; i++) {
        nets[i] = sd_open_control(files[i], m, &e);
        fill_hint(rgb[i], i);
        controls[i] = control_of(nets[i], rgb[i]);
        controls[i].weight = k->weights[i], controls[i].mode = k->mode;
        controls[i].kind = k->kinds ? SD_KIND_LINES : SD_KIND_UNSAID;
    }
    r.steps = k->steps ? k->steps : 3, r.controls = controls, r.control_count = k->count;
    r.activation = golden_hear, r.user = &h;
    bool ok = g && !e.code && sd_txt2img(m, &r, &out, &e);
    for (const char *at = NULL; g && golden_next(g, &at, name);) stored++;
    test_check(ok && stored && h.heard == stored, "%s: all that the golden has is tapped", k->name);
    test_note("%d of %d; %s", h.heard, stored, e.text);
    sd_free(&out);
    for (int i = 0; i < 2; i++) sd_close_control(nets[i]);
    sd_close(m);
    golden_close(g);
}

void control_against_golden(const ControlCase *k, char model[1024], char files[2][1024]) {
    snprintf(model, 1024, "%s", test_path("control_model.safetensors"));
    test_check(make_model_of(model, (MakeModel){.dtype = F32}, k->config()), "a model is written");
    for (int n = 0; n < k->count; n++) {
        snprintf(files[n], sizeof *files, "%s",
                 test_path(n           ? "second.safetensors"
                           : k->pooled ? "shuffle.safetensors"
                                       : "first.safetensors"));
        make_control(files[n], (ControlFile){.config = k->config(),
                                             .number = n,
                                             .prefix = k->kinds                            ? NULL
                                                       : n || k->adapter.factor || k->rank ? ""
                                                                                           : "control_model.",
                                             .adapter = k->adapter,
                                             .rank = k->rank,
                                             .kinds = k->kinds,
                                             .small = k->small,
                                             .differs = k->differs});
    }
    compare(k, model, files);
}
