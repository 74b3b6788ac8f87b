#include "ask.h"

#include "ask_hires.h"
#include "ask_image.h"
#include "ask_infotext.h"
#include "ask_model.h"
#include "ask_scripts.h"
#include "tools/server/api/stamp.h"
#include "tools/server/styles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- parts of a job --- */

Job *ask_begin(Serve *s, const char *model, Fault *f) {
    char name[OS_PATH_SIZE], vae[OS_PATH_SIZE];
    static _Atomic unsigned counter;
    uint8_t chance[8];
    Job *j = job_new();
    if (!j) return fault(f, 500, "", "out of memory"), NULL;
    os_random(chance, sizeof chance);
    snprintf(j->id, sizeof j->id, "%06x%02x%02x%02x%02x%02x%02x", ++counter & 0xFFFFFF, chance[0], chance[1], chance[2],
             chance[3], chance[4], chance[5]);
    snprintf(j->file, sizeof j->file, "%.20s", j->id);
    j->task = "txt2img";
    j->stamp = stamp_now();
    j->request = sd_request(NULL);
    j->request.lora_dir = s->o->lora_dir;
    params_forget(&j->request);
    settings_apply(s->settings, &j->request);
    settings_model(s->settings, name, vae);
    if (ask_model(s, j, "model", model && *model ? model : name, f) && ask_model(s, j, "sd_vae", vae, f)) return j;
    return job_free(j), NULL;
}

bool ask_check(Serve *s, Job *j, Fault *f) {
    SdRequest r = j->request, usual = sd_request(NULL);
    Error e = {0};
    params_adopt(&r, &usual);
    if (j->upscaler) *request_enlarger(&r) = NULL; /* a file, which is not open yet */
    if (r.width > 8 && r.width % 8) {
        job_warn(j, "width: %d became %d", r.width, r.width / 8 * 8);
        j->request.width = r.width = r.width / 8 * 8;
    }
    if (r.height > 8 && r.height % 8) {
        job_warn(j, "height: %d became %d", r.height, r.height / 8 * 8);
        j->request.height = r.height = r.height / 8 * 8;
    }
    int64_t pictures = (int64_t)request_pictures(&r) * j->iterations;
    if (pictures > s->o->most_pictures)
        return fault(f, 422, "n_iter", "%lld pictures are more than the %d of a request (--most-pictures)",
                     (long long)pictures, s->o->most_pictures);
    enum { MOST_TEXT = 4 << 20 }; /* a reply says them several times for each picture */
    const char *texts[] = {r.prompt, r.negative, r.hires_prompt, r.hires_negative};
    int64_t bytes = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) bytes += texts[i] ? (int64_t)strlen(texts[i]) : 0;
    if (bytes * pictures > MOST_TEXT)
        return fault(f, 422, "prompt", "prompt: %lld bytes for each of %lld pictures are more than the %d of a request",
                     (long long)bytes, (long long)pictures, MOST_TEXT);
    if (r.seed > INT64_MAX - pictures || r.variation_seed > INT64_MAX - pictures)
        if (pictures > 1) return fault(f, 422, "seed", "seed: leaves no room to count up");
    return params_check(&r, &e) || fault(f, e.code == ERR_MEMORY ? 500 : 422, "", "%s", e.text);
}

/* --- the webui's body --- */

/* Keys that are no rows of the table, but read below, or are the clients' own affair. */
static const char *const OWN[] = {"n_iter",
                                  "sampler_index",
                                  "clip_skip",
                                  "init_images",
                                  "override_settings",
                                  "script_name",
                                  "script_args",
                                  "alwayson_scripts",
                                  "styles",
                                  "override_settings_restore_afterwards",
                                  "send_images",
                                  "save_images",
                                  "refiner_checkpoint",
                                  "mask",
                                  "mask_round",
                                  "include_init_images",
                                  "force_task_id",
                                  "infotext",
                                  "url",
                                  "auth",
                                  "model",
                                  "do_not_save_samples",
                                  "do_not_save_grid"};

static bool is_own(const char *key) {
    for (size_t i = 0; i < sizeof OWN / sizeof *OWN; i++)
        if (!strcmp(OWN[i], key)) return true;
    return ask_hires_key(key);
}

/* Whether a value asks for nothing. */
static bool is_nothing(const json_t *v) {
    if (json_is_string(v)) return !*json_string_value(v);
    if (json_is_number(v)) return json_number_value(v) == 0;
    if (json_is_array(v)) return !json_array_size(v);
    if (json_is_object(v)) return !json_object_size(v);
    return !json_is_true(v);
}

/* The webui's default, which clients send with models that have no such setting. */
static bool is_usual(const Param *p, const json_t *v) {
    return !strcmp(p->json, "image_cfg_scale") && json_number_value(v) == 1.5;
}

