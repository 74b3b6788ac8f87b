/* test_networks.c: LoRA and its kin on top of a model: each kind against its formula in double, each spelling of a
 * name, and pictures: streamed, of halves, one after another. */
#include "made_network.h"

#include "sd/load/networks/overlay.h"
#include "sd/load/weights.h"
#include "sd/sd.h"
#include "tensor/half.h"
#include "tests/harness/cli.h"
#include "tests/harness/golden.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- kinds --- */

/* A model whose weights are numbers that can be looked at. */
static SdModel *open_plain(const char *path) {
    Error e = {0};
    SdModel *m = sd_open(path, &(SdOptions){.threads = 2}, &e);
    test_check(m != NULL, "%s is opened", strrchr(path, '/') + 1);
    test_note("%s", e.text);
    if (m) m->as_in_files = true;
    return m;
}

static bool apply(SdModel *m, const char *path, double weight, Error *e) {
    SdNetwork n = {.path = path, .text = weight, .unet = weight};
    return overlay_set(m, &n, 1, SD_APPLY_EXACT, false, e);
}

/* The largest difference of a sum of `terms` products, relative to the largest number. */
static double difference(MadeWeight a, MadeWeight b) {
    double most = 0, largest = 0;
    for (int64_t i = 0; i < a.rows * made_columns(a); i++) {
        most = fmax(most, fabs(a.w[i] - b.w[i]));
        largest = fmax(largest, fabs(b.w[i]));
    }
    return most / largest;
}

/* LyCORIS' own weight (tools/goldens/networks.py). */
static void check_golden(const Golden *g, const NetworkCase *k, const Weight *w, MadeWeight is) {
    int64_t side = is.taps == 9 ? 3 : 1, n[4] = {is.rows, is.inputs, side, side}, count = is.rows * made_columns(is);
    float *ours = malloc((size_t)count * sizeof *ours);
    for (int64_t i = 0; i < count; i++) ours[i] = (float)is.w[i];
    golden_check(g, k->name, ours, w->kind == WEIGHT_CONV ? 4 : w->t.nd, n, k->name);
    free(ours);
}

static void check_kinds(SdModel *m) {
    Golden *g = golden_open("networks");
    Error e = {0};
    for (int i = 0; i < NETWORK_CASE_COUNT; i++) {
        MadeNetwork n = {.count = 0};
        SdNetworkReport report = {0};
        char module[200], name[40];
        overlay_set(m, NULL, 0, SD_APPLY_EXACT, false, &e);
        model_load(m, PART_UNET, &e);
        const Weight *w = made_weight(m, PART_UNET, NETWORK_CASES[i].weight);
        MadeWeight want = made_numbers(w);
        snprintf(module, sizeof module, "lora_unet_%s", NETWORK_CASES[i].module);
        NETWORK_CASES[i].make(&n, module, want);
        snprintf(name, sizeof name, "kind%d.safetensors", i);
        const char *path = made_save(&n, name, NULL, 0);
        bool ok = apply(m, path, 0.7, &e) && model_load(m, PART_UNET, &e);
        MadeWeight is = made_numbers(w);
        double off = difference(is, want);
        double most = strcmp(NETWORK_CASES[i].kind, "BOFT") ? 2e-7 : 4e-7; /* sums of all rows in f32 */
        test_check(ok && off < most, "%s: the weight is its formula's", NETWORK_CASES[i].name);
        test_note("%.3g off; %s", off, e.text);
        if (g && ok) check_golden(g, &NETWORK_CASES[i], w, is);
        e = (Error){0};
        test_check(sd_network(m, path, &report, &e) && !strcmp(report.kind, NETWORK_CASES[i].kind) &&
                       report.matched == 1 && !report.unmatched,
                   "%s: the report says so", NETWORK_CASES[i].name);
        test_note("'%s', %lld of %lld; %s", report.kind, (long long)report.matched, (long long)report.modules, e.text);
        e = (Error){0};
        free(want.w), free(is.w);
        made_free(&n);
    }
    golden_close(g);
    overlay_set(m, NULL, 0, SD_APPLY_EXACT, false, &e);
}

