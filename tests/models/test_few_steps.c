/* test_few_steps.c: the settings that a model's name, title, tensors or scheduler ask for, and that requests follow. */
#include "sd/info/params.h"
#include "sd/load/model.h"
#include "sd/pipeline/request.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* NULL: nothing is said. x0: the model predicts the picture. */
static const struct {
    const char *name, *sampler, *scheduler;
    int steps;
    bool x0;
} NAMES[] = {
    {"sd_turbo.safetensors", "Euler a", "Trailing", 1, false},
    {"sd_xl_turbo_1.0_fp16.safetensors", "Euler a", "Trailing", 1, false},
    {"sdxl-turbo.safetensors", "Euler a", "Trailing", 1, false},
    {"sdxl_lightning_4step.safetensors", "Euler", "Trailing", 4, false},
    {"sdxl_lightning_1step_x0.safetensors", "Euler", "Trailing", 1, true},
    {"Hyper-SDXL-8steps.safetensors", "Euler", "Trailing", 8, false},
    {"Hyper-SDXL-1step-Unet.fp16.safetensors", "Euler", "Hyper-SD", 1, false},
    {"LCM_Dreamshaper_v7.safetensors", "LCM", "LCM", 4, false},
    {"dreamshaper_8LCM.safetensors", "LCM", "LCM", 4, false},
    {"photonLCM_v10.safetensors", "LCM", "LCM", 4, false},
    {"my-TCD.ckpt.safetensors", "TCD", "Automatic", 4, false},
    {"Hyper-SD15-8steps-CFG.safetensors", NULL, NULL, 0, false}, /* made to keep guidance */
    {"lightning.safetensors", NULL, NULL, 0, false},             /* of how many steps? */
    {"turbocharged.safetensors", NULL, NULL, 0, false},
    {"alcmene.safetensors", NULL, NULL, 0, false},
    {"lcm.folder/plain.safetensors", NULL, NULL, 0, false},
};

static bool as_said(const SdModel *m, const char *sampler, const char *scheduler, int steps, double cfg) {
    SdRequest r = sd_request(m), usual = sd_request(NULL);
    if (!sampler)
        return !m->config.few_steps && !*m->notes.settings && !strcmp(r.sampler, usual.sampler) && !r.scheduler &&
               r.steps == usual.steps && r.cfg == usual.cfg;
    return *m->notes.settings && !strcmp(r.sampler, sampler) && r.scheduler && !strcmp(r.scheduler, scheduler) &&
           r.steps == steps && r.cfg == cfg;
}

/* SD 1 with two narrow levels, in a file that does not say so. */
static SdConfig small(void) {
    SdConfig k = config_sd1();
    k.unet.levels = k.vae.levels = 2;
    for (int i = 0; i < MAX_LEVELS; i++) k.unet.mult[i] = k.vae.mult[i] = i < 2, k.unet.depth[i] = i == 0;
    k.unet.res_blocks = k.vae.res_blocks = k.clip[0].heads = 1;
    k.unet.channels = k.unet.context = k.clip[0].width = k.clip[0].mlp = k.vae.channels = 64;
    k.clip[0].layers = 1;
    return k;
}

static void check(SdModel *m, const char *what, const char *sampler, const char *scheduler, int steps, double cfg,
                  const Error *e) {
    test_check(m && as_said(m, sampler, scheduler, steps, cfg), "%s: %s", what, sampler ? sampler : "nothing said");
    if (m)
        test_note("%s, %s, %d, %g; %s", m->config.sampler, m->config.scheduler, m->config.steps, m->config.cfg,
                  m->notes.settings);
    test_note("%s", e->text);
    sd_close(m);
}

static void names(void) {
    char from[1024], to[1024];
    const MakeModel spec = {.dtype = F16, .config = ""};
    snprintf(from, sizeof from, "%s", test_path("plain.safetensors"));
    mkdir(test_path("lcm.folder"), 0777);
    if (!test_check(make_model_of(from, spec, small()), "a file is written")) return;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        Error e = {0};
        snprintf(to, sizeof to, "%s", test_path(NAMES[i].name));
        SdModel *m = rename(from, to) ? NULL : sd_open(to, NULL, &e);
        test_check(m && (m->config.prediction == PREDICT_X0) == NAMES[i].x0, "%s: prediction", NAMES[i].name);
        check(m, NAMES[i].name, NAMES[i].sampler, NAMES[i].scheduler, NAMES[i].steps, 1, &e);
        memcpy(from, to, sizeof from);
    }
}

