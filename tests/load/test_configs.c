/* test_configs.c: what a folder's configurations say is what the model then has: noise levels as diffusers makes them
 * (known_alphas.inc, by tools/goldens/schedulers.py), tokens, heads; and a conversion keeps them. */
#include "sd/load/model.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char folder[512];

static bool put(const char *file, const char *text) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return test_write(path, text, strlen(text));
}

static SdModel *open_with(const char *file, const char *text, Error *e) {
    return test_check(put(file, text), "%s is written", file) ? sd_open(folder, NULL, e) : NULL;
}

/* --- noise levels --- */

static const struct {
    const char *config;
    double alphas[5]; /* at TIMES */
} SCHEDULERS[] = {
#include "known_alphas.inc"
};
static const int TIMES[5] = {0, 1, 499, 998, 999};

/* The text with [BETAS] written out: 0.0001 + i 0.00001. */
static const char *with_betas(const char *config) {
    static char text[20000];
    const char *at = strstr(config, "[BETAS]");
    if (!at) return config;
    size_t n = (size_t)sprintf(text, "%.*s", (int)(at - config), config);
    for (int i = 0; i < TRAIN_STEPS; i++) n += (size_t)sprintf(text + n, "%s%.5f", i ? "," : "[", 0.0001 + i * 1e-5);
    sprintf(text + n, "]%s", at + 7);
    return text;
}

/* diffusers multiplies a thousand floats; near the end of a rescaled list differences of them count. */
static bool near(const float *alphas, const double *known) {
    for (int i = 0; i < 5; i++)
        if (!(fabs(alphas[TIMES[i]] - known[i]) <= 5e-5 * known[i])) return false;
    return true;
}

static void schedulers(void) {
    const char *file = "scheduler/scheduler_config.json", *converted = test_path("converted.safetensors");
    for (size_t i = 0; i < sizeof SCHEDULERS / sizeof *SCHEDULERS; i++) {
        Error e = {0};
        SdModel *m = open_with(file, with_betas(SCHEDULERS[i].config), &e);
        test_check(m && near(m->noise_levels.alphas, SCHEDULERS[i].alphas) && m->own_levels == (i != 0 && i != 3),
                   "noise levels of %.80s", SCHEDULERS[i].config);
        if (m)
            test_note("%.9g %.9g %.9g", m->noise_levels.alphas[0], m->noise_levels.alphas[998],
                      m->noise_levels.alphas[999]);
        test_note("%s", e.text);
        SdModel *again =
            m && i == 4 && sd_convert(folder, converted, NULL, NULL, &e) ? sd_open(converted, NULL, &e) : NULL;
        test_check(i != 4 || (again && !memcmp(&again->noise_levels, &m->noise_levels, sizeof m->noise_levels)),
                   "a converted model keeps its noise levels");
        test_note("%s", e.text);
        sd_close(again);
        sd_close(m);
    }
    put(file, SCHEDULERS[0].config);
}

/* --- others --- */

static bool pad_0(const SdModel *m) { return m->config.clip[0].pad == 0; }
static bool pad_eos(const SdModel *m) { return m->config.clip[0].pad == 49407; }
static bool is_v(const SdModel *m) { return m->config.prediction == PREDICT_V; }
static bool zero_snr(const SdModel *m) { return m->noise_levels.alphas[999] == 0x1p-24f && is_v(m); }
static bool notes(const SdModel *m) { return strstr(sd_unused(m), "the added token <a>, the added token <b>") != NULL; }

