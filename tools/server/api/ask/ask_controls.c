#include "ask_controls.h"

#include "ask_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const ControlModule CONTROL_MODULES[CONTROL_MODULE_COUNT] = {
    {"none", "none", NULL, SD_HINT_NONE, false},
    {"canny", "canny", NULL, SD_HINT_CANNY, false},
    {"invert", "invert (from white bg & black line)", NULL, SD_HINT_INVERT, false},
    {"tile_resample", "tile_resample", "tile", SD_HINT_TILE, false},
    {"scribble", "scribble", NULL, SD_HINT_SCRIBBLE, false},
    {"recolor_luminance", "recolor_luminance", "luminance", SD_HINT_LUMINANCE, false},
    {"inpaint_global_harmonious", "inpaint_global_harmonious", "inpaint", SD_HINT_INPAINT, false},
    {"inpaint_only", "inpaint_only", NULL, SD_HINT_INPAINT, false},
    {"ip-adapter-auto", "ip-adapter-auto", NULL, SD_HINT_NONE, true},
};

#define KEY "alwayson_scripts"

static int lower(int c) { return c >= 'A' && c <= 'Z' ? c | 32 : c; }

static bool begins(const char *text, const char *word) {
    while (*word && lower((unsigned char)*text) == *word) text++, word++;
    return !*word && (!*text || *text == ' ');
}

/* The webui has an IP-Adapter's module for each vision encoder: "ip-adapter_clip_sd15". Here it is the server's. */
const ControlModule *control_module_named(const char *name) {
    for (const ControlModule *m = CONTROL_MODULES; m < CONTROL_MODULES + CONTROL_MODULE_COUNT; m++)
        if (begins(name, m->name) || (m->was && begins(name, m->was))) return m;
        else if (m->image_prompt) {
            const char *word = "ip-adapter";
            while (*word && lower((unsigned char)*name) == *word) name++, word++;
            if (!*word) return m;
        }
    return NULL;
}

static bool take_module(const json_t *v, const ControlModule **out, Fault *f) {
    const char *name = "none";
    if (!value_string("module", v, &name, f)) return false;
    *out = control_module_named(*name ? name : "none");
    return *out || fault(f, 422, KEY, "ControlNet: module '%.60s' is not available; see /controlnet/module_list", name);
}

/* A word of a list by its first words, or its number: "balanced", "My prompt is more important". */
static bool take_word(const json_t *v, const char *name, const char *const *words, int *out, Fault *f) {
    const char *text = json_string_value(v);
    int64_t number = *out;
    int count = 0;
    while (words[count]) count++;
    if (!text) {
        if (!value_whole(name, v, 0, count - 1, &number, f)) return false;
        return *out = (int)number, true;
    }
    for (int i = 0; i < count; i++)
        if (begins(text, words[i])) return *out = i, true;
    return fault(f, 422, KEY, "ControlNet: %s '%.60s' is unknown", name, text);
}

static bool take_number(const json_t *unit, const char *name, double low, double high, double *out, Fault *f) {
    const json_t *v = json_object_get(unit, name);
    if (!v || json_is_null(v)) return true;
    double number = json_is_string(v) ? atof(json_string_value(v)) : json_number_value(v);
    if (json_is_string(v) || json_is_number(v))
        if (number >= low && number <= high) return *out = number, true;
    return fault(f, 422, KEY, "ControlNet: %s is not in %g..%g", name, low, high);
}

/* A threshold, which the webui takes below 0 for the module's own. */
static bool take_threshold(const json_t *unit, const char *name, double low, double high, double *out, Fault *f) {
    const json_t *v = json_object_get(unit, name);
    return (json_is_number(v) && json_number_value(v) < 0) || take_number(unit, name, low, high, out, f);
}

/* The unit's picture: text, or an object with one. */
static const char *image_of(const json_t *unit) {
    static const char *const NAMES[] = {"image", "input_image"};
    for (int i = 0; i < 2; i++) {
        const json_t *v = json_object_get(unit, NAMES[i]);
        if (json_is_object(v)) v = json_object_get(v, "image");
        if (json_is_string(v) && *json_string_value(v)) return json_string_value(v);
    }
    return NULL;
}

/* Its mask, likewise. */
static const char *mask_of(const json_t *unit) {
    static const char *const NAMES[] = {"mask", "mask_image"}, *const WITHIN[] = {"image", "input_image"};
    for (int i = 0; i < 2; i++) {
        const json_t *v = json_object_get(unit, NAMES[i]), *in = json_object_get(unit, WITHIN[i]);
        if (!json_string_length(v) && json_is_object(in)) v = json_object_get(in, "mask");
        if (json_is_string(v) && *json_string_value(v)) return json_string_value(v);
    }
    return NULL;
}

/* What an inpainting's picture has repainted. Only with img2img's mask does the extension draw by its "inpaint_only"
 * as by "inpaint_global_harmonious". */
static bool take_mask(Job *j, JobControl *c, const ControlModule *module, const json_t *unit, const char *image,
                      Fault *f) {
    const char *mask = mask_of(unit);
    if (c->how.hint != SD_HINT_INPAINT) return !mask || (job_warn(j, "ControlNet: mask: has no effect"), true);
    if (image && !strcmp(module->name, "inpaint_only"))
        return fault(f, 422, KEY,
                     "ControlNet: module 'inpaint_only' keeps pixels of the unit's picture, which this server does "
                     "not; use img2img with a mask, or inpaint_global_harmonious");
    if (!image && mask) return fault(f, 422, KEY, "ControlNet: a unit has a mask, but no picture");
    if (image && !mask) return fault(f, 422, KEY, "ControlNet: an inpaint unit's picture needs a mask");
    return !mask || ask_image(&c->mask, &c->mask_size, KEY, mask, f);
}