/* --- names --- */

static const struct {
    const char *module, *down, *up;
} NAMES[] = {
    {"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q", ".lora_down.weight", ".lora_up.weight"},
    {"lora_unet_" LINEAR, ".lora_down.weight", ".lora_up.weight"},
    {"unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", ".lora_A.weight", ".lora_B.weight"},
    {"unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", ".lora.down.weight", ".lora.up.weight"},
    {"unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_q", "_lora.down.weight",
     "_lora.up.weight"},
    {"down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_q", "_lora.down.weight", "_lora.up.weight"},
    {"base_model.model.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", ".lora_A.weight", ".lora_B.weight"},
    {"diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q", ".lora_down.weight", ".lora_up.weight"},
    {"lycoris_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q", ".lora_down.weight", ".lora_up.weight"},
    {"lora_unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", ".lora_down.weight", ".lora_up.weight"},
    {"unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", ".lora_A.my-style_2.weight",
     ".lora_B.my-style_2.weight"},
    {"base_model.model.unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", ".lora_A.default.weight",
     ".lora_B.default.weight"},
    {"base_model.model._orig_mod.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", ".lora_A.default.weight",
     ".lora_B.default.weight"},
    {"lora_unet__orig_mod_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q", ".lora_down.weight",
     ".lora_up.weight"},
};

static void check_names(SdModel *m) {
    Error e = {0};
    MadeWeight first = {0};
    const Weight *w = made_weight(m, PART_UNET, "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight");
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        MadeNetwork n = {.count = 0};
        char name[40];
        const char *down = NAMES[i].down, *up = NAMES[i].up;
        int64_t rows = w->t.n[0], inputs = w->t.n[1];
        float *a = made_part(&n, NAMES[i].module, down, 2, SHAPE(RANK, inputs), 0);
        float *b = made_part(&n, NAMES[i].module, up, 2, SHAPE(rows, RANK), 0);
        for (int64_t k = 0; k < RANK * inputs; k++) a[k] = (float)test_uniform(3, (uint64_t)k);
        for (int64_t k = 0; k < RANK * rows; k++) b[k] = (float)test_uniform(4, (uint64_t)k);
        snprintf(name, sizeof name, "name%zu.safetensors", i);
        bool ok = apply(m, made_save(&n, name, NULL, 0), 1, &e) && model_load(m, PART_UNET, &e);
        MadeWeight is = made_numbers(w);
        if (!i) first = is;
        bool same = ok && !memcmp(is.w, first.w, (size_t)(rows * inputs) * sizeof *is.w);
        test_check(same, "%s%s changes the same weight alike", NAMES[i].module, down);
        test_note("%s", e.text);
        e = (Error){0};
        if (i) free(is.w);
        made_free(&n);
    }
    free(first.w);
    overlay_set(m, NULL, 0, SD_APPLY_EXACT, false, &e);
}

/* Three modules in one weight of open_clip's. */
static void check_fused(void) {
    const char *path = test_path("sd2.safetensors");
    Error e = {0};
    test_check(make_model_of(path, (MakeModel){.dtype = F32}, micro_sd2_config()), "micro-SD 2 is written");
    SdModel *m = open_plain(path);
    if (!m || !model_load(m, PART_TEXT, &e)) return;
    const Weight *w = made_weight(m, PART_TEXT, "resblocks.0.attn.in_proj_weight");
    MadeWeight want = made_numbers(w);
    MadeWeight k = {want.rows / 3, want.inputs, 1, want.w + want.rows / 3 * want.inputs};
    MadeNetwork n = {.count = 0};
    made_lora(&n, "lora_te_text_model_encoder_layers_0_self_attn_k_proj", k);
    const char *file = made_save(&n, "fused.safetensors", NULL, 0);
    bool ok = apply(m, file, 0.7, &e) && model_load(m, PART_TEXT, &e);
    MadeWeight is = made_numbers(w);
    double off = difference(is, want);
    test_check(ok && off < 2e-7, "k_proj changes its rows of open_clip's projection, and no others");
    test_note("%.3g off; %s", off, e.text);
    free(want.w), free(is.w);
    made_free(&n);
    sd_close(m);
}

