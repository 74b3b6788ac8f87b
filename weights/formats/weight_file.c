/* weight_file.c: opening and mapping a file, and choosing its format. */
#include "weight_file.h"
#include "weights/files/file_open.h"
#include "formats.h"
#include "other_names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static WeightFile *new_file(const char *path, Error *e) {
    WeightFile *f = calloc(1, sizeof *f);
    if (f) f->path = malloc(strlen(path) + 1);
    if (f && f->path) {
        strcpy(f->path, path);
        return f;
    }
    free(f);
    error_set(e, ERR_MEMORY, "%s: cannot allocate memory; free some and try again", path);
    return NULL;
}

/* The scale of 8-bit weights, as ComfyUI's files have it: NAME.scale_weight beside NAME.weight, or .weight_scale. */
static bool link_scales(WeightFile *f, Error *e) {
    for (size_t i = 0; i < f->count; i++) {
        FileTensor *t = &f->tensors[i];
        size_t n = strlen(t->name), stem = n < 6 ? n : n - 6;
        char name[512];
        if ((t->dtype != F8_E4M3 && t->dtype != F8_E5M2) || strcmp(t->name + stem, "weight")) continue;
        const FileTensor *s = NULL;
        static const char *const NAMES[] = {"scale_weight", "weight_scale"};
        for (size_t k = 0; k < 2 && !s && stem < sizeof name - 16; k++) {
            snprintf(name, sizeof name, "%.*s%s", (int)stem, t->name, NAMES[k]);
            s = weight_file_find(f, name);
        }
        if (s && (file_tensor_count(s) != 1 || s->strides || (s->dtype != F32 && s->dtype != F16 && s->dtype != BF16)))
            return error_set(e, ERR_FORMAT, "%s: %.100s is not one number in F32, F16 or BF16; get the model in F16",
                             f->path, s->name);
        t->scale = s;
    }
    return true;
}

/* What `sdc convert` says of the order of numbers. */
static bool read_layout(WeightFile *f, Error *e) {
    const char *order = weight_file_meta(f, "sdc.conv_layout");
    f->channels_last = order && !strcmp(order, "OHWI");
    if (order && !f->channels_last && strcmp(order, "OIHW"))
        return error_set(e, ERR_FORMAT, "%s: \"sdc.conv_layout\" is '%.40s', neither OHWI nor OIHW; convert it anew",
                         f->path, order);
    return true;
}

static bool read_list(WeightFile *f, Error *e) {
    const WeightFormat *format = weight_format(f->map, f->size);
    f->format = format->name;
    if (!format->read) return error_set(e, ERR_FORMAT, "%s: is %s", f->path, format->refusal);
    return format->read(f, e) && shapes_undone(f, e) && names_undone(f, e) && read_layout(f, e) && link_scales(f, e);
}

WeightFile *weight_file_open_memory(const char *path, const void *bytes, size_t size, Error *e) {
    WeightFile *f = new_file(path, e);
    if (!f) return NULL;
    f->map = bytes;
    f->size = size;
    if (read_list(f, e)) return f;
    weight_file_close(f);
    return NULL;
}

static bool too_much(const WeightFile *f, const OsInfo *info, const char *can, Error *e) {
    return error_set(e, ERR_FILE,
                     "%s: is %.1f GB, more than a 32-bit program %s; use a 64-bit build, or convert it there to f16 or "
                     "q8_0",
                     f->path, (double)info->size / 1e9, can);
}

static bool map_file(WeightFile *f, OsFile open, const OsInfo *info, Error *e) {
    if (info->kind != OS_REGULAR)
        return error_set(e, ERR_FILE, "%s: is a pipe or device, which cannot be mapped; save it as a file first",
                         file_shown(f->path));
    if (info->size > PTRDIFF_MAX) return too_much(f, info, "can map", e);
    f->size = (size_t)info->size;
    if (!f->size) return true;
    f->map = os_map(open, f->size, f->path);
    f->mapped = f->backed = f->map != NULL;
    if (!f->map && errno == ENOMEM && sizeof(void *) == 4) return too_much(f, info, "has room for beside the rest", e);
    return f->mapped || error_set(e, ERR_FILE, "%s: cannot be mapped: %s; check the memory limit (ulimit -v)", f->path,
                                  strerror(errno));
}

WeightFile *weight_file_open(const char *path, Error *e) {
    OsInfo info;
    WeightFile *f = new_file(path, e);
    if (!f) return NULL;
    OsFile open = file_open(path, "name a model file", &info, e);
    bool ok = open != OS_NO_FILE && map_file(f, open, &info, e);
    if (open != OS_NO_FILE) os_close(open);
    if (ok && read_list(f, e)) return f;
    weight_file_close(f);
    return NULL;
}

void weight_file_close(WeightFile *f) {
    if (!f) return;
    if (f->mapped) os_unmap(f->map, f->size);
    free(f->tensors);
    free(f->index);
    free(f->meta);
    free(f->pool);
    free(f->names);
    free(f->strides);
    free(f->path);
    free(f);
}
