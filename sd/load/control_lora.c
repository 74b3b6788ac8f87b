#include "control_lora.h"

#include "weights/files/files_below.h"
#include "sd/load/networks/overlay_internal.h"
#include "sd/models/config_detect.h"
#include "weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_UNET "model.diffusion_model."

/* The file, which is one; NULL: it has none of its own. */
static const WeightFile *own_file(const SdControlNet *c) {
    const PartFiles *files = &c->m.checkpoint->given[GIVEN_CONTROL].files;
    return files->count ? files->shards[0] : NULL;
}

void control_lora_rest_on(SdControlNet *c, const SdModel *of) {
    Checkpoint *all = c->m.checkpoint;
    const WeightFile *f = own_file(c);
    all->differs = f && weight_file_find(f, "difference");
    if (all->differs || checkpoint_find(all, KEY_CONTROL "lora_controlnet").tensor) all->base = of->checkpoint;
}

/* --- its own products --- */

/* A tensor of its own file, "control_model.X" with another end than a weight's. */
static const FileTensor *product(const SdControlNet *c, const Weight *w, const char *end) {
    char key[256];
    size_t n = strlen(w->name);
    if (n < 7 || n > 200 || strcmp(w->name + n - 7, ".weight")) return NULL;
    snprintf(key, sizeof key, "%.*s%s", (int)(n - 7), w->name, end);
    return checkpoint_find(c->m.checkpoint, key).tensor;
}

static bool ends_in(const char *name, const char *end) {
    size_t n = strlen(name), k = strlen(end);
    return n > k && !strcmp(name + n - k, end);
}

/* Every product's halves have been found: `count` of them. */
static bool check_places(const SdControlNet *c, const WeightFile *f, size_t count, Error *e) {
    size_t halves = 0;
    for (size_t i = 0; i < f->count; i++)
        halves += ends_in(f->tensors[i].name, ".up") + ends_in(f->tensors[i].name, ".down");
    return halves == 2 * count ||
           error_set(e, ERR_FORMAT,
                     "%s: is a ControlLoRA of another family than %s: %zu of its %zu matrices have no place; name "
                     "another file",
                     f->path, c->of->config.family, halves - 2 * count, halves);
}

static NetworkModule *add_module(Network *n, const Weight *w, NetworkKind kind) {
    NetworkModule *m = &n->modules[n->count++];
    *m = (NetworkModule){.key = w->name, .name = w->name, .of = NETWORK_UNET, .kind = kind, .alpha = NAN, .scale = 1};
    m->key_size = (int)strlen(m->key);
    return m;
}

/* The file of differences as a network: a module for each. What the model lacks is as it is. */
static bool read_differences(const SdControlNet *c, Network *n, Error *e) {
    const WeightList *l = &c->m.lists[PART_CONTROL];
    const char *prefix = c->m.checkpoint->given[GIVEN_CONTROL].prefix;
    size_t own = 1; /* "difference" */
    for (int64_t i = 0; i < l->count; i++) {
        const Weight *w = l->w[i];
        char name[256];
        if (checkpoint_find(c->m.checkpoint, w->name).file == n->file) {
            own++;
            continue;
        }
        snprintf(name, sizeof name, "%s%.200s", prefix, w->name + strlen(KEY_CONTROL));
        const FileTensor *t = weight_file_find(n->file, name);
        if (t) add_module(n, w, NETWORK_FULL)->part[w->kind == WEIGHT_VECTOR ? NET_DIFF_B : NET_DIFF] = t;
    }
    return own + n->count == n->file->count ||
           error_set(e, ERR_FORMAT,
                     "%s: holds differences to the U-Net of another family than %s: %zu of %zu have no place; name "
                     "another file",
                     n->file->path, c->of->config.family, n->file->count - own - n->count, n->file->count);
}

/* The file as a network: a module for each product. */
static bool read_products(const SdControlNet *c, Network *n, Error *e) {
    const WeightList *l = &c->m.lists[PART_CONTROL];
    *n = (Network){.file = c->m.checkpoint->given[GIVEN_CONTROL].files.shards[0]};
    n->modules = calloc((size_t)l->count + 1, sizeof *n->modules);
    if (!n->modules) return error_set(e, ERR_MEMORY, "%s: out of memory for its modules", n->file->path);
    if (c->m.checkpoint->differs) return read_differences(c, n, e);
    for (int64_t i = 0; i < l->count; i++) {
        const FileTensor *up = product(c, l->w[i], ".up"), *down = product(c, l->w[i], ".down");
        if (!up || !down) continue;
        NetworkModule *m = add_module(n, l->w[i], NETWORK_LORA);
        m->part[NET_UP] = up, m->part[NET_DOWN] = down;
    }
    return check_places(c, n->file, n->count, e);
}

/* --- what lies on top of which weight --- */

typedef struct {
    const SdControlNet *c;
    Overlay *o;
    size_t capacity;
    Error *e;
} Follower;