/* Rows by their names in the webui's API. */
static bool take_rows(Job *j, json_t *body, bool img2img, Fault *f) {
    const char *key, *mask = json_string_value(json_object_get(body, "mask"));
    json_t *v;
    bool masked = mask && *mask;
    json_object_foreach(body, key, v) {
        const Param *p = value_param(key);
        if (p && is_usual(p, v)) continue;
        if (p && p->of_image && !img2img) {
            if (!p->or_hires && !is_nothing(v)) job_warn(j, "%.60s: is for img2img", key);
            continue;
        }
        if (p && p->of_mask && !masked) continue; /* clients always send them */
        if (p && !value_take(p, key, v, &j->request, f)) return false;
        if (!p && !is_own(key) && !is_nothing(v)) job_warn(j, "%.60s: has no effect", key);
    }
    const char *scheduler = NULL;
    if (!value_string("scheduler", json_object_get(body, "scheduler"), &scheduler, f)) return false;
    if (scheduler && *scheduler && !scheduler_find(scheduler))
        job_warn(j, "scheduler: '%.60s' is unknown: Automatic", scheduler);
    return true;
}

/* sampler_name, or else the old sampler_index; the name of one may hold a schedule type. */
static bool take_sampler(Job *j, const json_t *body, Fault *f) {
    const char *name = NULL;
    if (!value_string("sampler_name", json_object_get(body, "sampler_name"), &name, f)) return false;
    if (name && *name) return true;
    const json_t *old = json_object_get(body, "sampler_index");
    return json_is_number(old) || value_take(value_param("sampler_name"), "sampler_index", old, &j->request, f);
}

/* A row's prompt with a style's; the body holds it from now on. */
static bool add_style(Job *j, json_t *body, const char *row, const char *style, Fault *f) {
    const char *prompt = json_string_value(json_object_get(body, row));
    Error e = {0};
    char *merged = style_merge(prompt ? prompt : "", style, &e);
    if (!merged) return fault(f, e.code == ERR_MEMORY ? 500 : 422, "styles", "%s", e.text);
    json_t *text = json_string(merged);
    free(merged);
    if (!text || json_object_set_new(body, row, text)) return fault(f, 500, "", "out of memory");
    return value_take(value_param(row), row, text, &j->request, f);
}

static bool take_styles(const Serve *s, Job *j, json_t *body, Fault *f) {
    const json_t *names = json_object_get(body, "styles");
    Styles all = {0};
    Error e = {0};
    if (names && !json_is_null(names) && !json_is_array(names)) return fault(f, 422, "styles", "styles: is not a list");
    for (size_t i = 0; i < json_array_size(names) && !f->status; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (!name || !*name || !strcmp(name, "None")) continue;
        if (!all.at && !styles_read(s->o->styles_file, &all, &e)) fault(f, 500, "styles", "%s", e.text);
        const Style *style = styles_find(&all, name);
        if (!style) job_warn(j, "styles: '%.60s' is unknown", name);
        else if (add_style(j, body, "prompt", style->prompt, f))
            add_style(j, body, "negative_prompt", style->negative, f);
    }
    styles_free(&all);
    return !f->status;
}

static bool take_overrides(Serve *s, Job *j, const json_t *overrides, Fault *f) {
    const char *key;
    json_t *v;
    if (!overrides || json_is_null(overrides)) return true;
    if (!json_is_object(overrides)) return fault(f, 422, "override_settings", "override_settings: is not an object");
    json_object_foreach((json_t *)(uintptr_t)overrides, key, v) {
        const Param *p = value_param(key);
        const char *name = NULL;
        if (!strcmp(key, "sd_model_checkpoint") || !strcmp(key, "sd_vae")) {
            if (!value_string(key, v, &name, f) || (name && !ask_model(s, j, key, name, f))) return false;
        } else if (p ? !value_take(p, key, v, &j->request, f) : false) return false;
        else if (!p && !is_nothing(v)) job_warn(j, "override_settings: %.60s: has no effect", key);
    }
    return true;
}

/* The webui's defaults of a mask, which are others than ours. */
static const struct {
    const char *key;
    int value;
} WITH_MASK[] = {{"inpainting_fill", 0}, {"inpaint_full_res", 1}, {"inpaint_full_res_padding", 0}};

static bool take_mask(Job *j, json_t *body, Fault *f) {
    const char *text = NULL;
    const json_t *part = json_object_get(body, "inpaint_full_res");
    const bool told = part && !json_is_null(part);
    if (!value_string("mask", json_object_get(body, "mask"), &text, f)) return false;
    if (!text || !*text) return true;
    for (size_t i = 0; i < sizeof WITH_MASK / sizeof *WITH_MASK; i++) {
        const json_t *given = json_object_get(body, WITH_MASK[i].key);
        if (given && !json_is_null(given)) continue;
        json_object_set_new(body, WITH_MASK[i].key, json_integer(WITH_MASK[i].value));
        const Param *p = value_param(WITH_MASK[i].key);
        if (p && !value_take(p, p->json, json_object_get(body, p->json), &j->request, f)) return false;
    }
    if (j->request.sd_upscale > 0 && j->request.only_masked) { /* the webui's default */
        if (told) job_warn(j, "inpaint_full_res: has no effect with SD upscale, which draws the tiles that are masked");
        j->request.only_masked = false;
    }
    if (!value_bool("mask_round", json_object_get(body, "mask_round"), &j->mask_round, f)) return false;
    if (j->request.soft) j->mask_round = false; /* as the webui's script says */
    return ask_image(&j->mask, &j->mask_size, "mask", text, f);
}