static void others(void) {
    static const struct {
        const char *file, *text;
        bool (*holds)(const SdModel *m);
    } CASES[] = {
        {"tokenizer/tokenizer_config.json", "{\"pad_token\":\"!\",\"model_max_length\":77}", pad_0},
        {"tokenizer/tokenizer_config.json", "{\"pad_token\":{\"content\":\"<|endoftext|>\"}}", pad_eos},
        {"tokenizer/special_tokens_map.json", "{\"pad_token\":\"!\"}", pad_0}, /* overrides */
        {"tokenizer/special_tokens_map.json", "{}", pad_eos},
        {"tokenizer/added_tokens.json", "{\"<a>\":49408,\"<b>\":49409,\"<|endoftext|>\":49407}", notes},
        {"tokenizer/added_tokens.json", "{}", pad_eos},
        {"tokenizer/tokenizer_config.json",
         "{\"added_tokens_decoder\":{\"49408\":{\"content\":\"<a>\"},\"49409\":{\"content\":\"<b>\"}}}", notes},
        {"scheduler/scheduler_config.json",
         "{\"_class_name\":\"DDIMScheduler\",\"prediction_type\":\"v_prediction\",\"rescale_betas_zero_snr\":true,"
         "\"lambda_min_clipped\":-Infinity}",
         is_v},
        {"scheduler/scheduler_config.json",
         "{\"_class_name\":\"LCMScheduler\",\"prediction_type\":\"v_prediction\",\"rescale_betas_zero_snr\":true}",
         zero_snr},
        {"scheduler/scheduler_config.json", "{\"prediction_type\":\"epsilon\",\"prediction_type\":\"v_prediction\"}",
         is_v},
    };
    char path[1024];
    snprintf(path, sizeof path, "%s/tokenizer", folder);
    mkdir(path, 0777);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        Error e = {0};
        SdModel *m = open_with(CASES[i].file, CASES[i].text, &e);
        snprintf(path, sizeof path, "%s/tokenizer/added_tokens.json", folder);
        if (i == 5) remove(path);
        test_check(m && CASES[i].holds(m), "%s: %.60s", CASES[i].file, CASES[i].text);
        test_note("%s", e.text);
        sd_close(m);
    }
}

/* --- prediction --- */

static void lower(void *user, MadeTensors *l) {
    for (size_t i = 0; user && i < l->count; i++)
        if (!strcmp(l->at[i].name, "model.diffusion_model.out.2.bias"))
            l->at[i].values = VALUES_ALL, l->at[i].value = -3;
}

/* No key of an SD 2 file says what it predicts: its U-Net does, unless somebody knows better. */
static void predictions(void) {
    SdConfig k = config_sd2();
    k.unet.channels = 64;
    k.unet.levels = k.vae.levels = 2;
    for (int i = 0; i < MAX_LEVELS; i++) k.unet.mult[i] = k.vae.mult[i] = i < 2, k.unet.depth[i] = i == 0;
    k.unet.res_blocks = k.vae.res_blocks = k.clip[0].heads = 1;
    k.unet.context = k.clip[0].width = k.clip[0].mlp = k.vae.channels = 64;
    k.clip[0].layers = 2;
    char path[1024], converted[1024];
    snprintf(path, sizeof path, "%s", test_path("sd2.safetensors"));
    snprintf(converted, sizeof converted, "%s", test_path("converted.safetensors"));
    for (int v = 0; v < 2; v++) {
        Error e = {0};
        SdInfo info = {0}, after = {0};
        MakeModel spec = {.dtype = F16, .config = "", .edit = lower, .user = v ? &v : NULL};
        if (!test_check(make_model_of(path, spec, k), "an SD 2 model is written")) return;
        bool ok = sd_info(path, false, &info, &e) && sd_convert(path, converted, NULL, NULL, &e) &&
                  sd_info(converted, false, &after, &e);
        test_check(ok && !strcmp(info.prediction, v ? "v" : "eps") && strstr(info.decided, "its U-Net") &&
                       !strcmp(info.variant, v ? "768-v" : "512-base") && info.width == (v ? 768 : 512),
                   "an SD 2 model that predicts %s", v ? "v" : "eps");
        test_note("%s, %s, %s, %d %s", info.prediction, info.decided, info.variant, info.width, e.text);
        test_check(ok && !strcmp(after.prediction, info.prediction) && !strcmp(after.decided, "sdc.config"),
                   "and so does what it is converted to");
        for (int told = 1; told < 3; told++) {
            SdModel *m = sd_open(path, &(SdOptions){.prediction = (SdPrediction)told}, &e);
            test_check(m && m->told_prediction && is_v(m) == (told == SD_PREDICTION_V), "unless the caller says %d",
                       told);
            sd_close(m);
        }
    }
}

SUITE(configs, .seconds = 1) {
    snprintf(folder, sizeof folder, "%s", test_path("configs"));
    const MakeModel spec = {.layout = MODEL_DIFFUSERS, .dtype = F16};
    if (!test_check(make_model(folder, spec), "a folder is written")) return;
    schedulers();
    others();
    predictions();
}
