/* test_control_kinds.c: T2I-Adapters of SDXL and of hints of one channel, ControlNet Unions, ControlLoRAs, ControlNets
 * without attention, pooled ones and differences, against
 * diffusers' through every tap; ControlLoRAs with the model's networks, and in little memory; what a union is told. */
#include "sd/info/infotext_control.h"
#include "tensor/gpu.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "control_files.h"
#include "pipeline.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ControlCase CASES[] = {
    {"micro_adapter_gray", micro_config, 1, {0.8}, SD_CONTROL_BALANCED, .adapter = {8, 1, false}, .steps = 2},
    {"micro_adapter_xl", micro_sdxl_config, 1, {0.8}, SD_CONTROL_BALANCED, .adapter = {16, 3, true}, .steps = 2},
    {"micro_control_union", micro_sdxl_config, 1, {0.7}, SD_CONTROL_BALANCED, .kinds = 6},
    {"micro_control_small", micro_sdxl_config, 1, {0.7}, SD_CONTROL_BALANCED, .small = true},
    {"micro_control_difference", micro_config, 1, {0.7}, SD_CONTROL_BALANCED, .differs = true},
    {"micro_control_pooled", micro_config, 2, {0.8, 0.6}, SD_CONTROL_BALANCED, .pooled = true},
    {"micro_control_lora", micro_sdxl_config, 1, {0.7}, SD_CONTROL_BALANCED, .rank = 4, .steps = 2},
};

typedef struct {
    uint8_t rgb[CONTROL_SIDE * CONTROL_SIDE * 3];
    char text[1100];
    SdPlan plan;
    bool ok;
} Drawn;

/* Twice, with and without the network, so that what follows is what the last request says. kind, batch: of a union's
 * hint, and how many pictures, of which the first is kept. */
static Drawn draw_as(const char *model, SdOptions o, const char *file, const char *network, bool before,
                     SdHintKind kind, int batch) {
    static uint8_t rgb[CONTROL_SIDE * CONTROL_SIDE * 3];
    Drawn d = {.ok = false};
    Error e = {0};
    o.threads = 1;
    SdModel *m = sd_open(model, &o, &e);
    SdControlNet *net = m ? sd_open_control(file, m, &e) : NULL;
    fill_hint(rgb, 0);
    SdControl c = control_of(net, rgb);
    c.kind = kind;
    SdNetwork n = {network, 0.5, 0.5, 0};
    SdRequest r = pipeline_request("Euler", 42, CONTROL_SIDE, CONTROL_SIDE);
    r.steps = 1, r.controls = &c, r.control_count = 1, r.keep = before, r.batch_size = batch;
    d.ok = net != NULL;
    for (int i = 0; d.ok && i < 1 + before; i++) {
        SdResult out = {0};
        bool on = network && i == before;
        r.networks = on ? &n : NULL, r.network_count = on;
        d.ok = sd_plan(m, &r, &d.plan, &e) && sd_txt2img(m, &r, &out, &e);
        if (d.ok) memcpy(d.rgb, out.pictures[0].rgb, sizeof d.rgb);
        if (d.ok) snprintf(d.text, sizeof d.text, "%s", out.pictures[0].parameters);
        sd_free(&out);
    }
    if (!d.ok) snprintf(d.text, sizeof d.text, "%s", e.text);
    sd_close_control(net);
    sd_close(m);
    return d;
}

static Drawn draw(const char *model, SdOptions o, const char *file, const char *network, bool before) {
    return draw_as(model, o, file, network, before, SD_KIND_UNSAID, 1);
}

static bool same(const Drawn *a, const Drawn *b) { return a->ok && b->ok && !memcmp(a->rgb, b->rgb, sizeof a->rgb); }