static bool take_image(Job *j, const json_t *body, bool img2img, Fault *f) {
    const json_t *images = json_object_get(body, "init_images");
    if (!img2img) {
        if (images && !is_nothing(images)) job_warn(j, "init_images: is for img2img");
        if (!is_nothing(json_object_get(body, "mask"))) job_warn(j, "mask: is for img2img");
        return true;
    }
    if (!json_is_array(images) || !json_array_size(images))
        return fault(f, images && !json_is_null(images) && !json_is_array(images) ? 422 : 404, "init_images",
                     "Init image not found");
    if (json_array_size(images) > 1) return fault(f, 422, "init_images", "init_images: one picture is taken");
    const char *text = json_string_value(json_array_get(images, 0));
    if (!text) return fault(f, 422, "init_images", "init_images: is no picture in base64");
    return ask_image(&j->image, &j->image_size, "init_images", text, f) && take_mask(j, (json_t *)(uintptr_t)body, f);
}

/* The reply's "parameters": the body without pictures and what is none of ours to show. */
static bool make_echo(Job *j, const json_t *body, Fault *f) {
    static const char *const HIDDEN[] = {"url", "auth", "init_images", "mask"};
    bool whole = false;
    if (!value_bool("include_init_images", json_object_get(body, "include_init_images"), &whole, f)) return false;
    j->echo = json_copy((json_t *)(uintptr_t)body);
    for (size_t i = 0; i < (whole ? 2 : sizeof HIDDEN / sizeof *HIDDEN); i++) json_object_del(j->echo, HIDDEN[i]);
    return j->echo || fault(f, 500, "", "out of memory");
}

/* Clients send the refiner's rows whether there is one or not. */
static void leave_refiner_out(Job *j) {
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++) {
        if (!p->of_refiner || param_number(p, &j->request) == p->standard) continue;
        if (!is_nothing(json_object_get(j->body, p->json)))
            job_warn(j, "%s: has no effect without refiner_checkpoint", p->json);
        param_set_number(p, &j->request, p->standard);
    }
}

static bool fill(Serve *s, Job *j, bool img2img, Fault *f) {
    json_t *body = j->body, *overrides = json_object_get(body, "override_settings");
    const json_t *skip = json_object_get(body, "clip_skip"), *id = json_object_get(body, "force_task_id");
    const char *name = NULL, *refiner = NULL;
    int64_t iterations = 1;
    bool restore = true, changed;
    j->task = img2img ? "img2img" : "txt2img";
    if (!ask_infotext(s, j, body, img2img, f) || !take_rows(j, body, img2img, f) || !take_sampler(j, body, f) ||
        !value_take(value_param("CLIP_stop_at_last_layers"), "clip_skip", skip, &j->request, f) ||
        !value_whole("n_iter", json_object_get(body, "n_iter"), 1, 100000, &iterations, f) ||
        !value_bool("send_images", json_object_get(body, "send_images"), &j->send, f) ||
        !value_bool("save_images", json_object_get(body, "save_images"), &j->save, f) ||
        !value_bool("override_settings_restore_afterwards",
                    json_object_get(body, "override_settings_restore_afterwards"), &restore, f) ||
        !value_string("model", json_object_get(body, "model"), &name, f) || !ask_scripts(s, j, body, img2img, f) ||
        !value_string("refiner_checkpoint", json_object_get(body, "refiner_checkpoint"), &refiner, f) ||
        !take_styles(s, j, body, f))
        return false;
    j->iterations = (int)iterations;
    if ((name && !ask_model(s, j, "model", name, f)) || !take_overrides(s, j, overrides, f) ||
        (refiner && !ask_model(s, j, "refiner_checkpoint", refiner, f)) || (!img2img && !ask_hires(s, j, body, f)) ||
        (img2img && !ask_upscaler(s, j, "sd_upscale_upscaler", f)) || !take_image(j, body, img2img, f) ||
        !make_echo(j, body, f))
        return false;
    if (!j->refiner) leave_refiner_out(j);
    if (!ask_check(s, j, f)) return false;
    if (j->save && !s->o->outputs_dir) job_warn(j, "save_images: the server was started without --outputs");
    if (json_is_string(id) && json_string_length(id) > 0 && json_string_length(id) < JOB_ID)
        snprintf(j->id, sizeof j->id, "%s", json_string_value(id));
    return restore || !json_is_object(overrides) || settings_post(s->settings, overrides, &changed, f);
}

Job *ask_webui(Serve *s, json_t *body, bool img2img, Fault *f) {
    Job *j = json_is_object(body) ? ask_begin(s, NULL, f) : (fault(f, 422, "", "the body is not a JSON object"), NULL);
    if (!j) return json_decref(body), NULL;
    j->body = body;
    return fill(s, j, img2img, f) ? j : (job_free(j), NULL);
}

void ask_forget_pictures(Job *j) {
    json_object_del(j->body, "init_images");
    json_object_del(j->body, "mask");
}
