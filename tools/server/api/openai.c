/* openai.c: OpenAI's routes for pictures. */
#include "tools/server/api/ask/ask.h"
#include "tools/server/api/ask/ask_hires.h"
#include "reply.h"
#include "tools/server/http/form.h"
#include "routes.h"
#include "stamp.h"
#include "weights/files/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say_fault(Call *c, const Fault *f) {
    answer_openai(&c->answer,
                  f->status == 404  ? 404
                  : f->status < 500 ? 400
                                    : 500,
                  f->status < 500 ? "invalid_request_error" : "server_error", *f->param ? f->param : NULL, "%s",
                  f->text);
}

/* --- the answer --- */

/* What the request says of its answer. */
typedef struct {
    bool url, stream, edit;
    char host[160]; /* of its own address: "http://localhost:7860" */
} Form;

static Form form_of(const Job *j) {
    Form f = {0};
    const json_t *j_form = json_object_get(j->echo, "form");
    f.url = json_is_true(json_object_get(j_form, "url"));
    f.stream = json_is_true(json_object_get(j_form, "stream"));
    f.edit = json_is_true(json_object_get(j_form, "edit"));
    snprintf(f.host, sizeof f.host, "%s", json_string_value(json_object_get(j_form, "host")));
    return f;
}

static json_t *usage(void) {
    return json_pack("{s:i, s:i, s:i, s:{s:i, s:i}}", "input_tokens", 0, "output_tokens", 0, "total_tokens", 0,
                     "input_tokens_details", "image_tokens", 0, "text_tokens", 0);
}

/* One event a picture. */
static void answer_stream(Job *j, const Form *f) {
    char *all = NULL;
    size_t size = 0;
    const char *name = f->edit ? "image_edit.completed" : "image_generation.completed";
    for (int i = 0; i < j->count; i++) {
        const JobPicture *p = &j->pictures[i];
        char wide[32];
        snprintf(wide, sizeof wide, "%dx%d", p->width, p->height);
        json_t *data = json_pack("{s:s, s:o, s:I, s:s, s:s, s:s, s:s, s:o}", "type", name, "b64_json",
                                 reply_base64(p->png, p->size), "created_at", (json_int_t)stamp_now(), "size", wide,
                                 "quality", "auto", "background", "opaque", "output_format", "png", "usage", usage());
        char *text = data ? json_dumps(data, JSON_COMPACT) : NULL;
        size_t n = text ? strlen(text) + strlen(name) + 32 : 0;
        char *more = text ? realloc(all, size + n) : NULL;
        if (more) all = more, size += (size_t)snprintf(all + size, n, "event: %s\ndata: %s\n\n", name, text);
        free(text);
        json_decref(data);
    }
    answer_bytes(&j->answer, 200, "text/event-stream", all, size);
}

static void finish(Job *j, void *user) {
    Serve *s = user;
    Error *e = &j->error;
    Form f = form_of(j);
    char known[JOB_ID];
    s->pictures += j->count;
    if (!e->code) reply_save(s, j, e);
    /* Addresses lead to pictures that are kept for a day; nobody can guess them, so that they need no key. */
    if (!e->code && f.url && !s->bucket && store_add(s->store, j->id, "/", NULL, "", j->stamp, known, e))
        store_end(s->store, j, JOB_DONE, e);
    if (e->code) {
        int status = reply_status(e);
        answer_openai(&j->answer, status == 422 ? 400 : status,
                      status == 422 ? "invalid_request_error" : "server_error", NULL, "%s", e->text);
        if (status != 503) answer_extra(&j->answer, "x-should-retry: false");
        return;
    }
    if (f.stream) {
        answer_stream(j, &f);
        return;
    }
    json_t *data = json_array();
    for (int i = 0; i < j->count; i++) {
        const JobPicture *p = &j->pictures[i];
        char url[300];
        snprintf(url, sizeof url, "%s/v1/pictures/%s/%d.png", f.host, j->id, i);
        json_t *one = f.url ? json_pack("{s:s}", "url", p->address ? p->address : url)
                            : json_pack("{s:o}", "b64_json", reply_base64(p->png, p->size));
        if (one) json_object_set_new(one, "seed", json_integer(p->seed));
        if (one && !f.url && p->address) json_object_set_new(one, "url", json_string(p->address));
        json_array_append_new(data, one);
    }
    json_t *reply = json_pack("{s:I, s:o, s:s, s:o}", "created", (json_int_t)stamp_now(), "data", data, "output_format",
                              "png", "usage", usage());
    if (reply && json_array_size(j->warnings)) json_object_set(reply, "warnings", j->warnings);
    answer_json(&j->answer, 200, reply);
}

