#include "pin.h"

#include "tools/server/api/ask/ask_hires.h"
#include "reply.h"

#include <string.h>

/* A file of a list by its name there. */
static json_t *name_of(Serve *s, ListKind kind, const char *path) {
    char found[OS_PATH_SIZE], title[OS_PATH_SIZE];
    bool builtin;
    return json_string(catalog_find(s->catalog, kind, path, found, title, &builtin) ? title : path);
}

static void set_picture(json_t *all, const char *key, const uint8_t *bytes, size_t size, bool list) {
    json_t *text = bytes ? reply_base64(bytes, size) : NULL;
    if (text && list) json_object_set_new(all, key, json_pack("[o]", text));
    else if (text) json_object_set_new(all, key, text);
}

json_t *pin_body(Serve *s, Job *j) {
    static const char *const DROPPED[] = {"override_settings",
                                          "override_settings_restore_afterwards",
                                          "sampler_index",
                                          "clip_skip",
                                          "url",
                                          "auth",
                                          "refiner_checkpoint",
                                          "styles",
                                          "model",
                                          "script_name",
                                          "script_args"};
    bool webui = !strcmp(j->task, "txt2img") || !strcmp(j->task, "img2img");
    json_t *all = webui ? json_copy(j->body) : json_object(), *v;
    const char *key;
    void *next;
    if (!all) return NULL;
    for (size_t i = 0; i < sizeof DROPPED / sizeof *DROPPED; i++) json_object_del(all, DROPPED[i]);
    json_object_foreach_safe(all, next, key, v) {
        if (ask_hires_key(key)) json_object_del(all, key);
    }
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++) {
        if (!value_given(p) || !reply_has(j, p)) continue;
        v = value_json(p, &j->request);
        if (json_is_null(v)) json_object_del(all, p->json);
        else json_object_set(all, p->json, v);
        json_decref(v);
    }
    json_object_set_new(all, "n_iter", json_integer(j->iterations));
    json_object_set_new(all, "override_settings",
                        json_pack("{s:s, s:o}", "sd_model_checkpoint", j->title, "sd_vae",
                                  j->vae ? name_of(s, LIST_VAES, j->vae) : json_string("Automatic")));
    if (j->refiner) json_object_set_new(all, "refiner_checkpoint", name_of(s, LIST_MODELS, j->refiner));
    if (j->hires_model) json_object_set_new(all, "hr_checkpoint_name", name_of(s, LIST_MODELS, j->hires_model));
    json_object_set_new(all, "save_images", json_boolean(j->save));
    set_picture(all, "init_images", j->image, j->image_size, true);
    set_picture(all, "mask", j->mask, j->mask_size, false);
    if (j->mask) json_object_set_new(all, "mask_round", json_boolean(j->mask_round));
    return all;
}
