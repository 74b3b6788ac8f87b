#include "ask_hires.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *webui, *row;
} NAMES[] = {{"hr_scale", "hires_scale"},
             {"hr_resize_x", "hires_width"},
             {"hr_resize_y", "hires_height"},
             {"hr_second_pass_steps", "hires_steps"},
             {"hr_upscaler", "hires_upscaler"},
             {"hr_sampler_name", "hires_sampler"},
             {"hr_scheduler", "hires_scheduler"},
             {"hr_prompt", "hires_prompt"},
             {"hr_negative_prompt", "hires_negative"},
             {"hr_cfg", "hires_cfg"}};
enum { NAME_COUNT = sizeof NAMES / sizeof *NAMES };

const char *ask_hires_name(int i, const Param **row) {
    if (i >= NAME_COUNT) return NULL;
    *row = value_param(NAMES[i].row);
    return NAMES[i].webui;
}

bool ask_hires_key(const char *key) {
    static const char *const MORE[] = {"enable_hr", "hr_checkpoint_name", "hr_additional_modules"};
    for (size_t i = 0; i < sizeof MORE / sizeof *MORE; i++)
        if (!strcmp(key, MORE[i])) return true;
    for (int i = 0; i < NAME_COUNT; i++)
        if (!strcmp(key, NAMES[i].webui)) return true;
    return false;
}

/* "Use same sampler" and the like are choices of the webui's page. */
static bool is_same(const char *text) { return !*text || !strncmp(text, "Use same", 8); }

/* The model that draws the second pass. */
static bool take_model(Serve *s, Job *j, const json_t *body, Fault *f) {
    char path[OS_PATH_SIZE], title[OS_PATH_SIZE];
    const char *name = NULL, *module = NULL;
    bool builtin;
    const json_t *modules = json_object_get(body, "hr_additional_modules");
    for (size_t i = 0; i < json_array_size(modules); i++) {
        module = json_string_value(json_array_get(modules, i));
        if (!module || !is_same(module)) return job_warn(j, "hr_additional_modules: has no effect"), true;
    }
    if (!value_string("hr_checkpoint_name", json_object_get(body, "hr_checkpoint_name"), &name, f)) return false;
    if (!name || is_same(name)) return true;
    if (!catalog_find(s->catalog, LIST_MODELS, name, path, title, &builtin))
        return fault(f, 404, "hr_checkpoint_name", "model '%.200s' not found", name);
    if (!strcmp(title, j->title)) return true;
    if (builtin)
        return fault(f, 422, "hr_checkpoint_name",
                     "hr_checkpoint_name: the built-in model draws no other model's second pass");
    j->hires_model = malloc(strlen(path) + 1);
    if (!j->hires_model) return fault(f, 500, "", "out of memory");
    strcpy(j->hires_model, path);
    return true;
}

static bool take_names(Job *j, const json_t *body, Fault *f) {
    SdRequest *r = &j->request;
    bool on = false;
    if (!value_bool("enable_hr", json_object_get(body, "enable_hr"), &on, f)) return false;
    if (!on) return true;
    r->hires_scale = 2; /* unless it is said */
    for (int i = 0; i < NAME_COUNT; i++) {
        const json_t *v = json_object_get(body, NAMES[i].webui);
        const Param *p = value_param(NAMES[i].row);
        const char *text = json_string_value(v);
        bool chosen = p->type == PARAM_SAMPLER || p->type == PARAM_SCHEDULER;
        if (text && (chosen ? is_same(text) : !*text)) continue;
        if (!value_take(p, NAMES[i].webui, v, r, f)) return false;
        if (p->type == PARAM_SCHEDULER && text && !scheduler_find(text))
            job_warn(j, "%s: '%.60s' is unknown: Automatic", NAMES[i].webui, text);
    }
    if (r->hires_width || r->hires_height) r->hires_scale = 0; /* a size counts for more */
    return true;
}

bool ask_upscaler(Serve *s, Job *j, const char *field, Fault *f) {
    char path[OS_PATH_SIZE];
    bool builtin;
    const char **name = request_enlarger(&j->request);
    if (!name) return true;
    if (!*name || !**name)
        *name = param_named(request_hires(&j->request) ? "hires-upscaler" : "sd-upscale-upscaler")->text;
    if (!request_enlarges_by_file(&j->request)) return true;
    if (!catalog_find(s->catalog, LIST_UPSCALERS, *name, path, NULL, &builtin))
        return fault(f, 404, field, "upscaler '%.200s' not found", *name);
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    j->upscaler = malloc(strlen(path) + 1), j->upscaler_name = malloc(strlen(base) + 1);
    if (!j->upscaler || !j->upscaler_name) return fault(f, 500, "", "out of memory");
    strcpy(j->upscaler, path), strcpy(j->upscaler_name, base);
    char *dot = strrchr(j->upscaler_name, '.');
    if (dot && dot != j->upscaler_name) *dot = 0;
    *name = j->upscaler_name;
    return true;
}

bool ask_hires(Serve *s, Job *j, const json_t *body, Fault *f) {
    if (!take_names(j, body, f)) return false;
    if (!request_hires(&j->request)) return true;
    j->passes = 2;
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (p->or_hires && value_given(p) && !value_take(p, p->json, json_object_get(body, p->json), &j->request, f))
            return false;
    return take_model(s, j, body, f) && ask_upscaler(s, j, "hr_upscaler", f);
}
