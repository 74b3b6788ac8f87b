#include "ask_scripts.h"

#include "ask_controls.h"

#include <string.h>

#define KEY "alwayson_scripts"

const char *const SCRIPTS_TXT2IMG[] = {"controlnet", NULL};
const char *const SCRIPTS_IMG2IMG[] = {"controlnet", "soft inpainting", "sd upscale", NULL};

/* Whether a unit of an always-on script does something: not [false, ...], [], {"enabled": false}. */
static bool is_enabled(const json_t *args) {
    const json_t *first = json_array_get(args, 0);
    if (!first || json_is_false(first) || json_is_null(first)) return false;
    for (size_t i = 0; i < json_array_size(args); i++) {
        const json_t *unit = json_array_get(args, i);
        if (!json_is_object(unit)) return true;
        if (!json_is_false(json_object_get(unit, "enabled"))) return true;
    }
    return false;
}

/* The arguments in their order, with the labels by which some clients name them in an object.
 * Source: AUTOMATIC1111, extensions-builtin/soft-inpainting. */
static const struct {
    const char *label, *row;
} SOFT[] = {{"Soft inpainting", "soft_inpainting"},
            {"Schedule bias", "soft_inpainting_bias"},
            {"Preservation strength", "soft_inpainting_preservation"},
            {"Transition contrast boost", "soft_inpainting_boost"},
            {"Mask influence", "soft_inpainting_mask_influence"},
            {"Difference threshold", "soft_inpainting_threshold"},
            {"Difference contrast", "soft_inpainting_contrast"}};

static bool take_soft(Job *j, const json_t *args, const json_t *mask, Fault *f) {
    const json_t *first = json_array_get(args, 0);
    bool named = json_is_object(first), on = named;
    for (size_t i = 0; i < sizeof SOFT / sizeof *SOFT; i++) {
        const json_t *v = named ? json_object_get(first, SOFT[i].label) : json_array_get(args, i);
        if (!i && !value_bool(SOFT[i].label, v, &on, f)) return false;
        if (!on) return true;
        if (!i && !json_string_length(mask)) return job_warn(j, "Soft Inpainting: has no effect without a mask"), true;
        if (!i) j->request.soft = true;
        else if (!value_take(value_param(SOFT[i].row), SOFT[i].label, v, &j->request, f)) return false;
    }
    return true;
}

/* script_args: [a note, overlap, upscaler (a name, or its place in /sdapi/v1/upscalers), times as large].
 * Source: AUTOMATIC1111, scripts/sd_upscale.py. */
static bool take_sd_upscale(Job *j, const json_t *args, Fault *f) {
    SdRequest *r = &j->request;
    const json_t *by = json_array_get(args, 2);
    r->sd_upscale = 2; /* unless it is said */
    if (!value_take(value_param("sd_upscale_overlap"), "script_args", json_array_get(args, 1), r, f) ||
        !value_take(value_param("sd_upscale"), "script_args", json_array_get(args, 3), r, f))
        return false;
    if (json_is_integer(by)) {
        static const char *const OWN[] = {"None", "Lanczos", "Nearest"};
        json_int_t i = json_integer_value(by);
        if (i < 0 || i > 2) return fault(f, 422, "script_args", "script_args: name the upscaler");
        r->sd_upscale_upscaler = OWN[i];
    } else if (!value_take(value_param("sd_upscale_upscaler"), "script_args", by, r, f)) return false;
    if (r->sd_upscale_upscaler && !strcmp(r->sd_upscale_upscaler, "None")) r->sd_upscale = 1; /* as there */
    return true;
}

bool ask_scripts(Serve *s, Job *j, const json_t *body, bool img2img, Fault *f) {
    const char *name = NULL, *key;
    json_t *all = json_object_get(body, KEY), *v;
    if (!value_string("script_name", json_object_get(body, "script_name"), &name, f)) return false;
    if (img2img && name && value_same(name, "sd upscale")) {
        if (!take_sd_upscale(j, json_object_get(body, "script_args"), f)) return false;
    } else if (name && *name && strcmp(name, "None") != 0)
        return fault(f, 422, "script_name", "Script '%.100s' not found", name);
    if (all && !json_is_null(all) && !json_is_object(all) && (!json_is_array(all) || json_array_size(all)))
        return fault(f, 422, KEY, KEY ": is not an object");
    json_object_foreach(all, key, v) {
        const json_t *args = json_is_array(v) ? v : json_object_get(v, "args");
        if (value_same(key, "controlnet")) {
            if (!ask_controls(s, j, args, f)) return false;
        } else if (img2img && value_same(key, "soft inpainting")) {
            if (!take_soft(j, args, json_object_get(body, "mask"), f)) return false;
        } else if (is_enabled(args)) return fault(f, 422, KEY, "always on script %.100s not found", key);
    }
    return true;
}