static bool add(Follower *f, Delta d, const Weight *w) {
    Overlay *o = f->o;
    if (!list_grow(&o->deltas, &f->capacity, o->delta_count, sizeof *o->deltas))
        return error_set(f->e, ERR_MEMORY, "out of memory for a ControlLoRA");
    d.weight = w, d.norms = d.rotations = NULL;
    o->deltas[o->delta_count++] = d;
    return true;
}

/* Those of the model's networks that change the weight that this one is. */
static bool add_models(Follower *f, const Weight *w) {
    const SdModel *of = f->c->of;
    const WeightList *l = &of->lists[PART_UNET];
    Found own = checkpoint_find(f->c->m.checkpoint, w->name);
    bool ok = true;
    if (!of->overlay || own.file == f->o->networks[0].file) return true;
    for (int64_t i = 0; i < l->count; i++) {
        const char *rest = l->w[i]->name + strlen(KEY_UNET);
        if (strcmp(rest, w->name + strlen(KEY_CONTROL))) continue;
        Deltas d = overlay_find(of->overlay, l->w[i]->name);
        for (int k = 0; ok && k < d.count; k++) ok = add(f, d.at[k], w);
        return ok;
    }
    return true;
}

static bool add_own(Follower *f, const Weight *w) {
    const Network *n = &f->o->networks[0];
    for (size_t i = 0; i < n->count; i++) {
        const NetworkModule *m = &n->modules[i];
        if (m->name != w->name) continue;
        char shape[96];
        int64_t rows = w->t.n[0], columns = tensor_count(w->t) / rows;
        int64_t taps = w->kind == WEIGHT_CONV ? w->t.n[1] * w->t.n[2] : 1;
        Delta d = {.network = n,
                   .module = m,
                   .role = NET_ROLES,
                   .rows = rows,
                   .columns = columns,
                   .taps = taps,
                   .multiplier = 1,
                   .round = F32};
        const FileTensor *vector = m->part[NET_DIFF_B];
        bool fits = vector ? w->kind == WEIGHT_VECTOR && file_tensor_count(vector) == rows
                           : w->kind != WEIGHT_VECTOR && columns <= OVERLAY_MOST_COLUMNS &&
                                 OVERLAY_KINDS[m->kind].fits(n, m, rows, columns, taps);
        if (vector) d.role = NET_DIFF_B;
        return fits ? add(f, d, w)
                    : error_set(f->e, ERR_FORMAT, "%s: %.100s%s the model's weight, which is %s", n->file->path,
                                w->name + strlen(KEY_CONTROL),
                                m->kind == NETWORK_LORA ? ".up and .down do not fit" : " does not fit",
                                tensor_shape_text(w->t, shape, sizeof shape));
    }
    return true;
}

/* By weight, as overlay_find reads them; each one's own comes last, and the others stay in order. */
static int by_weight(const void *a, const void *b) {
    const Delta *x = a, *y = b;
    uintptr_t u = (uintptr_t)x->weight->name, v = (uintptr_t)y->weight->name;
    bool own[] = {x->weight->name == x->module->name, y->weight->name == y->module->name};
    if (u != v) return u < v ? -1 : 1;
    if (own[0] != own[1]) return own[0] ? 1 : -1;
    if (x->network != y->network) return x->network < y->network ? -1 : 1;
    return x->module != y->module ? (x->module < y->module ? -1 : 1) : (int)x->role - (int)y->role;
}

static Overlay *make(const SdControlNet *c, Error *e) {
    Overlay *o = calloc(1, sizeof *o);
    if (!o || !(o->networks = calloc(1, sizeof *o->networks))) {
        free(o);
        error_set(e, ERR_MEMORY, "out of memory for a ControlLoRA");
        return NULL;
    }
    o->count = 1;
    Follower f = {.c = c, .o = o, .e = e};
    const WeightList *l = &c->m.lists[PART_CONTROL];
    bool ok = read_products(c, &o->networks[0], e);
    for (int64_t i = 0; ok && i < l->count; i++) ok = add_models(&f, l->w[i]) && add_own(&f, l->w[i]);
    if (ok && o->delta_count) qsort(o->deltas, o->delta_count, sizeof *o->deltas, by_weight);
    if (ok) return o;
    o->networks[0].file = NULL; /* the checkpoint's */
    overlay_free(o);
    return NULL;
}

void control_lora_free(SdControlNet *c) {
    if (!c->m.overlay) return;
    c->m.overlay->networks[0].file = NULL;
    overlay_free(c->m.overlay);
    c->m.overlay = NULL;
}

bool control_lora_follow(SdControlNet *c, Error *e) {
    if (!c->m.checkpoint->base) return true;
    if (c->m.overlay && !c->follows && !c->of->overlay) return true;
    Overlay *now = make(c, e);
    if (!now) return false;
    model_release(&c->m, PART_CONTROL);
    control_lora_free(c);
    c->m.overlay = now;
    c->follows = c->of->overlay != NULL;
    return true;
}