/* A union of six kinds. */
static void unions(const char *model, const char *file) {
    InfoRead read = {0};
    Error e = {0};
    SdControl c = {.kind = SD_KIND_UNSAID};
    char name[280];
    bool prompt;
    const SdOptions plain = {0};
    Drawn lines = draw_as(model, plain, file, NULL, false, SD_KIND_LINES, 1),
          depth = draw_as(model, plain, file, NULL, false, SD_KIND_DEPTH, 1),
          two = draw_as(model, plain, file, NULL, false, SD_KIND_LINES, 2),
          unsaid = draw_as(model, plain, file, NULL, false, SD_KIND_UNSAID, 1),
          tile = draw_as(model, plain, file, NULL, false, SD_KIND_TILE, 1);
    test_check(lines.ok && depth.ok && !same(&lines, &depth), "a union draws by the kind of its hint");
    test_check(same(&lines, &two), "and the first of two pictures as if it were alone");
    test_check(!unsaid.ok && strstr(unsaid.text, "say what the hint shows"), "and asks for it");
    test_check(!tile.ok && strstr(tile.text, "knows the first 6 kinds"), "and has no more than its file");
    test_note("%s%s", lines.text, two.text);
    Drawn small = draw_as(model, (SdOptions){.memory_limit = lines.plan.least}, file, NULL, false, SD_KIND_LINES, 1);
    test_check(same(&lines, &small) && small.plan.streamed, "the least memory: the same picture");
    test_note("%s", small.text);
    if (gpu_count() && strstr(lines.text, "Exact: 1")) {
        Drawn gpu = draw_as(model, (SdOptions){.device = "cuda"}, file, NULL, false, SD_KIND_LINES, 1);
        test_check(same(&lines, &gpu), "a GPU draws the same picture");
        test_note("%s", gpu.text);
    }
    bool ok = infotext_read(lines.text, &read, &e) && infotext_control(&read, 0, &c, name, &prompt, &e);
    test_check(ok && c.kind == SD_KIND_LINES, "its text says the kind");
    test_note("%s; %s", lines.text, e.text);
    infotext_read_free(&read);
}

/* What `sdc info` says of such a file. */
static void info(const ControlCase *k, const char *file) {
    Error e = {0};
    SdInfo i;
    const char *want = k->small ? "SDXL, without attention" : k->differs ? "differences" : "";
    test_check(sd_info(file, false, &i, &e) && !strcmp(i.family, "ControlNet") && strstr(i.variant, want), "%s: %s",
               k->name, want);
    test_note("%s, %s; %s", i.family, i.variant, e.text);
}

/* In the least memory, among two pictures, with mixed products and on a GPU. */
static void everywhere(const ControlCase *k, const char *model, const char *file) {
    const SdOptions mixed = {.precision = SD_MIXED};
    Drawn want = draw(model, (SdOptions){0}, file, NULL, false),
          small = draw(model, (SdOptions){.memory_limit = want.plan.least}, file, NULL, false),
          two = draw_as(model, (SdOptions){0}, file, NULL, false, SD_KIND_UNSAID, 2),
          fast = draw(model, mixed, file, NULL, false);
    test_check(same(&want, &small) && small.plan.streamed, "%s: the least memory: the same picture", k->name);
    test_check(same(&want, &two) && fast.ok, "%s: the first of two pictures; mixed", k->name);
    test_note("%s%s%s%s", want.text, small.text, two.text, fast.text);
    if (!gpu_count() || !strstr(want.text, "Exact: 1")) return;
    Drawn gpu = draw(model, (SdOptions){.device = "cuda"}, file, NULL, false);
    test_check(same(&want, &gpu), "%s: a GPU draws the same picture", k->name);
    test_note("%s", gpu.text);
}

static void only_lora(void *user, MadeTensors *l) {
    (void)user;
    l->count = 0;
    made_tensor(l, "lora.up", "lora_unet_middle_block_1_proj_in.lora_up.weight", F32, 2, SHAPE(128, 2));
    made_tensor(l, "lora.down", "lora_unet_middle_block_1_proj_in.lora_down.weight", F32, 2, SHAPE(2, 128));
}