static void warn_unit(Job *j, const json_t *unit) {
    static const char *const KEYS[] = {"effective_region_mask", "advanced_weighting"};
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        const json_t *v = json_object_get(unit, KEYS[i]);
        if (json_string_length(v) || json_array_size(v) || json_object_size(v))
            job_warn(j, "ControlNet: %s: has no effect", KEYS[i]);
    }
}

/* What an IP-Adapter makes of a picture is the same always. */
static bool take_image_prompt(const Serve *s, Job *j, JobControl *c, Fault *f) {
    if (!s->o->image_encoder)
        return fault(f, 422, KEY,
                     "ControlNet: ip-adapter needs a vision encoder: start the server with --image-encoder");
    if (c->how.mode != SD_CONTROL_BALANCED) job_warn(j, "ControlNet: control_mode: has no effect on ip-adapter");
    c->how.mode = SD_CONTROL_BALANCED, c->how.resize = SD_RESIZE_CROP, c->how.hint = SD_HINT_NONE;
    c->vision = s->o->image_encoder;
    return true;
}

static bool take_unit(Serve *s, Job *j, JobControl *c, const json_t *unit, Fault *f) {
    static const char *const RESIZES[] = {"just resize", "crop and resize", "resize and fill", NULL};
    static const char *const MODES[] = {"balanced", "my prompt", "controlnet", NULL};
    static const char *const KINDS[] = {"unknown",    "openpose",     "depth", "soft edge", "hard edge",
                                        "normal map", "segmentation", "tile",  "inpaint",   NULL};
    const char *model = NULL, *image = image_of(unit);
    char path[OS_PATH_SIZE];
    bool builtin;
    int kind = SD_KIND_UNSAID, mode = SD_CONTROL_BALANCED, resize = SD_RESIZE_CROP;
    const ControlModule *module = NULL;
    c->how = (SdControl){.weight = 1, .end = 1};
    if (!value_string("model", json_object_get(unit, "model"), &model, f) ||
        !take_module(json_object_get(unit, "module"), &module, f) ||
        !take_word(json_object_get(unit, "control_mode"), "control_mode", MODES, &mode, f) ||
        !take_word(json_object_get(unit, "union_control_type"), "union_control_type", KINDS, &kind, f) ||
        !take_word(json_object_get(unit, "resize_mode"), "resize_mode", RESIZES, &resize, f) ||
        !take_number(unit, "weight", 0, 2, &c->how.weight, f) ||
        !take_number(unit, "guidance_start", 0, 1, &c->how.start, f) ||
        !take_number(unit, "guidance_end", 0, 1, &c->how.end, f))
        return false;
    if (c->how.start > c->how.end) return fault(f, 422, KEY, "ControlNet: guidance_start is after guidance_end");
    SdHint hint = module->hint;
    if (hint == SD_HINT_CANNY && (!take_threshold(unit, "threshold_a", 1, 255, &c->how.low, f) ||
                                  !take_threshold(unit, "threshold_b", 1, 255, &c->how.high, f)))
        return false;
    if (hint == SD_HINT_LUMINANCE && !take_threshold(unit, "threshold_a", 0.1, 2, &c->how.low, f)) return false;
    c->how.hint = hint, c->how.mode = (SdControlMode)mode, c->how.resize = (SdResize)resize;
    c->how.kind = (SdHintKind)kind;
    if (module->image_prompt && !take_image_prompt(s, j, c, f)) return false;
    if (!model || !catalog_find(s->catalog, LIST_CONTROLNETS, model, path, NULL, &builtin))
        return fault(f, 404, KEY, "ControlNet: model '%.200s' not found", model ? model : "None");
    c->path = malloc(strlen(path) + 1);
    if (!c->path) return fault(f, 500, "", "out of memory");
    strcpy(c->path, path);
    return take_mask(j, c, module, unit, image, f) && (!image || ask_image(&c->image, &c->image_size, KEY, image, f));
}

bool ask_controls(Serve *s, Job *j, const json_t *units, Fault *f) {
    size_t i;
    const json_t *unit;
    if (json_is_object(units)) {
        json_t *list = json_pack("[O]", (json_t *)(uintptr_t)units);
        bool ok = list && ask_controls(s, j, list, f);
        json_decref(list);
        return ok;
    }
    for (i = 0; i < json_array_size(units); i++) {
        unit = json_array_get(units, i);
        bool enabled = true;
        if (!json_is_object(unit)) continue; /* true or false in front of them */
        if (!value_bool("enabled", json_object_get(unit, "enabled"), &enabled, f)) return false;
        if (!enabled) continue;
        if (j->control_count == SD_MOST_CONTROLS)
            return fault(f, 422, KEY, "ControlNet: %d units are the most", SD_MOST_CONTROLS);
        warn_unit(j, unit);
        if (!take_unit(s, j, &j->controls[j->control_count++], unit, f)) return false;
    }
    return true;
}
