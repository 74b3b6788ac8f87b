/* page.c: the page, with what it shows: the table of settings, and the pictures that were kept. */
#include "routes.h"
#include "sd/sampling/scheduler.h"
#include "weights/files/file_read.h"
#include "weights/files/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FIELDS = 64 << 10 }; /* bytes of what the page keeps */

static const char HTML[] = {
#include SDC_PAGE_HTML
    0};
static const char CSS[] = {
#include SDC_PAGE_CSS
    0};
static const char JS[] = {
#include SDC_PAGE_JS
    0};

static void page(Serve *s, Call *c) {
    (void)s;
    answer_text(&c->answer, 200, "text/html; charset=utf-8", HTML);
    answer_extra(
        &c->answer,
        "Content-Security-Policy: default-src 'self'; img-src 'self' data: blob:; style-src "
        "'self'; script-src 'self'; connect-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'");
}

static void page_css(Serve *s, Call *c) {
    (void)s;
    answer_text(&c->answer, 200, "text/css; charset=utf-8", CSS);
}

static void page_js(Serve *s, Call *c) {
    (void)s;
    answer_text(&c->answer, 200, "text/javascript; charset=utf-8", JS);
}

/* --- its fields --- */

static const char *owner_of(const Serve *s, const Call *c) { return c->key >= 0 ? s->keys.at[c->key].name : ""; }

static void fields(Serve *s, Call *c) { answer_json(&c->answer, 200, settings_page(s->settings, owner_of(s, c))); }

/* Whether no list or object lies deeper than so many levels: the file, which is indented, would become large. */
static bool is_flat(json_t *j, int levels) {
    const char *key;
    json_t *v;
    size_t i;
    if (!json_is_object(j) && !json_is_array(j)) return true;
    if (!levels) return false;
    json_object_foreach(j, key, v) {
        if (!is_flat(v, levels - 1)) return false;
    }
    json_array_foreach(j, i, v) {
        if (!is_flat(v, levels - 1)) return false;
    }
    return true;
}

static void keep_fields(Serve *s, Call *c) {
    enum { LEVELS = 4 };
    Error e = {0};
    char *text = json_dumps(c->json, JSON_COMPACT);
    if (text && strlen(text) > MOST_FIELDS)
        answer_detail(&c->answer, 413, "the fields are more than %d bytes", MOST_FIELDS);
    else if (!is_flat(c->json, LEVELS))
        answer_detail(&c->answer, 422, "the fields are nested more than %d deep", LEVELS);
    else if (settings_keep_page(s->settings, owner_of(s, c), c->json, &e)) answer_json(&c->answer, 200, json_object());
    else answer_detail(&c->answer, 500, "%s", e.text);
    free(text);
}

/* --- settings --- */

static json_t *words_of(const char *words) {
    json_t *list = json_array();
    char word[80];
    for (int i = 0; i < words_count(words); i++)
        json_array_append_new(list, json_string(words_get(words, i, word, sizeof word)));
    return list;
}

static void add_name(void *list, const CatalogEntry *x) { json_array_append_new(list, json_string(x->name)); }

static json_t *names_of(const Param *p, Catalog *catalog) {
    json_t *list = p->type == PARAM_STRING ? words_of(p->of_tiles ? PIXEL_UPSCALERS : HIRES_UPSCALERS) : json_array();
    int count;
    const Sampler *samplers = sampler_list(&count);
    for (int i = 0; p->type == PARAM_SAMPLER && i < count; i++)
        json_array_append_new(list, json_string(samplers[i].name));
    const Scheduler *schedulers = scheduler_list(&count);
    for (int i = 0; p->type == PARAM_SCHEDULER && i < count; i++)
        json_array_append_new(list, json_string(schedulers[i].label));
    if (p->type == PARAM_STRING) catalog_each(catalog, LIST_UPSCALERS, add_name, list);
    return list;
}

/* A row as the page makes a field of it. */
static json_t *setting(const Param *p, const SdRequest *usual, Catalog *catalog) {
    static const char *const TYPES[] = {"integer", "seed",   "number", "boolean", "string",
                                        "string",  "string", "string", "string",  "string"};
    bool model_says = p->type == PARAM_SAMPLER || p->type == PARAM_SCHEDULER;
    json_t *j =
        json_pack("{s:s, s:s, s:s, s:s, s:s?, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:o}", "name", p->name, "json",
                  p->json, "type", TYPES[p->type], "help", p->help, "key", p->key, "of_image", p->of_image, "of_mask",
                  p->of_mask, "of_hires", p->of_hires, "of_tiles", p->of_tiles, "of_windows", p->of_windows, "or_hires",
                  p->or_hires, "of_refiner", p->of_refiner, "default", model_says ? json_null() : value_json(p, usual));
    bool number = p->type == PARAM_INT || p->type == PARAM_DOUBLE;
    if (number) json_object_set_new(j, "low", json_real(p->standard < p->low ? p->standard : p->low));
    if (number && p->high < PARAM_MOST) json_object_set_new(j, "high", json_real(p->high));
    if (p->type == PARAM_ENUM || (p->type == PARAM_BOOL && p->key_words))
        json_object_set_new(j, "words", words_of(p->key_words ? p->key_words : p->value));
    if (p->type == PARAM_BOOL) json_object_del(j, "words");
    if (p->type == PARAM_PROMPT) json_object_set_new(j, "type", json_string("text"));
    else if (p->type >= PARAM_SAMPLER) json_object_set_new(j, "words", names_of(p, catalog));
    return j;
}

