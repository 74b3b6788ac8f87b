#include "settings.h"

#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"
#include "weights/files/text_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Settings {
    OsLock *lock;
    Catalog *catalog;
    const char *file;
    SdRequest usual;   /* defaults of rows that are settings */
    char *model, *vae; /* names as they were given; vae "": the model's own */
    json_t *page;      /* what the page's fields hold, by the keys' names; under the lock, as are its parts */
};

/* A row that a client may set for all requests: a number or a word whose default is ours. */
static bool is_setting(const Param *p) {
    return value_given(p) && p->type <= PARAM_ENUM && !p->of_model && !p->of_image && !p->of_hires && !p->of_windows;
}

static bool keep(char **at, const char *name) {
    char *copy = malloc(strlen(name) + 1);
    if (!copy) return false;
    strcpy(copy, name);
    free(*at);
    *at = copy;
    return true;
}

/* --- the file --- */

static json_t *kept(const Settings *s) {
    json_t *j = json_object();
    SdRequest usual = sd_request(NULL);
    json_object_set_new(j, "sd_model_checkpoint", json_string(s->model));
    json_object_set_new(j, "sd_vae", json_string(*s->vae ? s->vae : "Automatic"));
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (is_setting(p) && param_number(p, &s->usual) != param_number(p, &usual))
            json_object_set_new(j, p->json, value_json(p, &s->usual));
    if (json_object_size(s->page)) json_object_set_new(j, "page", json_deep_copy(s->page));
    return j;
}

static bool write_file(Settings *s, Error *e) {
    if (!s->file) return true;
    json_t *j = kept(s);
    char *text = j ? json_dumps(j, JSON_INDENT(2)) : NULL;
    bool ok = text ? atomic_write_file(s->file, text, strlen(text), e)
                   : error_set(e, ERR_MEMORY, "%s: out of memory while writing", s->file);
    free(text);
    json_decref(j);
    return ok;
}

static bool take(Settings *s, const json_t *object, bool write, bool *model, Fault *f);

static bool read_file(Settings *s, const char *instead, Error *e) {
    FilePresence there = s->file ? file_presence(s->file, e) : FILE_ABSENT;
    if (there != FILE_PRESENT) return there == FILE_ABSENT;
    FileWanted wanted = {32 << 20, "name a settings file that sdc serve wrote, or a new one", NULL};
    char *text = text_file_read(s->file, &wanted, NULL, e);
    if (!text) return false;
    json_error_t where;
    json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    Fault f = {0};
    bool model;
    if (j && instead) json_object_set_new(j, "sd_model_checkpoint", json_string(instead));
    if (!json_is_object(j))
        error_set(e, ERR_FORMAT, "%s: is not a JSON object: line %d; mend or remove it", s->file, where.line);
    else if (json_is_object(json_object_get(j, "page"))) json_object_update(s->page, json_object_get(j, "page"));
    if (!e->code && !take(s, j, false, &model, &f))
        error_set(e, ERR_FORMAT, "%s: %s; mend or remove it", s->file, f.text);
    json_decref(j);
    free(text);
    return !e->code;
}

static void take_first(void *user, const CatalogEntry *entry) {
    char **name = user;
    if (!*name) keep(name, entry->file);
}

Settings *settings_new(const ServerOptions *o, Catalog *catalog, Error *e) {
    Settings *s = calloc(1, sizeof *s);
    char path[OS_PATH_SIZE];
    bool builtin;
    if (s) s->lock = os_lock_new(), s->page = json_object();
    if (!s || !s->lock || !s->page || !keep(&s->vae, "")) {
        error_set(e, ERR_MEMORY, "out of memory for the settings");
        return settings_free(s), NULL;
    }
    s->catalog = catalog, s->usual = sd_request(NULL);
    if (o->model && !catalog_find(catalog, LIST_MODELS, o->model, path, NULL, &builtin)) {
        error_set(e, ERR_FILE, "%s: no such model; name a file, or one of --models", o->model);
        return settings_free(s), NULL;
    }
    if (o->model) keep(&s->model, o->model);
    else catalog_each(catalog, LIST_MODELS, take_first, &s->model);
    if (!s->model) {
        error_set(e, ERR_ARGUMENT, "no model: none is built in, and --models names no folder with one");
        return settings_free(s), NULL;
    }
    s->file = o->settings_file;
    return read_file(s, o->model, e) ? s : (settings_free(s), NULL);
}

void settings_free(Settings *s) {
    if (!s) return;
    free(s->model), free(s->vae);
    json_decref(s->page);
    os_lock_free(s->lock);
    free(s);
}

/* --- use --- */