/* --- how much, and how it is rounded --- */

#define TO_Q "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight"

/* The first two of three ranks, as the webui's dyn has them. */
static void check_rank(SdModel *m) {
    static const char M[] = "lora_unet_" LINEAR;
    const Weight *w = made_weight(m, PART_UNET, TO_Q);
    int64_t rows = w->t.n[0], inputs = w->t.n[1];
    MadeNetwork whole = {.count = 0}, part = {.count = 0};
    Error e = {0};
    float *down = made_part(&whole, M, ".lora_down.weight", 2, SHAPE(RANK, inputs), 0);
    float *up = made_part(&whole, M, ".lora_up.weight", 2, SHAPE(rows, RANK), 0);
    float *less_down = made_part(&part, M, ".lora_down.weight", 2, SHAPE(2, inputs), 0);
    float *less_up = made_part(&part, M, ".lora_up.weight", 2, SHAPE(rows, 2), 0);
    memcpy(less_down, down, (size_t)(2 * inputs) * sizeof *down);
    for (int64_t i = 0; i < 2 * rows; i++) less_up[i] = up[i / 2 * RANK + i % 2];
    SdNetwork n = {.path = made_save(&whole, "whole.safetensors", NULL, 0), .text = 1, .unet = 1, .rank = 2};
    bool ok = overlay_set(m, &n, 1, SD_APPLY_EXACT, false, &e) && model_load(m, PART_UNET, &e);
    MadeWeight a = made_numbers(w);
    ok = ok && apply(m, made_save(&part, "part.safetensors", NULL, 0), 1, &e) && model_load(m, PART_UNET, &e);
    MadeWeight b = made_numbers(w);
    test_check(ok && !memcmp(a.w, b.w, (size_t)(rows * inputs) * sizeof *a.w), "a rank of 2 takes the first two");
    test_note("%s", e.text);
    free(a.w), free(b.w);
    made_free(&whole), made_free(&part);
    overlay_set(m, NULL, 0, SD_APPLY_EXACT, false, &e);
}

static double half(double x) { return (double)f16_to_f32(f32_to_f16((float)x)); }

/* Two files on F16: rounded once, or after each number that the webui rounds (networks.py, network_lora.py). Of more
 * rows than are made at once, too. */
static void check_rounding(const char *weight, const char *module) {
    const char *path = test_path("half.safetensors");
    Error e = {0};
    make_micro_model(path, F16);
    SdModel *m = open_plain(path);
    if (!m || !model_load(m, PART_UNET, &e)) return;
    const Weight *w = made_weight(m, PART_UNET, weight);
    MadeWeight exact = made_numbers(w), webui = made_numbers(w);
    int64_t rows = exact.rows, inputs = exact.inputs;
    MadeNetwork n = {.count = 0};
    float *down = made_part(&n, module, ".lora_down.weight", 2, SHAPE(1, inputs), 0);
    float *up = made_part(&n, module, ".lora_up.weight", 2, SHAPE(rows, 1), 0);
    made_part(&n, module, ".alpha", 0, NULL, 0.3);
    const char *file = made_save(&n, "one.safetensors", NULL, 0);
    const float factors[2] = {0.7f, -0.2f};
    for (int64_t i = 0; i < rows * inputs; i++) {
        float sum = (float)exact.w[i], u = up[i / inputs], d = down[i % inputs];
        for (int k = 0; k < 2; k++) {
            sum += u * d * 0.3f * factors[k];
            double change = half(half(half(half((double)u) * half((double)d)) * (double)0.3f) * (double)factors[k]);
            webui.w[i] = half(webui.w[i] + change);
        }
        exact.w[i] = half((double)sum);
    }
    const SdNetwork two[2] = {{file, 1, 0.7, 0}, {file, 1, -0.2, 0}};
    for (int apply = 0; apply < 2; apply++) {
        bool ok = overlay_set(m, two, 2, (SdApply)apply, false, &e) && model_load(m, PART_UNET, &e);
        MadeWeight is = made_numbers(w);
        int64_t other = 0;
        for (int64_t i = 0; i < rows * inputs; i++) other += is.w[i] != (apply ? webui : exact).w[i];
        test_check(ok && !other, "F16 of %lld rows is rounded %s", (long long)rows,
                   apply ? "as the webui rounds" : "once");
        test_note("%lld of %lld numbers differ; %s", (long long)other, (long long)(rows * inputs), e.text);
        free(is.w);
    }
    free(exact.w), free(webui.w);
    made_free(&n);
    sd_close(m);
}

