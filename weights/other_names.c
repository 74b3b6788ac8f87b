#include "other_names.h"

#include "formats.h"
#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- shapes --- */

/* The list's numbers; 0: it is none. */
static int read_shape(const char *text, int64_t n[FILE_MAX_DIMS]) {
    int nd = 0;
    while (nd < FILE_MAX_DIMS) {
        char *end;
        long long size = strtoll(text, &end, 10);
        if (end == text || size < 1) return 0;
        n[nd++] = size;
        if (!*end) return nd;
        text = end + 1;
    }
    return 0;
}

bool shapes_undone(WeightFile *f, Error *e) {
    for (size_t i = 0; i < f->meta_count; i++) {
        const char *key = f->meta[i].key;
        int64_t n[FILE_MAX_DIMS], count;
        if (strncmp(key, SHAPE_KEY, strlen(SHAPE_KEY))) continue;
        const FileTensor *found = weight_file_find(f, key + strlen(SHAPE_KEY));
        if (!found) continue;
        FileTensor *t = &f->tensors[found - f->tensors];
        int nd = read_shape(f->meta[i].value, n);
        if (!nd || !dtype_count(t->dtype, nd, n, &count) || count != file_tensor_count(t))
            return error_set(e, ERR_FORMAT,
                             "%s: tensor \"%.100s\": its shape under \"" SHAPE_KEY "...\" is not that of "
                             "its numbers; download it again",
                             f->path, t->name);
        t->nd = nd;
        memcpy(t->n, n, sizeof n);
    }
    return true;
}

/* --- names --- */

#define FIRST "cond_stage_model.transformer.text_model."
#define SECOND "cond_stage_model.1.transformer.text_model."
#define FUSED "encoder.layers.0.self_attn.in_proj.weight"
#define SIZES "model.diffusion_model.label_emb.0.0.weight" /* of SDXL and its refiner */

typedef struct {
    const char *from, *to;
    bool open; /* open_clip's names follow */
} Prefix;

/* The name undone; false: it stays. */
static bool undo(const char *name, const Prefix *p, char *out, size_t size) {
    static const char IN_PROJ[] = ".self_attn.in_proj.";
    char clip[256];
    if (strncmp(name, p->from, strlen(p->from))) return false;
    name += strlen(p->from);
    size_t n = (size_t)snprintf(out, size, "%s", p->to);
    if (!p->open) return n + (size_t)snprintf(out + n, size - n, "%s", name) < size;
    if (!strcmp(name, "text_projection")) return snprintf(out + n, size - n, "%s", name) > 0;
    const char *fused = strstr(name, IN_PROJ);
    int length = fused ? (int)(fused - name) : (int)strlen(name);
    int written = snprintf(clip, sizeof clip, "text_model.%.*s%s%s", length, name, fused ? ".self_attn.in_proj_" : "",
                           fused ? fused + strlen(IN_PROJ) : "");
    return written < (int)sizeof clip && name_clip_to_open(clip, out + n, size - n);
}

static bool rename_all(WeightFile *f, const Prefix *prefixes, int count, Error *e) {
    enum { LONGER = 16 }; /* than the name was, at most */
    size_t room = 1;
    for (size_t i = 0; i < f->count; i++) room += strlen(f->tensors[i].name) + LONGER + 1;
    char *at = f->names = malloc(room);
    if (!at)
        return error_set(e, ERR_MEMORY, "%s: cannot allocate memory for its list; free some and try again", f->path);
    for (size_t i = 0; i < f->count; i++)
        for (int k = 0; k < count; k++) {
            if (!undo(f->tensors[i].name, &prefixes[k], at, strlen(f->tensors[i].name) + LONGER + 1)) continue;
            f->tensors[i].name = at;
            at += strlen(at) + 1;
            break;
        }
    const char *twice = weight_file_index(f);
    return !twice || error_set(e, ERR_FORMAT, "%s: tensor \"%.100s\" is there under two names; download it again",
                               f->path, twice);
}

bool names_undone(WeightFile *f, Error *e) {
    static const Prefix XL[] = {{SECOND, "conditioner.embedders.1.model.", true},
                                {"cond_stage_model.transformer.", "conditioner.embedders.0.transformer.", false}},
                        REFINER[] = {{FIRST, "conditioner.embedders.0.model.", true}},
                        SD_2[] = {{FIRST, "cond_stage_model.model.", true}};
    if (weight_file_find(f, SECOND FUSED)) return rename_all(f, XL, 2, e);
    if (!weight_file_find(f, FIRST FUSED)) return true;
    return rename_all(f, weight_file_find(f, SIZES) ? REFINER : SD_2, 1, e);
}