static void loras(const char *model, const char *file) {
    char network[1024], merged[1024];
    Error e = {0};
    snprintf(network, sizeof network, "%s", test_path("lora.safetensors"));
    snprintf(merged, sizeof merged, "%s", test_path("merged.safetensors"));
    test_check(make_model_of(network, (MakeModel){.dtype = F32, .config = "", .edit = only_lora}, micro_sdxl_config()),
               "a LoRA is written");
    const SdNetwork n = {network, 0.5, 0.5, 0};
    const SdMerge how = {.mode = SD_MERGE_NONE, .networks = &n, .network_count = 1};
    test_check(sd_merge((const char *const[]){model, NULL, NULL}, merged, &how, NULL, &e), "and baked in");
    test_note("%s", e.text);
    Drawn want = draw(merged, (SdOptions){0}, file, NULL, false),
          on_top = draw(model, (SdOptions){0}, file, network, false),
          after = draw(model, (SdOptions){0}, file, network, true),
          bare = draw(model, (SdOptions){0}, file, NULL, false);
    test_check(same(&want, &on_top) && same(&want, &after) && !same(&want, &bare),
               "a ControlLoRA has the model's LoRA, too");
    test_note("%d %d %d; %s%s%s", same(&want, &on_top), same(&want, &after), same(&want, &bare), want.text, on_top.text,
              after.text);
    Drawn small = draw(model, (SdOptions){.memory_limit = bare.plan.least}, file, NULL, false);
    test_check(same(&bare, &small) && small.plan.streamed, "the least memory: the same picture");
    test_note("%s", small.text);
}

static void misfits(void) {
    static const struct {
        const char *says;
        ControlFile made;
        SdConfig (*of)(void);
    } BAD[] = {
        {"is a T2I-Adapter of SDXL, but the model is SD 1.x", {.adapter = {16, 3, true}}, micro_config},
        {"is a T2I-Adapter that reads 128 channels", {.adapter = {8, 2, false}}, micro_config},
        {"is a light T2I-Adapter", {.adapter = {16, 3, true}, .more = "body.0.in_conv.weight"}, micro_sdxl_config},
        {"is a ControlNet of SDXL, but the model is SD 1.x", {.small = true}, micro_config},
        {"differences to the U-Net of another family than SD 1.x", {.differs = true}, micro_config},
        {"is no ControlNet of SD 1.x", {.rank = 4}, micro_config},
        {"is a ControlNet Union of another shape (0 layers",
         {.kinds = 8, .lacks = "transformer_layes.0.ln_1.weight"},
         micro_sdxl_config},
        {"1 of its", {.rank = 4, .lacks = "middle_block.1.proj_in.down"}, micro_sdxl_config}};
    char model[1024];
    snprintf(model, sizeof model, "%s", test_path("sd1.safetensors"));
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        test_check(make_model_of(model, (MakeModel){.dtype = F32}, BAD[i].of()), "a model is written");
        ControlFile k = BAD[i].made;
        const char *path = test_path("misfit.safetensors");
        k.config = k.adapter.hint == 2 ? micro_config() : micro_sdxl_config();
        k.prefix = "";
        make_control(path, k);
        Drawn d = draw(model, (SdOptions){0}, path, NULL, false);
        test_check(!d.ok && strstr(d.text, BAD[i].says), "refused: %s", BAD[i].says);
        test_note("%s", d.text);
    }
}

/* A number that is not finite is the ControlNet's, and not the model's. */
static void damaged(void) {
    const char *path = test_path("damaged.safetensors");
    const float last = NAN;
    size_t size = 0;
    char model[1024];
    snprintf(model, sizeof model, "%s", test_path("sd1.safetensors"));
    test_check(make_model_of(model, (MakeModel){.dtype = F32}, micro_config()), "a model is written");
    make_control(path, (ControlFile){.config = micro_config(), .prefix = ""});
    char *bytes = test_read(path, &size);
    if (bytes) memcpy(bytes + size - sizeof last, &last, sizeof last);
    test_check(bytes && test_write(path, bytes, size), "its last number is none");
    free(bytes);
    Drawn d = draw(model, (SdOptions){0}, path, NULL, false);
    test_check(!d.ok && strstr(d.text, "damaged.safetensors: ") && strstr(d.text, "numbers that are not finite"),
               "a damaged ControlNet is told");
    test_note("%s", d.text);
}

SUITE(control_kinds, .seconds = 4, .blas = true) {
    char model[1024], files[2][1024];
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        control_against_golden(&CASES[i], model, files);
        if (CASES[i].kinds) unions(model, files[0]);
        if (CASES[i].small || CASES[i].differs || CASES[i].pooled)
            everywhere(&CASES[i], model, files[0]), info(&CASES[i], files[0]);
    }
    loras(model, files[0]);
    misfits();
    damaged();
}
