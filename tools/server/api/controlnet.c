/* controlnet.c: the routes of the webui's ControlNet extension. */
#include "tools/server/api/ask/ask.h"
#include "tools/server/api/ask/ask_controls.h"
#include "tools/server/api/ask/ask_image.h"
#include "reply.h"
#include "routes.h"

#include <stdlib.h>
#include <string.h>

/* --- lists --- */

static void add_name(void *list, const CatalogEntry *x) { json_array_append_new(list, json_string(x->name)); }

static void models(Serve *s, Call *c) {
    json_t *list = json_array();
    catalog_each(s->catalog, LIST_CONTROLNETS, add_name, list);
    answer_json(&c->answer, 200, json_pack("{s:o}", "model_list", list));
}

/* What the extension's page lets one set for a module: at most three sliders. */
typedef struct {
    const char *name;
    double value, low, high, step;
} Slider;
static const Slider RESOLUTION = {"Resolution", 512, 64, 2048, 8};

static int sliders_of(SdHint hint, Slider out[3]) {
    switch (hint) {
    case SD_HINT_CANNY:
        out[0] = RESOLUTION;
        out[1] = (Slider){"Low Threshold", 100, 1, 255, 1};
        out[2] = (Slider){"High Threshold", 200, 1, 255, 1};
        return 3;
    case SD_HINT_SCRIBBLE: return out[0] = RESOLUTION, 1;
    case SD_HINT_LUMINANCE: return out[0] = (Slider){"Gamma Correction", 1, 0.1, 2, 0.001}, 1;
    default: return 0;
    }
}

static void modules(Serve *s, Call *c) {
    json_t *list = json_array(), *details = json_object();
    (void)s;
    const char *alias = call_query(c, "alias_names");
    bool labels = alias && (value_same(alias, "true") || !strcmp(alias, "1"));
    for (int i = 0; i < CONTROL_MODULE_COUNT; i++) {
        const ControlModule *m = &CONTROL_MODULES[i];
        Slider at[3];
        json_t *sliders = json_array();
        for (int k = 0, n = sliders_of(m->hint, at); k < n; k++)
            json_array_append_new(sliders,
                                  json_pack("{s:s, s:f, s:f, s:f, s:f}", "name", at[k].name, "value", at[k].value,
                                            "min", at[k].low, "max", at[k].high, "step", at[k].step));
        const char *name = labels ? m->label : m->name;
        json_array_append_new(list, json_string(name));
        json_object_set_new(details, name, json_pack("{s:b, s:o}", "model_free", 0, "sliders", sliders));
    }
    answer_json(&c->answer, 200, json_pack("{s:o, s:o}", "module_list", list, "module_detail", details));
}

/* --- types --- */

/* A type has the modules of these names, the first of which is its usual one, and the models whose names hold the
 * type's or `also`, in any case of letters. Types of which no module is here take pictures that are hints already. */
static const struct {
    const char *type, *modules[3], *also;
} TYPES[] = {
    {"All", {NULL}, NULL},
    {"Blur", {"tile_resample"}, NULL},
    {"Canny", {"canny", "invert"}, NULL},
    {"Depth", {NULL}, NULL},
    {"IP-Adapter", {"ip-adapter-auto"}, "ip_adapter"},
    {"Inpaint", {"inpaint_global_harmonious", "inpaint_only"}, NULL},
    {"Lineart", {"invert"}, NULL},
    {"MLSD", {"invert"}, NULL},
    {"NormalMap", {NULL}, "normal"},
    {"OpenPose", {NULL}, NULL},
    {"Recolor", {"recolor_luminance"}, NULL},
    {"Scribble", {"scribble", "invert"}, NULL},
    {"Segmentation", {NULL}, "seg"},
    {"Sketch", {"scribble", "invert"}, NULL},
    {"SoftEdge", {NULL}, NULL},
    {"Tile", {"tile_resample"}, NULL},
};

static bool holds(const char *text, const char *word) {
    for (; *text; text++) {
        size_t n = 0;
        while (word[n] && text[n] && (text[n] | 32) == (word[n] | 32)) n++;
        if (!word[n]) return true;
    }
    return false;
}

typedef struct {
    json_t *list;
    const char *word, *also;
} Filter;

static void add_if(void *filter, const CatalogEntry *x) {
    const Filter *f = filter;
    if (!f->word || holds(x->name, f->word) || (f->also && holds(x->name, f->also))) add_name(f->list, x);
}

static json_t *type_of(Serve *s, int i) {
    bool all = !i;
    Filter f = {json_array(), all ? NULL : TYPES[i].type, TYPES[i].also};
    json_t *list = json_array();
    json_array_append_new(f.list, json_string("None"));
    catalog_each(s->catalog, LIST_CONTROLNETS, add_if, &f);
    json_array_append_new(list, json_string("none"));
    for (int k = 1; all && k < CONTROL_MODULE_COUNT; k++)
        json_array_append_new(list, json_string(CONTROL_MODULES[k].label));
    for (int k = 0; k < 3 && TYPES[i].modules[k]; k++)
        json_array_append_new(list, json_string(control_module_named(TYPES[i].modules[k])->label));
    const char *module = json_string_value(json_array_get(list, all || json_array_size(list) < 2 ? 0 : 1));
    const char *model = json_string_value(json_array_get(f.list, all || json_array_size(f.list) < 2 ? 0 : 1));
    return json_pack("{s:o, s:o, s:s, s:s}", "module_list", list, "model_list", f.list, "default_option", module,
                     "default_model", model);
}