/* --- files that do not fit --- */

static void check_refused(SdModel *m, const MadeNetwork *n, const char *words, const char *what) {
    Error e = {0};
    const char *path = made_save(n, "wrong.safetensors", NULL, 0);
    test_check(!apply(m, path, 1, &e) && e.code == ERR_FORMAT && cli_holds(e.text, words) && !m->overlay,
               "%s is refused", what);
    test_note("%s", e.text);
}

static void check_broken(SdModel *m) {
    static const char M[] = "lora_unet_" LINEAR;
    MadeNetwork n = {.count = 0};
    made_part(&n, M, ".lora_down.weight", 2, SHAPE(RANK, 32), 0);
    check_refused(m, &n, "lacks some", "a LoRA without lora_up");
    made_part(&n, M, ".lora_up.weight", 2, SHAPE(32, RANK + 1), 0);
    check_refused(m, &n, "do not fit each other", "a misshapen pair");
    made_free(&n);
    made_part(&n, M, ".lora_down.weight", 2, SHAPE(RANK, 33), 0);
    made_part(&n, M, ".lora_up.weight", 2, SHAPE(32, RANK), 0);
    check_refused(m, &n, "does not fit", "a pair for another model");
    made_free(&n);
    made_part(&n, M, ".lora_down.weight", 2, SHAPE(0, 32), 0);
    made_part(&n, M, ".lora_up.weight", 2, SHAPE(32, 0), 0);
    check_refused(m, &n, "do not fit each other", "rank 0");
    made_free(&n);
    made_part(&n, M, ".lora_down.weight", 2, SHAPE(RANK, 32), 0);
    made_part(&n, M, ".lora_up.weight", 2, SHAPE(32, RANK), 0);
    made_part(&n, M, ".alpha", 0, NULL, NAN);
    check_refused(m, &n, "alpha|nan", "an alpha that is no number");
    made_free(&n);
    made_part(&n, "lora_unet_no_such_module", ".lora_down.weight", 2, SHAPE(RANK, 32), 0);
    made_part(&n, "lora_unet_no_such_module", ".lora_up.weight", 2, SHAPE(32, RANK), 0);
    check_refused(m, &n, "none of its 1 modules", "a LoRA of which nothing fits");
    made_free(&n);
    made_part(&n, "something", ".bias", 1, SHAPE(4), 0);
    check_refused(m, &n, "is no LoRA", "a file without any key of one");
    made_free(&n);
}

/* --- pictures --- */

typedef struct {
    uint8_t rgb[64 * 64 * 3];
    bool ok;
} Drawn;

static Drawn draw(SdModel *m, const SdNetwork *n, int count, bool keep, Error *e) {
    Drawn d = {.ok = false};
    SdResult result = {0};
    SdRequest r = sd_request(m);
    r.prompt = "a cat", r.width = r.height = 64, r.steps = 2, r.seed = 5, r.keep = keep;
    r.networks = n, r.network_count = count;
    d.ok = m && sd_txt2img(m, &r, &result, e);
    if (d.ok) memcpy(d.rgb, result.pictures[0].rgb, sizeof d.rgb);
    sd_free(&result);
    return d;
}

static bool same(const Drawn *a, const Drawn *b) { return a->ok && b->ok && !memcmp(a->rgb, b->rgb, sizeof a->rgb); }

