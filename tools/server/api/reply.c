#include "reply.h"

#include "tools/server/api/ask/ask.h"
#include "weights/files/base64.h"
#include "stamp.h"
#include "sd/info/infotext_read.h"
#include "weights/files/atomic_file.h"
#include "weights/files/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int reply_status(const Error *e) {
    switch (e->code) {
    case ERR_ARGUMENT:
    case ERR_FORMAT:
    case ERR_MEMORY: return 422;
    case ERR_CANCELLED: return 503;
    default: return 500;
    }
}

bool reply_has(const Job *j, const Param *p) {
    SdRequest r = j->request;
    r.image = j->image, r.mask = j->mask; /* files, for which a request has pixels */
    return param_has_owner(p, &r);
}

json_t *reply_base64(const uint8_t *bytes, size_t size) {
    size_t n = base64_size(size);
    char *text = malloc(n + 1);
    if (!text) return NULL;
    base64_write(bytes, size, text);
    json_t *j = json_stringn_nocheck(text, n);
    free(text);
    return j;
}

/* --- files --- */

bool reply_save(const Serve *s, Job *j, Error *e) {
    char day[STAMP_SIZE], digits[STAMP_SIZE], folder[OS_PATH_SIZE], path[OS_PATH_SIZE];
    if (!j->save || !s->o->outputs_dir) return true;
    if (!path_make(folder, e, "%s/%s", s->o->outputs_dir, stamp_day(j->stamp, day))) return false;
    if (os_kind(folder) != OS_DIRECTORY) (void)os_make_directory(folder, false);
    for (int i = 0; i < j->count; i++) {
        if (!path_make(path, e, "%s/%s-%s-%d-%lld.png", folder, stamp_digits(j->stamp, digits), j->file, i,
                       (long long)j->pictures[i].seed) ||
            !atomic_write_file(path, j->pictures[i].png, j->pictures[i].size, e))
            return false;
    }
    return true;
}

/* --- "info" --- */

/* A list with the value for every picture that was wanted. */
static json_t *all(const Job *j, json_t *(*value)(const Job *j, int i)) {
    json_t *list = json_array();
    for (int i = 0; i < j->iterations * request_pictures(&j->request); i++) json_array_append_new(list, value(j, i));
    return list;
}

static json_t *prompt_of(const Job *j, int i) {
    return (void)i, json_string(j->request.prompt ? j->request.prompt : "");
}
static json_t *negative_of(const Job *j, int i) {
    return (void)i, json_string(j->request.negative ? j->request.negative : "");
}
static json_t *seed_of(const Job *j, int i) {
    return json_integer(j->request.variation_strength != 0 ? j->request.seed : j->request.seed + i);
}
static json_t *subseed_of(const Job *j, int i) { return json_integer(j->request.variation_seed + i); }

/* What the first picture's text says besides what has a key of its own. */
static json_t *extra_parameters(const Job *j) {
    static const char *const HAVE[] = {"Steps",      "Sampler", "CFG scale", "Seed", "Size-1",  "Size-2",
                                       "Model hash", "Model",   "VAE hash",  "VAE",  "Version", "Clip skip"};
    json_t *extra = json_object();
    InfoRead read = {0};
    if (j->count && infotext_read(j->pictures[0].text, &read, NULL))
        for (int i = 0; i < read.count; i++) {
            bool have = read.pairs[i].implied;
            for (size_t k = 0; k < sizeof HAVE / sizeof *HAVE; k++) have = have || !strcmp(HAVE[k], read.pairs[i].key);
            if (!have) json_object_set_new(extra, read.pairs[i].key, json_string(read.pairs[i].value));
        }
    infotext_read_free(&read);
    return extra;
}

static json_t *said(const Job *j, const char *key) {
    InfoRead read = {0};
    json_t *v = NULL;
    if (j->count && infotext_read(j->pictures[0].text, &read, NULL) && infotext_get(&read, key))
        v = json_string(infotext_get(&read, key));
    infotext_read_free(&read);
    return v ? v : json_string("");
}

