/* overlay_names.c: the model's modules under every name that networks' files give them: the single file's, diffusers',
 * and, of open_clip's encoders, Hugging Face's. Made from the model's own list of weights. */
#include "weights/files/files_below.h"
#include "overlay_internal.h"

#include "sd/models/config_detect.h"
#include "weights/formats/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Targets *t;
    const SdModel *m;
    Error *e;
} Walk;

static bool add(Walk *k, Part part, const Weight *w, const char *path, bool bias, int64_t first, int64_t rows) {
    static const char *const OF[] = {[PART_TEXT] = "text_", [PART_TEXT_2] = "text_2_", [PART_UNET] = "unet_"};
    Targets *t = k->t;
    if (!list_grow(&t->at, &t->capacity, t->count, sizeof *t->at))
        return error_set(k->e, ERR_MEMORY, "out of memory for the names of modules");
    size_t size = strlen(path) + 16, of = strlen(OF[part]);
    char *name = malloc(size);
    if (!name) return error_set(k->e, ERR_MEMORY, "out of memory for the names of modules");
    strcpy(name, OF[part]);
    network_name(path, strlen(path), name + of, size - of);
    t->at[t->count++] = (Target){name, w, bias, first, rows, part};
    return true;
}

/* Cuts the end off a name; false if it ends otherwise. */
static bool cut(char *name, const char *end) {
    size_t n = strlen(name), size = strlen(end);
    if (n < size || strcmp(name + n - size, end)) return false;
    name[n - size] = 0;
    return true;
}

/* A weight's path in its part, under one naming. */
static bool add_path(Walk *k, Part part, const Weight *w, const char *path) {
    char module[256];
    snprintf(module, sizeof module, "%s", path);
    bool bias = cut(module, ".bias");
    if (!bias && !cut(module, ".weight") && strcmp(module, "text_projection")) return true; /* no module's */
    return add(k, part, w, module, bias, 0, w->t.n[0]);
}

static bool add_unet(Walk *k, const Weight *w) {
    const SdConfig *c = &k->m->config;
    char part[24], other[256];
    const char *path = w->name + strlen(KEY_UNET);
    if (!add_path(k, PART_UNET, w, path)) return false;
    return !name_to_diffusers(w->name, c->unet.res_blocks, c->unet.levels, c->vae.levels, part, sizeof part, other,
                              sizeof other) ||
           !strcmp(other, path) || add_path(k, PART_UNET, w, other);
}

static bool add_text(Walk *k, int encoder, const Weight *w) {
    static const char *const SPLIT[] = {"q_proj", "k_proj", "v_proj"};
    char prefix[KEY_ENCODER_SIZE], other[256], name[256];
    Part part = (Part)(PART_TEXT + encoder);
    const char *path = w->name + strlen(key_encoder(&k->m->config, encoder, prefix)), *end;
    if (!add_path(k, part, w, path)) return false;
    if (!name_open_to_clip(path, other, sizeof other)) return true;
    end = strstr(other, "in_proj_");
    if (!end) return !strcmp(path, other) || add_path(k, part, w, other);
    bool bias = !strcmp(end, "in_proj_bias");
    for (int i = 0; i < 3; i++) { /* q, k and v in one weight */
        int64_t rows = w->t.n[0] / 3;
        snprintf(name, sizeof name, "%.*s%s", (int)(end - other), other, SPLIT[i]);
        if (!add(k, part, w, name, bias, i * rows, rows)) return false;
    }
    return true;
}

static int by_name(const void *a, const void *b) {
    const Target *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (int)x->bias - (int)y->bias;
}

bool targets_init(Targets *t, const SdModel *m, Error *e) {
    Walk k = {t, m, e};
    bool ok = true;
    *t = (Targets){0};
    for (int64_t i = 0; ok && i < m->lists[PART_UNET].count; i++) ok = add_unet(&k, m->lists[PART_UNET].w[i]);
    for (int n = 0; ok && n < m->config.encoders; n++)
        for (int64_t i = 0; ok && i < m->lists[PART_TEXT + n].count; i++)
            ok = add_text(&k, n, m->lists[PART_TEXT + n].w[i]);
    if (ok) qsort(t->at, t->count, sizeof *t->at, by_name);
    else targets_free(t);
    return ok;
}

void targets_free(Targets *t) {
    for (size_t i = 0; i < t->count; i++) free(t->at[i].name);
    free(t->at);
    *t = (Targets){0};
}

const Target *targets_find(const Targets *t, const char *name, bool bias) {
    const Target wanted = {.name = (char *)(uintptr_t)name, .bias = bias};
    return t->count ? bsearch(&wanted, t->at, t->count, sizeof *t->at, by_name) : NULL;
}
