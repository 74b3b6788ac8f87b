/* extras.c: the webui's routes that enlarge pictures. */
#include "tools/server/api/ask/ask.h"
#include "tools/server/api/ask/ask_image.h"
#include "reply.h"
#include "routes.h"

#include <stdlib.h>
#include <string.h>

/* --- the answer --- */

/* {"image": ...}, or of a batch {"images": [...]}. */
static void finish(Job *j, bool batch) {
    if (j->error.code) {
        answer_detail(&j->answer, reply_status(&j->error), "%s", j->error.text);
        return;
    }
    json_t *images = json_array();
    for (int i = 0; i < j->count; i++)
        json_array_append_new(images, reply_base64(j->pictures[i].png, j->pictures[i].size));
    json_t *reply = json_pack("{s:s, s:O}", "html_info", "", batch ? "images" : "image",
                              batch ? images : json_array_get(images, 0));
    if (reply && json_array_size(j->warnings)) json_object_set(reply, "warnings", j->warnings);
    json_decref(images);
    answer_json(&j->answer, 200, reply);
}

static void finish_one(Job *j, void *user) { (void)user, finish(j, false); }
static void finish_batch(Job *j, void *user) { (void)user, finish(j, true); }

/* --- what is asked for --- */

/* The webui's own upscalers are filters; the rest are files. */
static bool take_upscaler(Serve *s, Job *j, const char *name, Fault *f) {
    char path[OS_PATH_SIZE];
    bool builtin;
    j->enlarge.filter = !strcmp(name, "Nearest") ? SD_FILTER_NEAREST : SD_FILTER_LANCZOS;
    if (!*name || !strcmp(name, "None") || !strcmp(name, "Lanczos") || !strcmp(name, "Nearest")) return true;
    if (!catalog_find(s->catalog, LIST_UPSCALERS, name, path, NULL, &builtin))
        return fault(f, 404, "upscaler_1", "upscaler '%.200s' not found", name);
    j->enlarge.upscaler = malloc(strlen(path) + 1);
    if (!j->enlarge.upscaler) return fault(f, 500, "", "out of memory");
    strcpy(j->enlarge.upscaler, path);
    return true;
}

/* What the webui does besides. */
static void warn_extra(Job *j, const json_t *body, const char *second) {
    static const char *const SHARES[] = {"gfpgan_visibility", "codeformer_visibility"};
    for (size_t i = 0; i < sizeof SHARES / sizeof *SHARES; i++)
        if (json_number_value(json_object_get(body, SHARES[i])) != 0) job_warn(j, "%s: has no effect", SHARES[i]);
    const json_t *share = json_object_get(body, "extras_upscaler_2_visibility");
    if (*second && strcmp(second, "None") != 0 && json_number_value(share) != 0)
        job_warn(j, "upscaler_2: has no effect");
}

static bool fill(Serve *s, Job *j, const json_t *body, Fault *f) {
    const char *name = "None", *second = "None";
    int64_t by_size = 0, width = 512, height = 512;
    double scale = 2;
    bool crop = true;
    const json_t *by = json_object_get(body, "upscaling_resize");
    if (!value_string("upscaler_1", json_object_get(body, "upscaler_1"), &name, f) ||
        !value_string("upscaler_2", json_object_get(body, "upscaler_2"), &second, f) ||
        !value_whole("resize_mode", json_object_get(body, "resize_mode"), 0, 1, &by_size, f) ||
        !value_whole("upscaling_resize_w", json_object_get(body, "upscaling_resize_w"), 1, 16384, &width, f) ||
        !value_whole("upscaling_resize_h", json_object_get(body, "upscaling_resize_h"), 1, 16384, &height, f) ||
        !value_bool("upscaling_crop", json_object_get(body, "upscaling_crop"), &crop, f))
        return false;
    if (by && !json_is_null(by)) scale = json_is_string(by) ? atof(json_string_value(by)) : json_number_value(by);
    if (!(scale > 0 && scale <= 64)) return fault(f, 422, "upscaling_resize", "upscaling_resize: is not in 0..64");
    warn_extra(j, body, second);
    j->enlarge = (JobEnlarge){.scale = by_size ? 0 : scale, .width = (int)width, .height = (int)height};
    j->enlarge.crop = by_size && crop;
    return take_upscaler(s, j, name, f);
}

static bool add_image(Job *j, const char *key, const char *text, Fault *f) {
    JobFile *to = job_file(j);
    if (!to) return fault(f, 500, "", "out of memory");
    return ask_image(&to->bytes, &to->size, key, text, f);
}

static bool take_one(Job *j, const json_t *body, Fault *f) {
    const char *text = NULL;
    if (!value_string("image", json_object_get(body, "image"), &text, f)) return false;
    return text && *text ? add_image(j, "image", text, f) : fault(f, 404, "image", "Image not found");
}

static bool take_list(Serve *s, Job *j, const json_t *body, Fault *f) {
    const json_t *list = json_object_get(body, "imageList");
    if (!json_is_array(list) || !json_array_size(list))
        return fault(f, 422, "imageList", "imageList: is no list of pictures");
    if (json_array_size(list) > (size_t)s->o->most_pictures)
        return fault(f, 422, "imageList", "imageList: more than %d pictures (--most-pictures)", s->o->most_pictures);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_object_get(json_array_get(list, i), "data"));
        if (!text || !*text) return fault(f, 422, "imageList", "imageList: picture %zu has no data", i);
        if (!add_image(j, "imageList", text, f)) return false;
    }
    return true;
}

static void enlarge(Serve *s, Call *c, bool batch) {
    Fault f = {0};
    Job *j = ask_begin(s, NULL, &f);
    if (!j || !fill(s, j, c->json, &f) || !(batch ? take_list(s, j, c->json, &f) : take_one(j, c->json, &f))) {
        job_free(j);
        route_fault(c, &f);
        return;
    }
    j->kind = JOB_ENLARGE, j->task = "extras", j->iterations = j->file_count;
    j->finish = batch ? finish_batch : finish_one;
    route_add(s, c, j);
}

static void extra_single(Serve *s, Call *c) { enlarge(s, c, false); }
static void extra_batch(Serve *s, Call *c) { enlarge(s, c, true); }

#define HOW                                                                                                            \
    "upscaler_1:s,upscaler_2:s,extras_upscaler_2_visibility:n,upscaling_resize:n,resize_mode:i,upscaling_resize_w:i,"  \
    "upscaling_resize_h:i,upscaling_crop:b"

const Route EXTRA_ROUTES[] = {
    {"POST", "/sdapi/v1/extra-single-image", extra_single, ROUTE_JSON, "enlarges a picture", "image:s!," HOW},
    {"POST", "/sdapi/v1/extra-batch-images", extra_batch, ROUTE_JSON, "enlarges pictures", "imageList:a!," HOW},
    {0},
};