void settings_model(Settings *s, char model[OS_PATH_SIZE], char vae[OS_PATH_SIZE]) {
    os_lock(s->lock);
    snprintf(model, OS_PATH_SIZE, "%s", s->model);
    snprintf(vae, OS_PATH_SIZE, "%s", s->vae);
    os_unlock(s->lock);
}

void settings_apply(Settings *s, SdRequest *r) {
    os_lock(s->lock);
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (is_setting(p) && p->type == PARAM_INT64)
            *(int64_t *)((char *)r + p->at) = *(const int64_t *)((const char *)&s->usual + p->at);
        else if (is_setting(p)) param_set_number(p, r, param_number(p, &s->usual));
    os_unlock(s->lock);
}

json_t *settings_json(Settings *s) {
    char model[OS_PATH_SIZE], vae[OS_PATH_SIZE], path[OS_PATH_SIZE], title[OS_PATH_SIZE];
    bool builtin;
    SdRequest usual = sd_request(NULL);
    settings_model(s, model, vae);
    settings_apply(s, &usual);
    if (!catalog_find(s->catalog, LIST_MODELS, model, path, title, &builtin))
        snprintf(title, sizeof title, "%s", model);
    char *hash = strrchr(title, '[');
    json_t *j =
        json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:s, s:b}", "samples_format", "png", "sd_model_checkpoint",
                  title, "sd_vae", *vae ? vae : "Automatic", "sd_checkpoint_hash", "", "samples_save", 0, "grid_save",
                  0, "return_grid", 0, "show_progress_type", "Approx cheap", "img2img_color_correction", 0);
    if (hash && strspn(hash + 1, "0123456789abcdef") == 10 && !strcmp(hash + 11, "]"))
        json_object_set_new(j, "sd_checkpoint_hash", json_stringn(hash + 1, 10));
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (is_setting(p)) json_object_set_new(j, p->json, value_json(p, &usual));
    return j;
}

/* What of a model's or a VAE's name is new; *name: the one to keep, or NULL. */
static bool take_name(Settings *s, ListKind kind, const char *key, const json_t *v, const char **name, Fault *f) {
    char path[OS_PATH_SIZE];
    bool builtin;
    const char *given = NULL;
    if (!value_string(key, v, &given, f)) return false;
    if (!given || (kind == LIST_MODELS && !*given)) return true;
    if (kind == LIST_VAES && (!*given || !strcmp(given, "Automatic") || !strcmp(given, "None")))
        return *name = "", true;
    if (!catalog_find(s->catalog, kind, given, path, NULL, &builtin))
        return fault(f, 404, key, kind == LIST_MODELS ? "model '%.200s' not found" : "VAE '%.200s' not found", given);
    return *name = given, true;
}

static bool take(Settings *s, const json_t *object, bool write, bool *model, Fault *f) {
    const char *new_model = NULL, *new_vae = NULL, *key;
    json_t *v;
    SdRequest usual = sd_request(NULL);
    *model = false;
    if (!json_is_object(object)) return fault(f, 422, "", "the settings are not an object");
    settings_apply(s, &usual);
    if (!take_name(s, LIST_MODELS, "sd_model_checkpoint", json_object_get(object, "sd_model_checkpoint"), &new_model,
                   f) ||
        !take_name(s, LIST_VAES, "sd_vae", json_object_get(object, "sd_vae"), &new_vae, f))
        return false;
    json_object_foreach((json_t *)(uintptr_t)object, key, v) {
        const Param *p = value_param(key);
        if (p && is_setting(p) && !value_take(p, key, v, &usual, f)) return false;
    }
    Error e = {0};
    os_lock(s->lock);
    *model = new_model && strcmp(new_model, s->model) != 0;
    if ((new_model && !keep(&s->model, new_model)) || (new_vae && !keep(&s->vae, new_vae)))
        fault(f, 500, "", "out of memory");
    else {
        s->usual = usual;
        if (write && !write_file(s, &e)) fault(f, 500, "", "%s", e.text);
    }
    os_unlock(s->lock);
    return !f->status;
}

bool settings_post(Settings *s, const json_t *object, bool *model, Fault *f) { return take(s, object, true, model, f); }

/* --- the page's fields --- */

json_t *settings_page(Settings *s, const char *owner) {
    os_lock(s->lock);
    json_t *fields = json_deep_copy(json_object_get(s->page, owner));
    os_unlock(s->lock);
    return fields ? fields : json_object();
}

bool settings_keep_page(Settings *s, const char *owner, const json_t *fields, Error *e) {
    json_t *copy = json_deep_copy(fields);
    os_lock(s->lock);
    bool ok = !json_object_set_new(s->page, owner, copy) || error_set(e, ERR_MEMORY, "out of memory for the settings");
    ok = ok && write_file(s, e);
    os_unlock(s->lock);
    return ok;
}
