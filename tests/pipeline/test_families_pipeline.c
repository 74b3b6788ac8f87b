/* test_families_pipeline.c: micro-SD 2, micro-SDXL and its refiner against diffusers' and transformers' modules through
 * every tap, and micro-SDXL's texts against the webui's rules. */
#include "tests/harness/golden.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tools/ledger/made_model.h"
#include "pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
    const char *name;
    SdConfig (*config)(void);
    const char *goldens[4];
} MicroFamily;

static const MicroFamily FAMILIES[] = {
    {"sd2", micro_sd2_config, {"micro_sd2_euler_64", "micro_turbo_64"}},
    {"lcm", micro_lcm_config, {"micro_lcm_64"}},
    {"ssd", micro_ssd_config, {"micro_ssd_64"}},
    {"tiny", micro_tiny_config, {"micro_tiny_64"}},
    {"sd2_v", micro_sd2_v_config, {"micro_sd2_v_euler_64"}},
    {"sdxl",
     micro_sdxl_config,
     {"micro_sdxl_euler_64", "micro_sdxl_euler_64_seed43", "micro_sdxl_euler_h72_w104", "micro_tcd_64"}},
    {"statistics", micro_statistics_config, {"micro_statistics"}},
    {"refiner", micro_refiner_config, {"micro_refiner_euler_64"}},
};

/* --- prompts, and the refiner in turn --- */

typedef struct {
    const Golden *golden;
    const char *last; /* the name of the last latents */
    int number;       /* of the prompt; -1: the golden is of one run, with the run's own names */
    int heard;
} Texts;

/* The golden's name of an activation. */
static void text_name(const Texts *t, const char *name, char out[160]) {
    if (t->number < 0) snprintf(out, 160, "%s", name);
    else snprintf(out, 160, "p%02d.%s", t->number, strcmp(name, t->last) ? name : "latents");
}

static bool hear_text(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    Texts *t = user;
    char full[160];
    text_name(t, name, full);
    if (!golden_has(t->golden, full)) return true;
    t->heard++;
    golden_check(t->golden, full, values, nd, n, full);
    return true;
}

static const char *of_case(const Golden *g, int number, const char *what) {
    char key[32];
    snprintf(key, sizeof key, "p%02d.%s", number, what);
    const char *text = golden_meta(g, key);
    return text ? text : "";
}

/* The refiner takes over at the fourth of five steps, with texts and scores of its own. */
static void refined(const char *base, const char *refiner) {
    const SdOptions o = {.threads = 1, .precision = SD_F32_DIRECT};
    Golden *g = golden_open("micro_sdxl_refined_64");
    Error e = {0};
    SdModel *m = sd_open(base, &o, &e), *second = m ? sd_open(refiner, &o, &e) : NULL;
    Texts t = {.golden = g, .number = -1};
    SdRequest r = pipeline_request("Euler", 42, 64, 64);
    SdResult out = {0};
    int stored = 0;
    char name[160];
    r.refiner = second, r.refiner_switch = 0.6;
    r.activation = hear_text, r.user = &t;
    bool ok = g && second && sd_txt2img(m, &r, &out, &e);
    for (const char *at = NULL; g && golden_next(g, &at, name);) stored++;
    test_check(ok && stored && t.heard == stored, "SDXL with a refiner: all that the golden has is tapped");
    test_note("%d of %d; %s", t.heard, stored, e.text);
    sd_free(&out);
    sd_close(second);
    sd_close(m);
    golden_close(g);
}

