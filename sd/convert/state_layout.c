/* state_layout.c: which tensors a layout has, and where their numbers lie in the checkpoint (state_dict.h). */
#include "state_dict.h"

#include "sd/models/config_detect.h"
#include "weights/formats/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static StateTensor *add(StateDict *s, const char *name, DType type, int nd, const int64_t *n, Error *e) {
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 1024;
        StateTensor *at = realloc(s->at, capacity * sizeof *at);
        if (!at) return error_set(e, ERR_MEMORY, "out of memory for a list of tensors"), NULL;
        s->at = at;
        s->capacity = capacity;
    }
    StateTensor *t = &s->at[s->count];
    *t = (StateTensor){.type = type, .nd = nd, .name = malloc(strlen(name) + 1)};
    if (!t->name) return error_set(e, ERR_MEMORY, "out of memory for a list of tensors"), NULL;
    strcpy(t->name, name);
    for (int i = 0; i < nd; i++) t->n[i] = n[i];
    s->count++;
    return t;
}

/* Blocks cannot be reordered. */
static DType state_type(const StateDict *s, const FileTensor *t) {
    DType type = file_tensor_type(t);
    return (int)type < DTYPE_SAFETENSORS ? type : s->wide ? F32 : F16;
}

bool state_add(StateDict *s, const char *name, Found from, int nd, const int64_t *n, Error *e) {
    const FileTensor *t = from.tensor;
    StateTensor *to = add(s, name, t->dtype == F64 ? F64 : state_type(s, t), nd, n, e);
    if (!to) return false;
    to->pieces[to->count++] = (StatePiece){
        .from = from, .count = file_tensor_count(t), .channels_last = from.file->channels_last && t->nd == 4};
    return true;
}

/* --- everything in a file --- */

/* The webui's checkpoint_dict_replacements_sd1 (modules/sd_models.py). */
static void webui_name(char *out, size_t size, const char *name) {
    static const char *const BARE[] = {"embeddings.", "encoder.", "final_layer_norm."};
    size_t prefix = strlen(KEY_TRANSFORMER);
    snprintf(out, size, "%s", name);
    for (size_t i = 0; i < sizeof BARE / sizeof *BARE; i++)
        if (!strncmp(name, KEY_TRANSFORMER, prefix) && !strncmp(name + prefix, BARE[i], strlen(BARE[i])))
            snprintf(out, size, KEY_CLIP "%s", name + prefix);
}

/* What stands beside 8-bit weights and is not true of their numbers in F16, into which the scales are multiplied. */
static bool is_of_eight_bits(const char *name) {
    static const char *const ENDS[] = {".scale_weight", ".weight_scale", ".scale_input",
                                       ".input_scale",  ".comfy_quant",  "scaled_fp8"};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++)
        if (n >= strlen(ENDS[i]) && !strcmp(name + n - strlen(ENDS[i]), ENDS[i])) return true;
    return false;
}

bool state_of_file(StateDict *s, const Checkpoint *c, Error *e) {
    const WeightFile *f = c->file;
    for (size_t i = 0; i < f->count; i++) {
        const FileTensor *t = &f->tensors[i];
        if (is_of_eight_bits(t->name)) continue;
        size_t size = strlen(t->name) + sizeof KEY_CLIP;
        char *name = malloc(size);
        if (!name) return error_set(e, ERR_MEMORY, "%s: out of memory for a list of tensors", c->path);
        webui_name(name, size, t->name);
        bool ok = state_add(s, name, (Found){f, t}, t->nd, t->n, e);
        free(name);
        if (!ok) return false;
    }
    return true;
}

/* --- the networks --- */

typedef struct {
    const SdModel *m;
    StateDict *s;
    StateLayout layout;
    Error *e;
} Walk;