static void picture(Serve *s, Call *c) {
    char id[JOB_ID];
    const char *rest = c->path + strlen("/v1/pictures"), *slash = *rest ? strchr(rest + 1, '/') : NULL;
    size_t size;
    char *bytes = NULL, *end = NULL;
    if (slash && slash - rest < JOB_ID) {
        snprintf(id, sizeof id, "%.*s", (int)(slash - rest - 1), rest + 1);
        long i = strtol(slash + 1, &end, 10);
        if (!strcmp(end, ".png") && i >= 0 && i < 100000) bytes = store_picture(s->store, id, (int)i, "/", &size);
    }
    if (bytes) answer_bytes(&c->answer, 200, "image/png", bytes, size);
    else answer_detail(&c->answer, 404, "Not Found");
}

/* --- the request --- */

static bool size_of(Job *j, const json_t *v, Fault *f) {
    const char *text = NULL;
    int w, h, used = 0;
    if (!value_string("size", v, &text, f)) return false;
    if (!text || !*text || !strcmp(text, "auto")) return true;
    if (sscanf(text, "%5dx%5d%n", &w, &h, &used) != 2 || text[used])
        return fault(f, 400, "size", "size: '%.40s' is not WIDTHxHEIGHT", text);
    json_t *width = json_integer(w), *height = json_integer(h);
    bool ok = value_take(value_param("width"), "size", width, &j->request, f) &&
              value_take(value_param("height"), "size", height, &j->request, f);
    json_decref(width), json_decref(height);
    return ok;
}

/* OpenAI's names of models mean the one in use. */
static const char *model_of(const char *name) {
    return name && (!strncmp(name, "dall-e", 6) || !strncmp(name, "gpt-image", 9) ||
                    !strncmp(name, "chatgpt-image", 13))
               ? NULL
               : name;
}

static bool is_own(const char *key) {
    static const char *const OWN[] = {"model",
                                      "prompt",
                                      "n",
                                      "size",
                                      "response_format",
                                      "stream",
                                      "user",
                                      "quality",
                                      "style",
                                      "background",
                                      "moderation",
                                      "output_format",
                                      "image",
                                      "mask",
                                      "partial_images",
                                      "input_fidelity",
                                      "output_compression"};
    for (size_t i = 0; i < sizeof OWN / sizeof *OWN; i++)
        if (!strcmp(OWN[i], key)) return true;
    return false;
}

static bool fill(Serve *s, Call *c, Job *j, json_t *body, Fault *f) {
    const char *format = NULL, *kind = NULL, *model = json_string_value(json_object_get(body, "model")), *key;
    const char *host = c->header[HEADER_HOST];
    uint8_t chance[16];
    int64_t n = 1;
    bool stream = false, gpt = model && (!strncmp(model, "gpt-image", 9) || !strncmp(model, "chatgpt-image", 13));
    json_t *v;
    json_object_foreach(body, key, v) {
        const Param *p = value_param(key);
        if (p && p->of_image && !j->image) continue;
        if (p && !value_take(p, key, v, &j->request, f)) return false;
        if (!p && !is_own(key) && (j->image || !ask_hires_key(key))) job_warn(j, "%.60s: has no effect", key);
    }
    if (!(j->image ? ask_upscaler(s, j, "sd_upscale_upscaler", f) : ask_hires(s, j, body, f))) return false;
    if (!value_whole("n", json_object_get(body, "n"), 1, 100, &n, f) || !size_of(j, json_object_get(body, "size"), f) ||
        !value_string("response_format", json_object_get(body, "response_format"), &format, f) ||
        !value_string("output_format", json_object_get(body, "output_format"), &kind, f) ||
        !value_bool("stream", json_object_get(body, "stream"), &stream, f))
        return false;
    if (format && strcmp(format, "url") != 0 && strcmp(format, "b64_json") != 0)
        return fault(f, 400, "response_format", "response_format: '%.40s' is not url or b64_json", format);
    if (kind && strcmp(kind, "png") != 0) job_warn(j, "output_format: pictures are PNG");
    j->iterations = (int)n;
    bool url = !stream && !gpt && (!format || !strcmp(format, "url"));
    char address[200];
    snprintf(address, sizeof address, "%s://%.150s", s->o->tls_key ? "https" : "http", host ? host : "localhost");
    j->echo = json_pack("{s:{s:b, s:b, s:b, s:s}}", "form", "url", url, "stream", stream, "edit", j->image != NULL,
                        "host", address);
    os_random(chance, sizeof chance);
    for (size_t i = 0; i < sizeof chance; i++) snprintf(j->id + 2 * i, 3, "%02x", chance[i]);
    j->finish = finish;
    return (j->echo || fault(f, 500, "", "out of memory")) && ask_check(s, j, f);
}