/* A folder's scheduler; and what a conversion keeps, under a name that says otherwise. */
static void folders(void) {
    static const struct {
        const char *config, *sampler, *scheduler;
        int steps;
        double cfg;
    } CASES[] = {
        {"{\"_class_name\":\"LCMScheduler\",\"timestep_spacing\":\"leading\"}", "LCM", "LCM", 4, 1},
        {"{\"_class_name\":\"TCDScheduler\"}", "TCD", "Automatic", 4, 1},
        {"{\"_class_name\":\"EulerAncestralDiscreteScheduler\",\"timestep_spacing\":\"trailing\"}", "Euler a",
         "Trailing", 20, 7},
        {"{\"_class_name\":\"DDIMScheduler\",\"timestep_spacing\":\"trailing\"}", "Euler", "Trailing", 20, 7},
        {"{\"_class_name\":\"EulerDiscreteScheduler\",\"timestep_spacing\":\"leading\"}", NULL, NULL, 0, 0},
    };
    char folder[512], path[1024], converted[1024];
    snprintf(folder, sizeof folder, "%s", test_path("folder"));
    snprintf(path, sizeof path, "%s/scheduler/scheduler_config.json", folder);
    snprintf(converted, sizeof converted, "%s", test_path("sdxl_turbo.safetensors"));
    for (int told = 0; told < 2; told++) { /* whether the U-Net is told its guidance */
        const MakeModel spec = {.layout = MODEL_DIFFUSERS, .dtype = F16};
        if (!test_check(make_model_of(folder, spec, told ? micro_lcm_config() : micro_config()), "a folder is written"))
            return;
        for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
            Error e = {0};
            if (!test_check(test_write(path, CASES[i].config, strlen(CASES[i].config)), "%s", path)) return;
            if (told) check(sd_open(folder, NULL, &e), "told its guidance", "LCM", "LCM", 4, 8.5, &e);
            else
                check(sd_open(folder, NULL, &e), CASES[i].config, CASES[i].sampler, CASES[i].scheduler, CASES[i].steps,
                      CASES[i].cfg, &e);
            if (told || i) continue;
            bool ok = sd_convert(folder, converted, NULL, NULL, &e);
            check(ok ? sd_open(converted, NULL, &e) : NULL, "converted", "LCM", "LCM", 4, 1, &e);
        }
    }
}

/* What was not given is the model's, but for the schedule type of a sampler that names one. */
static void given(void) {
    static const struct {
        const char *sampler, *scheduler, *then, *type;
    } CASES[] = {{NULL, NULL, "Euler a", "Trailing"},
                 {"Heun", NULL, "Heun", "Trailing"},
                 {"Heun", "Automatic", "Heun", "Automatic"},
                 {"DPM++ SDE Karras", NULL, "DPM++ SDE Karras", NULL},
                 {NULL, "Karras", "Euler a", "Karras"}};
    SdRequest usual = sd_request(NULL);
    usual.sampler = "Euler a", usual.scheduler = "Trailing", usual.steps = 1, usual.cfg = 1;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        SdRequest r = sd_request(NULL);
        params_forget(&r);
        r.sampler = CASES[i].sampler, r.scheduler = CASES[i].scheduler;
        params_adopt(&r, &usual);
        bool same = !strcmp(r.sampler, CASES[i].then) && !r.scheduler == !CASES[i].type &&
                    (!r.scheduler || !strcmp(r.scheduler, CASES[i].type));
        test_check(same && r.steps == 1 && r.cfg == 1, "given %s, %s", CASES[i].sampler ? CASES[i].sampler : "nothing",
                   CASES[i].scheduler ? CASES[i].scheduler : "nothing");
    }
    SdModel m = {.config = config_sdxl()};
    SdRequest r = sd_request(&m);
    r.cfg = 0.5;
    test_check(request_scale(&m, &r) == 0.5, "guidance below 1 is the webui's");
    m.config.few_steps = true;
    test_check(request_scale(&m, &r) == 1, "but none of few steps");
    r.cfg = 2;
    test_check(request_scale(&m, &r) == 2 && !*sd_ignored(&m, &r), "which may be guided");
    m.config.unet.guidance = 256, r.negative = "x";
    test_check(request_scale(&m, &r) == 1 && *sd_ignored(&m, &r), "unless the U-Net is told its guidance");
}

SUITE(few_steps, .seconds = 1) {
    names();
    folders();
    given();
}