static void settings(Serve *s, Call *c) {
    json_t *list = json_array();
    SdRequest usual = sd_request(NULL);
    params_forget(&usual);
    settings_apply(s->settings, &usual);
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (value_given(p) && (p->of_hires || p->of_tiles || (p->type != PARAM_PROMPT && p->type != PARAM_STRING)))
            json_array_append_new(list, setting(p, &usual, s->catalog));
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i}", "name", "batches", "json", "n_iter",
                                          "type", "integer", "help", "how many batches, one after the other", "default",
                                          1, "low", 1, "high", s->o->most_pictures));
    answer_json(&c->answer, 200, json_pack("{s:o}", "settings", list));
}

/* --- kept pictures --- */

enum { MOST_SHOWN = 200, MOST_SEEN = 20000 };

/* The server's own names only: "2026-11-30" and "....png", of digits, letters, '-' and '.'. */
static bool is_own(const char *name, bool file) {
    size_t n = strlen(name);
    if (!n || *name == '.' || name[strspn(name, "0123456789abcdefghijklmnopqrstuvwxyz()ABCDEFGHIJKLMNOPQRSTUVWXYZ_-.")])
        return false;
    return file ? n > 4 && !strcmp(name + n - 4, ".png") : name[strspn(name, "0123456789-")] == 0;
}

typedef struct {
    json_t *names; /* "DAY/FILE" */
    const char *folder, *day;
} Look;

static bool see(void *user, const char *name) {
    Look *l = user;
    char text[OS_NAME_SIZE * 2];
    if (!is_own(name, l->day != NULL)) return true;
    if (l->day) {
        snprintf(text, sizeof text, "%s/%s", l->day, name);
        json_array_append_new(l->names, json_string(text));
    } else {
        char path[OS_PATH_SIZE];
        Look below = {l->names, NULL, name};
        if (path_make(path, NULL, "%s/%s", l->folder, name)) (void)os_list(path, see, &below);
    }
    return json_array_size(l->names) < MOST_SEEN;
}

static int newest_first(const void *a, const void *b) {
    return strcmp(json_string_value(*(json_t *const *)b), json_string_value(*(json_t *const *)a));
}

static void list_pictures(Serve *s, Call *c) {
    json_t *names = json_array(), *list = json_array();
    Look l = {names, s->o->outputs_dir, NULL};
    if (s->o->outputs_dir) (void)os_list(s->o->outputs_dir, see, &l);
    size_t count = json_array_size(names);
    json_t **sorted = malloc((count + 1) * sizeof *sorted);
    for (size_t i = 0; sorted && i < count; i++) sorted[i] = json_array_get(names, i);
    if (sorted && count) qsort(sorted, count, sizeof *sorted, newest_first);
    for (size_t i = 0; sorted && i < count && i < MOST_SHOWN; i++) {
        char url[OS_NAME_SIZE * 2 + 16];
        snprintf(url, sizeof url, "/v1/gallery/%s", json_string_value(sorted[i]));
        json_array_append_new(list, json_pack("{s:s, s:s}", "url", url, "name", json_string_value(sorted[i])));
    }
    free(sorted);
    json_decref(names);
    answer_json(&c->answer, 200, json_pack("{s:o, s:I}", "pictures", list, "count", (json_int_t)count));
}

static void kept(Serve *s, Call *c) {
    char day[OS_NAME_SIZE], path[OS_PATH_SIZE];
    const char *rest = c->path + strlen("/v1/gallery");
    if (!*rest) {
        list_pictures(s, c);
        return;
    }
    size_t n = strcspn(rest + 1, "/"), size;
    snprintf(day, sizeof day, "%.*s", (int)(n < sizeof day ? n : 0), rest + 1);
    FileWanted wanted = {256u << 20, "name a picture", NULL};
    char *bytes = NULL;
    if (s->o->outputs_dir && rest[1 + n] == '/' && is_own(day, false) && is_own(rest + n + 2, true) &&
        path_make(path, NULL, "%s/%s/%s", s->o->outputs_dir, day, rest + n + 2))
        bytes = file_read(path, &wanted, &size, NULL);
    if (bytes) answer_bytes(&c->answer, 200, "image/png", bytes, size);
    else answer_detail(&c->answer, 404, "Not Found");
}

const Route PAGE_ROUTES[] = {
    {"GET", "/", page, 0, "the page", NULL},
    {"GET", "/page.css", page_css, 0, "its looks", NULL},
    {"GET", "/page.js", page_js, 0, "its program", NULL},
    {"GET", "/v1/page", fields, 0, "what its fields held last", NULL},
    {"POST", "/v1/page", keep_fields, ROUTE_JSON, "keeps that, in the file of --settings", NULL},
    {"GET", "/v1/settings", settings, 0, "the table of settings", NULL},
    {"GET", "/v1/gallery", kept, ROUTE_BELOW, "kept pictures, the newest 200; /DAY/FILE: one of them", NULL},
    {0},
};
