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

/* The new name, where there is one. */
typedef bool Undo(const void *user, const char *name, char *out, size_t size);

static bool by_prefix(const void *user, const char *name, char *out, size_t size) {
    for (const Prefix *p = user; p->from; p++)
        if (undo(name, p, out, size)) return true;
    return false;
}

static bool rename_all(WeightFile *f, Undo *how, const void *user, Error *e) {
    enum { LONGER = 16 }; /* than the name was, at most */
    size_t room = 1;
    for (size_t i = 0; i < f->count; i++) room += strlen(f->tensors[i].name) + LONGER + 1;
    char *at = f->names = malloc(room);
    if (!at)
        return error_set(e, ERR_MEMORY, "%s: cannot allocate memory for its list; free some and try again", f->path);
    for (size_t i = 0; i < f->count; i++) {
        if (!how(user, f->tensors[i].name, at, strlen(f->tensors[i].name) + LONGER + 1)) continue;
        f->tensors[i].name = at;
        at += strlen(at) + 1;
    }
    const char *twice = weight_file_index(f);
    return !twice || error_set(e, ERR_FORMAT, "%s: tensor \"%.100s\" is there under two names; download it again",
                               f->path, twice);
}

/* --- numbers --- */

#define UNET "model.diffusion_model."
enum { GAP_LEVELS = 8 };

/* Which levels have attention in the block before their enlargement. */
typedef struct {
    bool attention[GAP_LEVELS];
} Gaps;

static bool close_gap(const void *user, const char *name, char *out, size_t size) {
    const Gaps *g = user;
    int n, end = 0;
    if (strncmp(name, UNET, strlen(UNET))) return false;
    name += strlen(UNET);
    if (sscanf(name, "input_blocks.%3d%n", &n, &end) == 1 && end && name[end] == '.' && n > 0) {
        int to = 2 * ((n - 1) / 3) + 1 + ((n - 1) % 3 == 2);
        return snprintf(out, size, UNET "input_blocks.%d%s", to, name + end) > 0;
    }
    if (sscanf(name, "output_blocks.%3d.%*1d%n", &n, &end) != 1 || !end || n < 0 || n / 3 >= GAP_LEVELS) return false;
    int level = n / 3, to = 2 * level + (n % 3 > 0), place = n % 3 == 2 ? 1 + g->attention[level] : name[end - 1] - '0';
    return snprintf(out, size, UNET "output_blocks.%d.%d%s", to, place, name + end) > 0;
}

static bool close_gaps(WeightFile *f, Error *e) {
    Gaps g = {{false}};
    for (int i = 0; i < GAP_LEVELS; i++) {
        char name[80];
        snprintf(name, sizeof name, UNET "output_blocks.%d.1.norm.weight", 3 * i + 1);
        g.attention[i] = weight_file_find(f, name) != NULL;
    }
    return rename_all(f, close_gap, &g, e);
}

bool names_undone(WeightFile *f, Error *e) {
    static const Prefix XL[] = {{SECOND, "conditioner.embedders.1.model.", true},
                                {"cond_stage_model.transformer.", "conditioner.embedders.0.transformer.", false},
                                {NULL, NULL, false}},
                        REFINER[] = {{FIRST, "conditioner.embedders.0.model.", true}, {NULL, NULL, false}},
                        SD_2[] = {{FIRST, "cond_stage_model.model.", true}, {NULL, NULL, false}};
    if (weight_file_find(f, UNET "input_blocks.3.0.op.weight") &&
        !weight_file_find(f, UNET "input_blocks.2.0.in_layers.2.weight") &&
        !weight_file_find(f, UNET "output_blocks.2.0.in_layers.2.weight"))
        return close_gaps(f, e);
    if (weight_file_find(f, SECOND FUSED)) return rename_all(f, by_prefix, XL, e);
    if (!weight_file_find(f, FIRST FUSED)) return true;
    return rename_all(f, by_prefix, weight_file_find(f, SIZES) ? REFINER : SD_2, e);
}