static void check_pictures(DType type) {
    char name[40];
    Error e = {0};
    snprintf(name, sizeof name, "micro_%s.safetensors", dtype_name(type));
    const char *path = test_path(name);
    make_micro_model(path, type);
    MadeNetwork n = {.count = 0};
    MadeWeight w = {32, 32, 1, calloc(32 * 32, sizeof(double))},
               conv = {32, 32, 9, calloc(32 * 32 * 9, sizeof(double))};
    made_lora(&n, "lora_unet_" LINEAR, w);
    made_lora(&n, "lora_unet_" CONV, conv);
    made_lora(&n, "lora_te_text_model_encoder_layers_0_self_attn_q_proj", w);
    const char *file = made_save(&n, "picture.safetensors", NULL, 0);
    SdNetwork on = {file, 1, 1, 0}, off = {file, 0, 0, 0}, less = {file, 1, 0.5, 0};
    SdModel *m = sd_open(path, &(SdOptions){.threads = 2}, &e);
    Drawn plain = draw(m, NULL, 0, false, &e), changed = draw(m, &on, 1, false, &e), none = draw(m, &off, 1, false, &e);
    test_check(changed.ok && !same(&plain, &changed), "%s: a LoRA changes the picture", dtype_name(type));
    test_note("%s", e.text);
    test_check(same(&plain, &none), "%s: not with weight 0", dtype_name(type));
    Drawn again = draw(m, &on, 1, true, &e);
    test_check(same(&changed, &again), "%s: kept, the same", dtype_name(type));
    Drawn half = draw(m, &less, 1, true, &e), back = draw(m, &on, 1, true, &e), without = draw(m, NULL, 0, true, &e);
    test_check(half.ok && !same(&half, &changed) && same(&back, &changed) && same(&without, &plain),
               "%s: other weights, back, and none", dtype_name(type));
    test_note("%s", e.text);
    const char *in[3] = {path, NULL, NULL}, *baked = test_path("baked.safetensors");
    SdMerge how = {.mode = SD_MERGE_NONE, .networks = &on, .network_count = 1};
    SdMerged done = {0};
    SdModel *merged = sd_merge(in, baked, &how, &done, &e) ? sd_open(baked, &(SdOptions){.threads = 2}, &e) : NULL;
    Drawn by_merged = draw(merged, NULL, 0, false, &e);
    test_check(done.changed == 3 && same(&by_merged, &changed), "%s: merged, the same", dtype_name(type));
    test_note("%lld tensors changed; %s", (long long)done.changed, e.text);
    const char *recipe = merged ? weight_file_meta(merged->checkpoint->file, "sd_merge_recipe") : NULL;
    test_check(recipe && strstr(recipe, "\"networks\": [{\"name\": \"picture.safetensors\", \"hash\": \"") &&
                   strstr(recipe, "\"text\": 1.0, \"unet\": 1.0, \"rank\": 0}]"),
               "%s: its recipe names the LoRA", dtype_name(type));
    test_note("%s", recipe);
    sd_close(merged);
    e = (Error){0};
    const char *fast = test_path("fast.safetensors");
    SdModel *converted = sd_convert(path, fast, NULL, NULL, &e) ? sd_open(fast, &(SdOptions){.threads = 2}, &e) : NULL;
    Drawn by_converted = draw(converted, &on, 1, false, &e);
    test_check(same(&by_converted, &changed), "%s: on a converted model, the same", dtype_name(type));
    test_note("%s", e.text);
    sd_close(converted);
    e = (Error){0};
    SdRequest r = sd_request(m);
    SdPlan plan = {0};
    r.width = r.height = 64;
    r.networks = &on, r.network_count = 1;
    sd_plan(m, &r, &plan, &e);
    sd_close(m);
    SdModel *tight = sd_open(path, &(SdOptions){.threads = 2, .memory_limit = plan.least + (1 << 20)}, &e);
    Drawn streamed = draw(tight, &on, 1, false, &e);
    test_check(same(&streamed, &changed), "%s: streamed, the same", dtype_name(type));
    test_note("%s", e.text);
    sd_close(tight);
    made_free(&n);
    free(w.w), free(conv.w);
}