static json_t *make_info(const Job *j) {
    const SdRequest *r = &j->request;
    char digits[STAMP_SIZE];
    json_t *texts = json_array(), *styles = json_object_get(j->body, "styles");
    for (int i = 0; i < j->count; i++) json_array_append_new(texts, json_string(j->pictures[i].text));
    json_t *strength = j->image || request_hires(r) ? json_real(r->strength) : json_null();
    json_t *vae = j->vae ? said(j, "VAE") : json_null(), *vae_hash = j->vae ? said(j, "VAE hash") : json_null();
    json_t *info = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:i, s:i, s:o, s:f, s:i, s:i, s:b, s:n, s:o, s:o, s:o, s:o, "
        "s:i, "
        "s:i, s:o, s:o, s:i, s:o, s:o, s:s, s:i, s:b, s:s}",
        "prompt", prompt_of(j, 0), "all_prompts", all(j, prompt_of), "negative_prompt", negative_of(j, 0),
        "all_negative_prompts", all(j, negative_of), "seed", seed_of(j, 0), "all_seeds", all(j, seed_of), "subseed",
        subseed_of(j, 0), "all_subseeds", all(j, subseed_of), "subseed_strength", r->variation_strength, "width",
        r->width, "height", r->height, "sampler_name", said(j, "Sampler"), "cfg_scale", r->cfg, "steps", r->steps,
        "batch_size", r->batch_size, "restore_faces", 0, "face_restoration_model", "sd_model_name", said(j, "Model"),
        "sd_model_hash", said(j, "Model hash"), "sd_vae_name", vae, "sd_vae_hash", vae_hash, "seed_resize_from_w",
        r->seed_width ? r->seed_width : -1, "seed_resize_from_h", r->seed_height ? r->seed_height : -1,
        "denoising_strength", strength, "extra_generation_params", extra_parameters(j), "index_of_first_image", 0,
        "infotexts", texts, "styles", json_is_array(styles) ? json_incref(styles) : json_array(), "job_timestamp",
        stamp_digits(stamp_now(), digits), "clip_skip", r->clip_skip, "is_using_inpainting_conditioning", 0, "version",
        "sdc");
    if (j->partial) json_object_set_new(info, "interrupted", json_true());
    return info;
}

/* --- the reply --- */

/* "parameters": what was asked for, with every row as it was drawn. */
static json_t *parameters(const Job *j) {
    json_t *echo = json_copy(j->echo);
    for (const Param *p = PARAMS; echo && p < PARAMS + PARAM_COUNT; p++)
        if (value_given(p) && reply_has(j, p)) json_object_set_new(echo, p->json, value_json(p, &j->request));
    if (!echo) return NULL;
    json_object_set_new(echo, "n_iter", json_integer(j->iterations));
    json_object_set_new(echo, "send_images", json_boolean(j->send));
    json_object_set_new(echo, "save_images", json_boolean(j->save));
    return echo;
}

void reply_webui(Job *j, void *user) {
    Serve *s = user;
    s->pictures += j->count;
    if (!j->error.code) reply_save(s, j, &j->error);
    if (j->error.code) {
        answer_detail(&j->answer, reply_status(&j->error), "%s", j->error.text);
        return;
    }
    json_t *images = json_array(), *info = make_info(j);
    char *text = info ? json_dumps(info, 0) : NULL;
    for (int i = 0; j->send && i < j->count; i++)
        json_array_append_new(images, reply_base64(j->pictures[i].png, j->pictures[i].size));
    json_t *reply = json_pack("{s:o, s:o, s:s?}", "images", images, "parameters", parameters(j), "info", text);
    if (reply && s->bucket) {
        json_t *urls = json_array();
        for (int i = 0; i < j->count; i++) json_array_append_new(urls, json_string(j->pictures[i].address));
        json_object_set_new(reply, "urls", urls);
    }
    if (reply && json_array_size(j->warnings)) json_object_set(reply, "warnings", j->warnings);
    free(text);
    json_decref(info);
    answer_json(&j->answer, 200, text ? reply : NULL);
}
