/* merge_recipe.c: the metadata of a merged file: sd_merge_recipe, how it was made, and sd_merge_models, what of, with
 * what those were made of in their turn (stable-diffusion-webui, modules/extras.py). */
#include "weights/files/json_text.h"
#include "merge_internal.h"
#include "sd/load/model_hash.h"

#include "weights/files/file_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_MODELS = 1000 };

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* --- what the models were merged from --- */

typedef struct {
    char *key, *value; /* the value as JSON */
} Entry;

typedef struct {
    Entry at[MOST_MODELS];
    int count;
} Models;

static bool put(Models *s, const char *key, JsonText *value, Error *e) {
    int i = 0;
    while (i < s->count && strcmp(s->at[i].key, key)) i++;
    if (i == MOST_MODELS) {
        free(value->p);
        return error_set(e, ERR_FORMAT, "sd_merge_models: lists more than %d models; remove it from the files",
                         MOST_MODELS);
    }
    if (i == s->count) {
        s->at[i] = (Entry){.key = malloc(strlen(key) + 1)};
        if (s->at[i].key) strcpy(s->at[i].key, key), s->count++;
    }
    if (value->failed || i == s->count) {
        free(value->p);
        return error_set(e, ERR_MEMORY, "out of memory for metadata");
    }
    free(s->at[i].value);
    s->at[i].value = value->p;
    return true;
}

/* A metadata value that is a JSON object; NULL: none. */
static Json *object(const WeightFile *f, const char *key) {
    const char *text = weight_file_meta(f, key);
    Json *j = text && *text == '{' ? json_parse_python(key, text, strlen(text), NULL) : NULL;
    if (j && j->nodes[0].type == JSON_OBJECT) return j;
    json_free(j);
    return NULL;
}

static bool add_model(Models *s, const Checkpoint *c, const char *sha256, Error *e) {
    const WeightFile *f = c->file;
    const char *text = weight_file_meta(f, "sd_merge_recipe");
    char legacy[9];
    JsonText v = {0};
    Json *recipe = object(f, "sd_merge_recipe");
    legacy_hash(f, legacy);
    json_text(&v, "{\"name\": ");
    json_text_quoted(&v, base_name(c->path));
    json_text(&v, ", \"legacy_hash\": \"%s\", \"sd_merge_recipe\": ", legacy);
    if (recipe) json_text_node(&v, recipe, &recipe->nodes[0]);
    else if (text) json_text_quoted(&v, text);
    else json_text(&v, "null");
    json_text(&v, "}");
    json_free(recipe);
    bool ok = put(s, sha256, &v, e);
    Json *before = object(f, "sd_merge_models");
    for (int32_t i = before ? before->nodes[0].child : -1; ok && i >= 0; i = before->nodes[i].next) {
        JsonText one = {0};
        json_text_node(&one, before, &before->nodes[i]);
        ok = put(s, before->nodes[i].key, &one, e);
    }
    json_free(before);
    return ok;
}

static bool write_models(const Merge *m, char hashes[3][65], JsonText *out, Error *e) {
    Models *s = calloc(1, sizeof *s);
    bool ok = s || error_set(e, ERR_MEMORY, "out of memory for metadata");
    for (int i = 0; ok && i < m->count; i++)
        if (*hashes[i]) ok = add_model(s, m->models[i]->checkpoint, hashes[i], e);
    json_text(out, "{");
    for (int i = 0; s && i < s->count; i++) {
        if (i) json_text(out, ", ");
        json_text_quoted(out, s->at[i].key);
        json_text(out, ": %s", s->at[i].value);
        free(s->at[i].key);
        free(s->at[i].value);
    }
    json_text(out, "}");
    free(s);
    return ok;
}

/* --- how --- */

/* A pattern for whole names as the expression that the webui searches for. */
static void write_discard(JsonText *t, const char *glob) {
    JsonText r = {0};
    json_text(&r, "^");
    for (const char *p = glob; *p; p++) {
        if (*p == '*') json_text(&r, ".*");
        else if (*p == '?') json_text(&r, ".");
        else json_text(&r, "%s%c", strchr("\\.^$+()[]{}|", *p) ? "\\" : "", *p);
    }
    json_text(&r, "$");
    if (!r.failed) json_text_quoted(t, r.p);
    t->failed |= r.failed;
    free(r.p);
}

/* Of sd.c's own: what the webui's merger does not do. */
static bool write_networks(const SdMerge *how, JsonText *t, Error *e) {
    json_text(t, ", \"networks_apply\": \"%s\", \"networks\": [", how->network_apply ? "webui" : "exact");
    for (int i = 0; i < how->network_count; i++) {
        const SdNetwork *n = &how->networks[i];
        char hash[65];
        if (!cached_sha256(n->path, hash, e)) return false;
        json_text(t, "%s{\"name\": ", i ? ", " : "");
        json_text_quoted(t, base_name(n->path));
        json_text(t, ", \"hash\": \"%s\", \"text\": ", hash);
        json_text_number(t, n->text);
        json_text(t, ", \"unet\": ");
        json_text_number(t, n->unet);
        json_text(t, ", \"rank\": %d}", n->rank);
    }
    json_text(t, "]");
    return true;
}