/* Another weight makes anew what it changes, and nothing else. */
static void check_switch(const char *path) {
    Error e = {0};
    SdModel *m = sd_open(path, &(SdOptions){.threads = 2}, &e);
    MadeNetwork n = {.count = 0};
    MadeWeight w = {32, 32, 1, calloc(32 * 32, sizeof(double))};
    made_lora(&n, "lora_unet_" LINEAR, w);
    const char *file = made_save(&n, "switched.safetensors", NULL, 0);
    if (m && apply(m, file, 1, &e) && model_load(m, PART_UNET, &e) && model_load(m, PART_TEXT, &e)) {
        const Weight *one = made_weight(m, PART_UNET, TO_Q), *other = made_weight(m, PART_UNET, "attn1.to_k.weight");
        uint32_t a = one->version, b = other->version;
        bool ok = apply(m, file, 0.5, &e) && m->loaded[PART_UNET] && m->loaded[PART_TEXT];
        test_check(ok && one->version == a + 1 && other->version == b, "another weight makes one tensor anew");
        ok = overlay_set(m, NULL, 0, SD_APPLY_EXACT, false, &e) && m->loaded[PART_UNET];
        test_check(ok && one->version == a + 2 && other->version == b, "and so does none");
    } else test_check(false, "a model is loaded with a network");
    test_note("%s", e.text);
    sd_close(m);
    made_free(&n);
    free(w.w);
}

/* Settings of networks where there is none. */
static void check_ignored(const SdModel *m) {
    SdRequest r = sd_request(m);
    SdNetwork n = {.path = "x", .text = 1, .unet = 1};
    r.network_strict = true;
    test_check(!strncmp(sd_ignored(m, &r), "strict: ", 8), "strict without a network has no effect");
    r.network_strict = false, r.network_apply = SD_APPLY_WEBUI;
    test_check(!strncmp(sd_ignored(m, &r), "lora-apply: ", 12), "nor has a way of adding them");
    r.networks = &n, r.network_count = 1;
    test_check(!*sd_ignored(m, &r), "with one, they have");
}

/* Blocks that are changed become F16. */
static void check_blocks(void) {
    Error e = {0};
    const char *path = test_path("q8_0.safetensors"), *from = test_path("for_q8.safetensors");
    make_micro_model(from, F32);
    MadeNetwork n = {.count = 0};
    MadeWeight w = {32, 32, 1, calloc(32 * 32, sizeof(double))};
    made_lora(&n, "lora_unet_" LINEAR, w);
    const char *file = made_save(&n, "on_blocks.safetensors", NULL, 0);
    bool ok = sd_convert(from, path, &(SdConvert){.dtype = "q8_0"}, NULL, &e);
    SdModel *m = ok ? open_plain(path) : NULL;
    if (m && model_load(m, PART_UNET, &e)) {
        const Weight *one = made_weight(m, PART_UNET, TO_Q);
        bool before = one->t.dtype == Q8_0;
        ok = apply(m, file, 1, &e) && model_load(m, PART_UNET, &e);
        test_check(ok && before && one->t.dtype == F16, "Q8_0 that a network changes is F16");
    } else test_check(false, "a model of Q8_0 is loaded");
    test_note("%s", e.text);
    sd_close(m);
    made_free(&n);
    free(w.w);
}

SUITE(networks, .seconds = 2) {
    const char *path = test_path("micro.safetensors");
    make_micro_model(path, F32);
    SdModel *m = open_plain(path);
    if (!m) return;
    check_kinds(m);
    check_names(m);
    check_rank(m);
    check_broken(m);
    check_ignored(m);
    sd_close(m);
    check_rounding(TO_Q, "lora_unet_" LINEAR);
    check_rounding("input_blocks.1.1.transformer_blocks.0.ff.net.0.proj.weight",
                   "lora_unet_input_blocks_1_1_transformer_blocks_0_ff_net_0_proj");
    check_fused();
    check_pictures(F32);
    check_pictures(F16);
    check_blocks();
    check_switch(test_path("micro.safetensors"));
}