/* As torch has it; out[4], returns the dimensions. */
static int torch_shape(const Walk *k, const Weight *w, int64_t out[FILE_MAX_DIMS]) {
    const int64_t *n = w->t.n;
    memcpy(out, n, (size_t)w->t.nd * sizeof *n);
    if (w->kind == WEIGHT_CONV) out[1] = n[3], out[2] = n[1], out[3] = n[2];
    /* a folder has the VAE's attention as linear layers, but for them torch's 1x1 convolutions */
    bool flat =
        k->layout == STATE_DIFFUSERS && !strncmp(w->name, KEY_VAE, strlen(KEY_VAE)) && strstr(w->name, ".attn_1.");
    if (w->kind != WEIGHT_LINEAR || !w->pointwise || flat) return w->t.nd;
    out[2] = out[3] = 1;
    return 4;
}

/* Adds a tensor that is made of rows of up to three weights. parts > 1: the i-th of so many equal parts of the rows. */
static bool add_rows(Walk *k, const char *name, const Weight *const *w, int count, int part, int parts) {
    int64_t n[FILE_MAX_DIMS], rows = 0;
    char other[256], folder[24] = "";
    Found from[3];
    for (int i = 0; i < count; i++) {
        from[i] = checkpoint_find(k->m->checkpoint, w[i]->name);
        if (!from[i].tensor) return true; /* an encoder that the checkpoint lacks */
        rows += w[i]->t.n[0] / parts;
    }
    int nd = torch_shape(k, w[0], n);
    n[0] = rows;
    bool open_projection = w[0]->inputs_first || (k->layout == STATE_SINGLE && strstr(name, ".model.text_projection"));
    bool transposed = open_projection && k->layout == STATE_SINGLE; /* [inputs,outputs] there */
    if (transposed) n[0] = w[0]->t.n[1], n[1] = w[0]->t.n[0];
    if (k->layout == STATE_DIFFUSERS) {
        const SdConfig *c = &k->m->config;
        if (!name_to_diffusers(name, c->unet.res_blocks, c->unet.levels, c->vae.levels, folder, sizeof folder, other,
                               sizeof other))
            return error_set(k->e, ERR_FORMAT, "%s: diffusers has no name for %s; keep the single file",
                             k->m->checkpoint->path, name);
        if (config_sizes(c) == 5 && !strcmp(folder, "text_encoder"))
            strcpy(folder, "text_encoder_2"); /* its only one */
        name = other;
    }
    StateTensor *t = add(k->s, name, state_type(k->s, from[0].tensor), nd, n, k->e);
    if (!t) return false;
    memcpy(t->part, folder, sizeof folder);
    bool stored = w[0]->inputs_first && !from[0].file->channels_last; /* [inputs,outputs] in the file */
    for (int i = 0; i < count; i++) {
        int64_t each = tensor_count(w[i]->t) / parts;
        t->pieces[t->count++] = (StatePiece){.from = from[i],
                                             .first = part * each,
                                             .count = each,
                                             .channels_last = w[i]->kind == WEIGHT_CONV && from[i].file->channels_last,
                                             .transposed = transposed != stored};
        if (state_type(k->s, from[i].tensor) != t->type)
            return error_set(k->e, ERR_FORMAT, "%s: %s and %s are of two types and become one tensor; add --dtype",
                             k->m->checkpoint->path, w[0]->name, w[i]->name);
    }
    return true;
}

/* What follows prefix + "LAYERS.N." in a name; NULL where it is no layer's. */
static const char *in_layer(const char *name, const char *layers, int *number) {
    char *end;
    size_t n = strlen(layers);
    if (strncmp(name, layers, n)) return NULL;
    *number = (int)strtol(name + n, &end, 10);
    return *end == '.' ? end + 1 : NULL;
}