static bool write_recipe(const Merge *m, char hashes[3][65], JsonText *t, Error *e) {
    static const char *const KEYS[] = {"primary", "secondary", "tertiary"};
    static const char *const MODES[] = {"Weighted sum", "Add difference", "No interpolation"};
    json_text(t, "{\"type\": \"sd.c\"");
    for (int i = 0; i < 3; i++) {
        json_text(t, ", \"%s_model_hash\": ", KEYS[i]);
        if (*hashes[i]) json_text_quoted(t, hashes[i]);
        else json_text(t, "null");
    }
    json_text(t, ", \"interp_method\": \"%s\", \"multiplier\": ", MODES[m->how->mode]);
    json_text_number(t, m->how->ratio);
    json_text(t, ", \"save_as_half\": %s, \"custom_name\": \"\", \"config_source\": 0, \"bake_in_vae\": ",
              m->how->half ? "true" : "false");
    json_text_quoted(t, m->how->vae ? base_name(m->how->vae) : "None");
    json_text(t, ", \"discard_weights\": ");
    if (m->how->discard) write_discard(t, m->how->discard);
    else json_text(t, "\"\"");
    json_text(t, ", \"is_inpainting\": %s, \"is_instruct_pix2pix\": %s", m->done->inpainting ? "true" : "false",
              m->done->pix2pix ? "true" : "false");
    if (m->how->network_count && !write_networks(m->how, t, e)) return false;
    json_text(t, "}");
    return true;
}

/* --- all of it --- */

static void set(MergeMeta *out, const char *key, const char *value) {
    size_t i = 0;
    while (i < out->count && strcmp(out->at[i].key, key)) i++;
    out->at[i] = (FileMeta){key, value};
    out->count += i == out->count;
}

/* Later models' values replace earlier ones'. What is said of a file that sdc wrote is A's alone, and its layout's is
 * no longer so. */
static bool copied(const char *key, bool first) {
    if (strncmp(key, "sdc.", 4)) return true;
    return first && (!strcmp(key, "sdc.config") || !strcmp(key, "sdc.tokens"));
}

/* The configuration of what is written from another layout: OpenCLIP's encoders have their own names there. */
static char *new_config(const SdModel *m) {
    SdConfig k = m->config;
    for (int i = 0; i < k.encoders; i++) k.clip[i].open_clip = k.clip[i].act == ACT_GELU;
    return config_to_json(&k);
}

bool merge_meta(const Merge *m, MergeMeta *out, Error *e) {
    char hashes[3][65] = {"", "", ""};
    size_t most = 8;
    for (int i = 0; i < m->count; i++) {
        const Checkpoint *c = m->models[i]->checkpoint;
        if (!c->file) continue; /* a folder has no hash */
        most += c->file->meta_count;
        if (!c->file->mapped) sha256_memory(c->file->map, c->file->size, hashes[i]);
        else if (!cached_sha256(c->path, hashes[i], e)) return false;
    }
    out->at = calloc(most, sizeof *out->at);
    if (!out->at) return error_set(e, ERR_MEMORY, "%s: out of memory for metadata", m->out);
    for (int i = 0; i < m->count; i++) {
        const WeightFile *f = m->models[i]->checkpoint->file;
        for (size_t k = 0; f && k < f->meta_count; k++)
            if (copied(f->meta[k].key, !i)) set(out, f->meta[k].key, f->meta[k].value);
    }
    const SdModel *a = m->models[0];
    bool named = a->checkpoint->file && !a->checkpoint->file->channels_last;
    out->config = named ? NULL : new_config(a);
    JsonText recipe = {0}, models = {0};
    bool ok = write_recipe(m, hashes, &recipe, e) && write_models(m, hashes, &models, e);
    out->recipe = recipe.p;
    out->models = models.p;
    if (ok && (recipe.failed || models.failed || (!named && !out->config)))
        ok = error_set(e, ERR_MEMORY, "%s: out of memory for metadata", m->out);
    if (!ok) return false;
    if (out->config) set(out, "sdc.config", out->config);
    set(out, "format", "pt");
    set(out, "sd_merge_recipe", out->recipe);
    set(out, "sd_merge_models", out->models);
    return true;
}

void merge_meta_free(MergeMeta *meta) {
    free(meta->at);
    free(meta->recipe);
    free(meta->models);
    free(meta->config);
}