static void prompts(const char *model) {
    static const char *const EMPHASES[] = {"Original", "No norm", "Ignore", "None"};
    static const SdEmphasis EMPHASIS[] = {SD_EMPHASIS_ORIGINAL, SD_EMPHASIS_NO_NORM, SD_EMPHASIS_IGNORE,
                                          SD_EMPHASIS_NONE};
    Golden *g = golden_open("micro_sdxl_prompts");
    const char *cases = g ? golden_meta(g, "cases") : NULL;
    Error e = {0};
    SdModel *m = sd_open(model, &(SdOptions){.threads = 1, .precision = SD_F32_DIRECT}, &e);
    test_check(m && cases && atoi(cases) >= 20, "at least 20 prompts");
    for (int i = 0; m && cases && i < atoi(cases); i++) {
        char last[32], name[160], begins[16];
        Texts t = {.golden = g, .last = last, .number = i};
        SdRequest r = pipeline_request("Euler", 42, 32, 32);
        SdResult out = {0};
        r.prompt = of_case(g, i, "prompt"), r.negative = of_case(g, i, "negative");
        r.steps = atoi(of_case(g, i, "steps"));
        if (*of_case(g, i, "clip_skip")) r.clip_skip = atoi(of_case(g, i, "clip_skip")), r.sdxl_clip_l_skip = true;
        for (int k = 0; k < 4; k++)
            if (!strcmp(EMPHASES[k], of_case(g, i, "emphasis"))) r.emphasis = EMPHASIS[k];
        r.activation = hear_text, r.user = &t;
        snprintf(last, sizeof last, "latents.step%03d", r.steps - 1);
        snprintf(begins, sizeof begins, "p%02d.", i);
        bool ok = sd_txt2img(m, &r, &out, &e);
        int stored = 0;
        for (const char *at = NULL; golden_next(g, &at, name);) stored += !strncmp(name, begins, strlen(begins));
        test_check(ok && stored && t.heard == stored, "prompt %d: all that the golden has of it is tapped: %.60s", i,
                   r.prompt);
        test_note("%d of %d; %s", t.heard, stored, e.text);
        sd_free(&out);
    }
    sd_close(m);
    golden_close(g);
}

/* As published folders have it: open_clip's encoder is padded with "!", whose number is 0. */
static bool pad(const char *folder, const char *tokenizer) {
    static const char JSON[] = "{\"pad_token\": \"!\"}";
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", folder, tokenizer);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/tokenizer_config.json", folder, tokenizer);
    return test_write(path, JSON, strlen(JSON));
}

/* A diffusers folder, with its configuration in diffusers' keys: every activation has the bits of the single file with
 * the same weights, whose names are the encoders' there. */
static void as_folder(const MicroFamily *f) {
    const SdOptions o = {.threads = 2};
    char file[1024], folder[1024], taps[2][1024], label[64];
    Error e = {0};
    bool ok = true;
    snprintf(label, sizeof label, "%s_folder", f->name);
    snprintf(folder, sizeof folder, "%s", test_path(label));
    SdConfig k = config_for_folder(f->config());
    snprintf(file, sizeof file, "%s", test_path("as_file.safetensors"));
    if (!test_check(make_model_of(file, (MakeModel){.dtype = F32}, k) &&
                        make_model_of(folder, (MakeModel){.layout = MODEL_DIFFUSERS, .dtype = F32}, k) &&
                        (k.clip[k.encoders - 1].pad || pad(folder, k.unet.label ? "tokenizer_2" : "tokenizer")),
                    "%s is written", label))
        return;
    for (int i = 0; i < 2; i++) {
        SdRequest r = pipeline_request("Euler", 42, 64, 64);
        SdResult out = {0};
        snprintf(taps[i], sizeof taps[i], "%s", test_path(i ? "folder_taps" : "file_taps"));
        r.steps = 2, r.taps = taps[i];
        ok = ok && pipeline_run(i ? folder : file, &o, &r, &out, &e);
        sd_free(&out);
    }
    test_check(ok, "%s draws", label);
    test_note("%s", e.text);
    if (ok) pipeline_same_taps(taps[0], taps[1], label);
}

SUITE(families_pipeline, .seconds = 5, .blas = true) {
    for (size_t i = 0; i < sizeof FAMILIES / sizeof *FAMILIES; i++) {
        const MicroFamily *f = &FAMILIES[i];
        char file[64];
        snprintf(file, sizeof file, "%s.safetensors", f->name);
        char path[1024];
        snprintf(path, sizeof path, "%s", test_path(file));
        MakeModel spec = {.size = MODEL_MICRO, .layout = MODEL_SINGLE, .dtype = F32};
        if (!test_check(make_model_of(path, spec, f->config()), "micro %s is written", f->name)) continue;
        for (int k = 0; k < 4 && f->goldens[k]; k++) {
            pipeline_ledger(path, f->goldens[k], "cpu", SD_F32);
            if (!k) pipeline_ledger(path, f->goldens[k], "cpu", SD_F32_DIRECT);
        }
        as_folder(f);
        if (!strcmp(f->name, "sdxl")) prompts(path);
    }
    char base[1024];
    snprintf(base, sizeof base, "%s", test_path("sdxl.safetensors"));
    refined(base, test_path("refiner.safetensors"));
}