/* A weight of an encoder with OpenCLIP's names and fused projections, under Hugging Face's. */
static bool add_open(Walk *k, const char *prefix, const Weight *w, int layers, bool unused_last) {
    static const char *const SPLIT[] = {"q_proj", "k_proj", "v_proj"};
    const char *name = w->name + strlen(prefix);
    char to[128], out[256], base[KEY_ENCODER_SIZE];
    snprintf(base, sizeof base, "%.*stransformer.", (int)(strlen(prefix) - strlen("model.")), prefix);
    int layer;
    bool in_last = in_layer(name, "transformer.resblocks.", &layer) && layer == layers - 1;
    if (!name_open_to_clip(name, to, sizeof to) || (unused_last && in_last)) return true;
    const char *fused = strstr(to, ".in_proj_");
    if (!fused) return snprintf(out, sizeof out, "%s%s", base, to), add_rows(k, out, &w, 1, 0, 1);
    for (int i = 0; i < 3; i++) {
        snprintf(out, sizeof out, "%s%.*s.%s.%s", base, (int)(fused - to), to, SPLIT[i], fused + strlen(".in_proj_"));
        if (!add_rows(k, out, &w, 1, i, 3)) return false;
    }
    return true;
}

/* The opposite. The three weights of a fused one follow each other with their biases between them: of kind [3] at w. */
static bool add_hugging(Walk *k, const char *prefix, const WeightList *l, int64_t at) {
    const Weight *w = l->w[at];
    const char *name = w->name + strlen(prefix), *rest;
    char to[128], out[256], base[KEY_ENCODER_SIZE];
    snprintf(base, sizeof base, "%.*smodel.", (int)(strlen(prefix) - strlen("transformer.")), prefix);
    int layer;
    rest = in_layer(name, "text_model.encoder.layers.", &layer);
    if (rest && !strncmp(rest, "self_attn.q_proj.", 17)) {
        const Weight *fused[3];
        int found = 0;
        for (int64_t i = at; i < l->count && found < 3; i++) /* q, k and v's of the same kind, in this order */
            if (strstr(l->w[i]->name, "_proj.") && !strstr(l->w[i]->name, ".out_proj.") && l->w[i]->kind == w->kind)
                fused[found++] = l->w[i];
        snprintf(out, sizeof out, "%stransformer.resblocks.%d.attn.in_proj_%s", base, layer, rest + 17);
        return found < 3 || add_rows(k, out, fused, 3, 0, 1);
    }
    if (!name_clip_to_open(name, to, sizeof to)) return true;
    return snprintf(out, sizeof out, "%s%s", base, to), add_rows(k, out, &w, 1, 0, 1);
}

static bool add_encoder(Walk *k, int i) {
    const SdConfig *c = &k->m->config;
    const ClipConfig *clip = &c->clip[i];
    const WeightList *l = &k->m->lists[PART_TEXT + i];
    char prefix[KEY_ENCODER_SIZE];
    key_encoder(c, i, prefix);
    bool open = clip->act == ACT_GELU; /* OpenCLIP's: so a single file has its names */
    bool unused_last = clip->layer == 2 && !clip->pooled;
    for (int64_t w = 0; w < l->count; w++) {
        const Weight *one = l->w[w];
        bool ok = k->layout == STATE_DIFFUSERS && clip->open_clip ? add_open(k, prefix, one, clip->layers, unused_last)
                  : k->layout == STATE_SINGLE && open && !clip->open_clip ? add_hugging(k, prefix, l, w)
                                                                          : add_rows(k, one->name, &one, 1, 0, 1);
        if (!ok) return false;
    }
    return true;
}

bool state_of_model(StateDict *s, const SdModel *m, StateLayout layout, Error *e) {
    Walk k = {m, s, layout, e};
    static const Part PARTS[] = {PART_UNET, PART_ENCODER, PART_DECODER};
    for (size_t p = 0; p < sizeof PARTS / sizeof *PARTS; p++)
        for (int64_t i = 0; i < m->lists[PARTS[p]].count; i++) {
            const Weight *w = m->lists[PARTS[p]].w[i];
            if (!add_rows(&k, w->name, &w, 1, 0, 1)) return false;
        }
    for (int i = 0; i < m->config.encoders; i++)
        if (!add_encoder(&k, i)) return false;
    return true;
}