/* Takes body over. */
static void draw(Serve *s, Call *c, json_t *body, uint8_t *file, size_t size, uint8_t *mask, size_t mask_size) {
    Fault f = {0};
    const char *model = NULL;
    Job *j = NULL;
    if (value_string("model", json_object_get(body, "model"), &model, &f)) j = ask_begin(s, model_of(model), &f);
    if (!j) {
        free(file), free(mask), json_decref(body);
        say_fault(c, &f);
        return;
    }
    j->body = body, j->image = file, j->image_size = size, j->mask = mask, j->mask_size = mask_size;
    j->mask_alpha = mask != NULL;
    j->task = file ? "edits" : "generations";
    if (fill(s, c, j, body, &f)) {
        c->events = json_is_true(json_object_get(json_object_get(j->echo, "form"), "stream"));
        route_add(s, c, j);
    } else {
        job_free(j);
        say_fault(c, &f);
    }
}

static void generations(Serve *s, Call *c) {
    if (json_is_string(json_object_get(c->json, "prompt"))) draw(s, c, call_json(c), NULL, 0, NULL, 0);
    else answer_openai(&c->answer, 400, "invalid_request_error", "prompt", "prompt: is missing");
}

/* --- edits: a form --- */

typedef struct {
    json_t *body;
    uint8_t *file, *mask;
    size_t size, mask_size;
    int images;
    bool failed;
} Parts;

static uint8_t *copy(const FormPart *p, size_t *size) {
    uint8_t *bytes = malloc(p->size + 1);
    if (bytes) memcpy(bytes, p->bytes, p->size), *size = p->size;
    return bytes;
}

static bool take_part(void *user, const FormPart *p) {
    Parts *x = user;
    if (!strcmp(p->name, "image") || !strcmp(p->name, "image[]") || !strncmp(p->name, "image[", 6)) {
        if (!x->images++) x->failed = !(x->file = copy(p, &x->size));
    } else if (!strcmp(p->name, "mask")) {
        if (!x->mask) x->failed = !(x->mask = copy(p, &x->mask_size));
    } else if (!p->file && *p->name && utf8_is_valid(p->name, strlen(p->name)))
        x->failed =
            json_object_set_new(x->body, p->name, json_stringn(p->bytes, p->size)) != 0; /* no UTF-8, or a NUL */
    return !x->failed;
}

static void edits(Serve *s, Call *c) {
    Parts x = {.body = json_object()};
    const char *type = c->header[HEADER_TYPE];
    bool form = type && !strncmp(type, "multipart/form-data", 19) && form_read(type, c->body, c->size, take_part, &x);
    if (!form || x.failed)
        answer_openai(&c->answer, 400, "invalid_request_error", NULL,
                      "the body is no multipart/form-data of UTF-8 fields and files");
    else if (!x.file) answer_openai(&c->answer, 400, "invalid_request_error", "image", "image: is missing");
    if (c->answer.status) {
        free(x.file), free(x.mask), json_decref(x.body);
        return;
    }
    if (x.images > 1)
        json_object_set_new(x.body, "further images", json_integer(x.images - 1)); /* a warning names it */
    draw(s, c, x.body, x.file, x.size, x.mask, x.mask_size);
}

/* --- models --- */

static void add_model(void *list, const CatalogEntry *x) {
    char title[OS_PATH_SIZE];
    catalog_title(x, title);
    json_array_append_new(
        list, json_pack("{s:s, s:s, s:i, s:s}", "id", title, "object", "model", "created", 0, "owned_by", "sdc"));
}

static void models(Serve *s, Call *c) {
    json_t *list = json_array();
    catalog_each(s->catalog, LIST_MODELS, add_model, list);
    answer_json(&c->answer, 200, json_pack("{s:s, s:o}", "object", "list", "data", list));
}

const Route OPENAI_ROUTES[] = {
    {"POST", "/v1/images/generations", generations, ROUTE_JSON | ROUTE_OPENAI, "OpenAI's: pictures of a prompt",
     "prompt:s!,model:s,n:i,size:s,response_format:s,stream:b,@txt2img"},
    {"POST", "/v1/images/edits", edits, ROUTE_OPENAI, "OpenAI's: pictures of a picture, of its mask's transparent part",
     NULL},
    {"GET", "/v1/models", models, ROUTE_OPENAI, "OpenAI's list of models", NULL},
    {"GET", "/models", models, ROUTE_OPENAI, "the same, for clients without a base path", NULL},
    {"GET", "/v1/pictures", picture, ROUTE_OPEN | ROUTE_BELOW, "/ID/N.png: a picture whose address was handed out",
     NULL},
    {0},
};