static void types(Serve *s, Call *c) {
    json_t *all = json_object();
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        json_object_set_new(all, TYPES[i].type, type_of(s, (int)i));
    answer_json(&c->answer, 200, json_pack("{s:o}", "control_types", all));
}

static void settings(Serve *s, Call *c) {
    (void)s;
    answer_json(&c->answer, 200, json_pack("{s:i}", "control_net_unit_count", SD_MOST_CONTROLS));
}

static void version(Serve *s, Call *c) { (void)s, answer_json(&c->answer, 200, json_pack("{s:i}", "version", 3)); }

/* --- detect --- */

static void finish(Job *j, void *user) {
    (void)user;
    if (j->error.code) {
        answer_detail(&j->answer, reply_status(&j->error), "%s", j->error.text);
        return;
    }
    json_t *images = json_array();
    for (int i = 0; i < j->count; i++)
        json_array_append_new(images, reply_base64(j->pictures[i].png, j->pictures[i].size));
    json_t *reply = json_pack("{s:s, s:o}", "info", "Success", "images", images);
    if (reply && json_array_size(j->warnings)) json_object_set(reply, "warnings", j->warnings);
    answer_json(&j->answer, 200, reply);
}

/* A slider's value; beyond its range the usual one, as in the extension. */
static bool take_slider(const json_t *body, const char *key, const Slider *slider, double *out, Fault *f) {
    const json_t *v = json_object_get(body, key);
    *out = slider->value;
    if (!v || json_is_null(v)) return true;
    double number = json_is_string(v) ? atof(json_string_value(v)) : json_number_value(v);
    if (!json_is_string(v) && !json_is_number(v)) return fault(f, 422, key, "%s: is no number", key);
    if (number >= slider->low && number <= slider->high) *out = number;
    return true;
}

static bool fill(Serve *s, Job *j, const json_t *body, Fault *f) {
    static const char *const KEYS[] = {"controlnet_processor_res", "controlnet_threshold_a", "controlnet_threshold_b"};
    const char *name = "none";
    const json_t *images = json_object_get(body, "controlnet_input_images");
    if (!value_string("controlnet_module", json_object_get(body, "controlnet_module"), &name, f)) return false;
    const ControlModule *m = control_module_named(name);
    if (!m)
        return fault(f, 422, "controlnet_module", "Module not available: '%.60s'; see /controlnet/module_list", name);
    if (m->image_prompt || m->hint == SD_HINT_INPAINT)
        return fault(f, 422, "controlnet_module", "Module not supported: '%.60s' makes no picture", name);
    if (images && !json_is_array(images) && !json_is_null(images))
        return fault(f, 422, "controlnet_input_images", "controlnet_input_images: is no list of pictures");
    if (!json_array_size(images)) return fault(f, 422, "controlnet_input_images", "No image selected");
    if (json_array_size(images) > (size_t)s->o->most_pictures)
        return fault(f, 422, "controlnet_input_images",
                     "controlnet_input_images: more than %d pictures (--most-pictures)", s->o->most_pictures);
    Slider at[3];
    double value[3] = {0};
    int count = sliders_of(m->hint, at), resolution = count && at[0].name == RESOLUTION.name;
    for (int k = 0; k < count; k++)
        if (!take_slider(body, KEYS[k + !resolution], &at[k], &value[k], f)) return false;
    j->hint = (JobHint){m->hint, value[resolution], resolution ? value[2] : 0, resolution ? (int)value[0] : 0};
    if (json_array_size(json_object_get(body, "controlnet_masks"))) job_warn(j, "controlnet_masks: has no effect");
    for (size_t i = 0; i < json_array_size(images); i++) {
        const char *text = json_string_value(json_array_get(images, i));
        if (!text)
            return fault(f, 422, "controlnet_input_images", "controlnet_input_images: picture %zu is no text", i);
        JobFile *to = job_file(j);
        if (!to) return fault(f, 500, "", "out of memory");
        if (!ask_image(&to->bytes, &to->size, "controlnet_input_images", text, f)) return false;
    }
    return true;
}

static void detect(Serve *s, Call *c) {
    Fault f = {0};
    Job *j = ask_begin(s, NULL, &f);
    if (!j || !fill(s, j, c->json, &f)) {
        job_free(j);
        route_fault(c, &f);
        return;
    }
    j->kind = JOB_HINT, j->task = "detect", j->iterations = j->file_count, j->finish = finish;
    route_add(s, c, j);
}

const Route CONTROL_ROUTES[] = {
    {"GET", "/controlnet/version", version, 0, "of the webui's extension", NULL},
    {"GET", "/controlnet/settings", settings, 0, "how many units a request may have", NULL},
    {"GET", "/controlnet/model_list", models, 0, "the ControlNets", NULL},
    {"GET", "/controlnet/module_list", modules, 0, "what is made of pictures for ControlNets", "alias_names:b"},
    {"GET", "/controlnet/control_types", types, 0, "both, by what ControlNets are shown", NULL},
    {"POST", "/controlnet/detect", detect, ROUTE_JSON, "what a module makes of pictures",
     "controlnet_module:s,controlnet_input_images:a!,controlnet_processor_res:i,controlnet_threshold_a:n,"
     "controlnet_threshold_b:n,controlnet_masks:a"},
    {0},
};
