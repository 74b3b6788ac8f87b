/* spoil_tensors.c: one thing that is wrong with a model's tensors. */
#include "gen_model.h"
#include "sd/models/config_detect.h"
#include "sd/models/families.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool begins(const char *s, const char *with) { return !strncmp(s, with, strlen(with)); }

/* Whether every picture needs the tensor. */
static bool is_needed(const MadeTensor *t) {
    return begins(t->source, KEY_UNET) || begins(t->source, KEY_TRANSFORMER) || begins(t->source, KEY_OPEN_CLIP) ||
           begins(t->source, KEY_VAE "decoder.") || begins(t->source, KEY_VAE "post_quant_conv.");
}

/* Whether all of its numbers reach the picture. */
static bool reaches(const MadeTensor *t) {
    bool text = begins(t->source, KEY_TRANSFORMER) || begins(t->source, KEY_OPEN_CLIP);
    return is_needed(t) && (!text || strstr(t->source, "final_layer_norm.") || strstr(t->source, "ln_final."));
}

static int64_t count(const MadeTensor *t) {
    int64_t n = 1;
    for (int i = 0; i < t->t.nd; i++) n *= t->t.n[i];
    return n;
}

static void drop(MadeTensors *l, size_t i) {
    memmove(l->at + i, l->at + i + 1, (l->count - i - 1) * sizeof *l->at);
    l->count--;
}

/* --- shapes --- */

static void spoil_shape(GenModel *g, MadeTensor *t) {
    Chance *c = &g->chance;
    int64_t before = count(t), *n = t->t.n;
    int nd = t->t.nd, i = nd ? chance_below(c, nd) : 0, j = nd ? chance_below(c, nd) : 0;
    int64_t was = nd ? n[i] : 0;
    switch (chance_below(c, 8)) {
    case 0: n[i]++; break;
    case 1: n[i]--; break;
    case 2: n[i] = 0; break;
    case 3: n[i] *= 2; break;
    case 4: n[i] = n[j], n[j] = was; break;
    case 5: t->t.nd = 1, n[0] = before; break;
    case 6: n[t->t.nd++] = 1; break;
    case 7: t->t.nd = 0; break;
    }
    if (!nd && t->t.nd) n[0] = 1;
    snprintf(g->what, sizeof g->what, "tensor %s has another shape: %d dimensions, %lld numbers, not %d, %lld", t->name,
             t->t.nd, (long long)count(t), nd, (long long)before);
    /* a file of the original form may be another model now */
    g->refused = count(t) != before && is_needed(t) && g->form != FORM_ORIGINAL;
}

/* --- values and types --- */

static void spoil_values(GenModel *g, MadeTensor *t) {
    static const double VALUES[] = {NAN, NAN, NAN, INFINITY, -INFINITY, 1e30, -1e30, 3e38, 7e4, 1e-45, 0, 1e6};
    Chance *c = &g->chance;
    t->value = VALUES[chance_below(c, sizeof VALUES / sizeof *VALUES)];
    t->values = chance_of(c, 0.5) ? VALUES_ALL : VALUES_FIRST;
    snprintf(g->what, sizeof g->what, "tensor %s: %s %g", t->name, t->values == VALUES_ALL ? "all are" : "first is",
             t->value);
    g->numeric = t->value != t->value && t->values == VALUES_ALL && reaches(t) && count(t) && t->t.dtype <= F64;
}

static void spoil_type(GenModel *g, MadeTensor *t) {
    DType was = t->t.dtype;
    do t->t.dtype = (DType)chance_below(&g->chance, DTYPE_COUNT);
    while (t->t.dtype == was || count(t) % dtype_block(t->t.dtype));
    snprintf(g->what, sizeof g->what, "tensor %s is %s, not %s", t->name, dtype_name(t->t.dtype), dtype_name(was));
}

/* The noise levels that a checkpoint brings. */
static void spoil_levels(GenModel *g, MadeTensors *l) {
    static const double VALUES[] = {NAN, 0, 1, 2, -1, INFINITY, 1e-30, 0.5, 0.999};
    static const DType TYPES[] = {F32, F16, F64, BF16, I64, U8};
    Chance *c = &g->chance;
    MadeTensor *t = NULL;
    for (size_t i = 0; i < l->count; i++)
        if (!strcmp(l->at[i].name, "alphas_cumprod")) t = &l->at[i];
    if (!t) t = made_tensor(l, "", "alphas_cumprod", F32, 1, SHAPE(1000));
    if (!t) return;
    if (g->form == FORM_FOLDER) strcpy(t->part, "unet");
    t->t.dtype = TYPES[chance_below(c, sizeof TYPES / sizeof *TYPES)];
    switch (chance_below(c, 4)) {
    case 0: t->t.nd = 2, t->t.n[0] = 1, t->t.n[1] = 1000; break;
    case 1: t->t.n[0] = chance_of(c, 0.5) ? 999 : 1001; break;
    case 2: t->values = VALUES_ALL, t->value = VALUES[chance_below(c, sizeof VALUES / sizeof *VALUES)]; break;
    case 3: t->values = VALUES_FIRST, t->value = VALUES[chance_below(c, sizeof VALUES / sizeof *VALUES)]; break;
    }
    snprintf(g->what, sizeof g->what, "alphas_cumprod: %s, %d dimensions, %lld numbers, %s %g", dtype_name(t->t.dtype),
             t->t.nd, (long long)count(t), t->values ? "some are" : "as usual", t->value);
}

/* --- names --- */

static const char *const PREFIXES[] = {KEY_UNET,           KEY_VAE,         KEY_VAE "encoder.",
                                       KEY_VAE "decoder.", KEY_TRANSFORMER, KEY_OPEN_CLIP};

static bool taken(const MadeTensors *l, const char *name) {
    for (size_t i = 0; i < l->count; i++)
        if (!strcmp(l->at[i].name, name)) return true;
    return false;
}

/* All tensors of a network lose a part of their prefix, get another one, or are gone. */
static void spoil_prefix(GenModel *g, MadeTensors *l) {
    Chance *c = &g->chance;
    const char *prefix = PREFIXES[chance_below(c, sizeof PREFIXES / sizeof *PREFIXES)];
    int how = chance_below(c, 4);
    size_t changed = 0;
    for (size_t i = 0; i < l->count; i++) {
        MadeTensor *t = &l->at[i];
        char name[192];
        if (!begins(t->source, prefix)) continue;
        changed++;
        snprintf(name, sizeof name, "%s", t->name);
        if (how == 0) drop(l, i--);
        else if (how == 1) snprintf(t->name, sizeof t->name, "model.%.180s", name);
        else if (how == 2 && strchr(name, '.')) {
            const char *rest = strchr(name, '.') + 1; /* a folder's down_blocks.0 and up_blocks.0 would be one */
            if (!taken(l, rest)) memcpy(t->name, rest, strlen(rest) + 1);
        } else snprintf(t->name, sizeof t->name, "%.180s_", name);
    }
    snprintf(g->what, sizeof g->what, "%zu tensors of %s %s", changed, prefix,
             how == 0   ? "are missing"
             : how == 1 ? "have a prefix more"
             : how == 2 ? "have a prefix less"
                        : "have odd names");
    g->refused = changed && !begins(prefix, KEY_VAE "encoder.") && how != 2 && g->form != FORM_ORIGINAL;
    /* some names are read with and without a prefix */
    if (how == 1 && g->form == FORM_FOLDER) g->refused = false;
}

/* A tensor that tells another family. */
static void spoil_family(GenModel *g, MadeTensors *l) {
    int rows = 0, at;
    while (family_row(rows)) rows++;
    const Trait *t = NULL;
    for (int i = 0; i < 50 && (!t || (t->kind != TRAIT_HAS && t->kind != TRAIT_SIZE)); i++)
        at = chance_below(&g->chance, rows), t = &family_row(at)->traits[0];
    if (!t || (t->kind != TRAIT_HAS && t->kind != TRAIT_SIZE)) return;
    for (size_t i = 0; i < l->count; i++)
        if (!strcmp(l->at[i].name, t->key)) return;
    int64_t n[4] = {8, 8, 1, 1};
    if (t->kind == TRAIT_SIZE) n[t->dim] = t->size;
    MadeTensor *extra = made_tensor(l, "", t->key, F16, t->kind == TRAIT_SIZE ? 2 : 1, n);
    if (extra && g->form == FORM_FOLDER) strcpy(extra->part, "unet");
    snprintf(g->what, sizeof g->what, "also %s, as in %s", t->key, family_row(at)->name);
}

static void spoil_name(GenModel *g, MadeTensors *l, size_t i) {
    Chance *c = &g->chance;
    MadeTensor t = l->at[i];
    char name[192];
    bool needed = is_needed(&t);
    snprintf(name, sizeof name, "%s", t.name);
    switch (chance_below(c, 3)) {
    case 0:
        drop(l, i);
        snprintf(g->what, sizeof g->what, "tensor %s is missing", name);
        break;
    case 1:
        snprintf(l->at[i].name, sizeof l->at[i].name, "%.180s.x", name);
        snprintf(g->what, sizeof g->what, "tensor %.100s has another name", name);
        break;
    case 2: {
        MadeTensor *more = made_tensor(l, t.source, "", t.t.dtype, t.t.nd, t.t.n);
        if (more) snprintf(more->name, sizeof more->name, "%.180s.x", name), strcpy(more->part, t.part);
        needed = false;
        snprintf(g->what, sizeof g->what, "tensor %.100s is there once more", name);
        break;
    }
    }
    g->refused = needed && g->form != FORM_ORIGINAL;
}

void spoil_tensors(GenModel *g, MadeTensors *l) {
    static const double HOW[] = {4, 4, 2, 0.7, 1, 0.7, 2};
    Chance *c = &g->chance;
    size_t i = (size_t)chance_below(c, (int)l->count);
    switch (chance_weighted(c, HOW, sizeof HOW / sizeof *HOW)) {
    case 0: spoil_shape(g, &l->at[i]); break;
    case 1: spoil_values(g, &l->at[i]); break;
    case 2: spoil_type(g, &l->at[i]); break;
    case 3: spoil_levels(g, l); break;
    case 4: spoil_prefix(g, l); break;
    case 5: spoil_family(g, l); break;
    case 6: spoil_name(g, l, i); break;
    }
}
