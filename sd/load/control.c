#include "control.h"

#include "control_lora.h"
#include "model_hash.h"
#include "sd/models/config_detect.h"
#include "weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE_KEYS "ip_adapter.1.to_k_ip.weight" /* IP-Adapters have it, and nothing else */

bool control_is_adapter(const SdControlNet *c) { return c->adapter.levels > 0; }
bool control_is_image(const SdControlNet *c) { return c->image.count > 0; }

static const char *kind_of(const SdControlNet *c) {
    return control_is_image(c) ? "IP-Adapter" : control_is_adapter(c) ? "T2I-Adapter" : "ControlNet";
}

static bool bind_vision(SdControlNet *c, Error *e) {
    WeightList *l = &c->m.lists[PART_VISION];
    ClipVisionConfig k;
    l->err = e;
    size_t mark = bind_enter(l, KEY_VISION);
    bool ok = clip_vision_from_shapes(c->m.checkpoint, &k, e) && clip_vision_bind(&c->vision, &k, l);
    bind_leave(l, mark);
    l->err = NULL;
    if (ok && c->image.config.states && !c->image.config.resamples) c->image.config.tokens = clip_vision_tokens(&k);
    return ok;
}

static bool has(const SdControlNet *c, const char *key) { return checkpoint_find(c->m.checkpoint, key).tensor; }

static bool bind(SdControlNet *c, const SdModel *of, bool image, Error *e) {
    const char *path = checkpoint_path(c->m.checkpoint, GIVEN_CONTROL);
    WeightList *l = &c->m.lists[PART_CONTROL];
    ControlnetConfig k;
    ImageAdapterConfig i;
    AdapterConfig a;
    if (image != has(c, KEY_CONTROL IMAGE_KEYS))
        return error_set(e, ERR_FORMAT,
                         image ? "%s: is no IP-Adapter; name another file, or open it as a ControlNet"
                               : "%s: is an IP-Adapter, no ControlNet; name it as one",
                         path);
    control_lora_rest_on(c, of);
    l->err = e;
    size_t mark = bind_enter(l, KEY_CONTROL);
    bool ok;
    if (image)
        ok = image_adapter_from_shapes(c->m.checkpoint, &of->config.unet, of->config.family, &i, e) &&
             image_adapter_bind(&c->image, &i, &of->unet, l);
    else if (has(c, KEY_CONTROL "body.0.block1.weight"))
        ok = adapter_from_shapes(c->m.checkpoint, &of->config.unet, of->config.family, &a, e) &&
             adapter_bind(&c->adapter, &a, &of->config.unet, l);
    else
        ok = controlnet_from_shapes(c->m.checkpoint, &of->config.unet, of->config.family, &k, e) &&
             controlnet_bind(&c->net, &k, l);
    bind_leave(l, mark);
    l->err = NULL;
    return ok && (!image || bind_vision(c, e));
}

static bool check_factor(const SdControlNet *c, const SdModel *of, const char *path, Error *e) {
    if (control_is_adapter(c)) return true;
    int factor = controlnet_factor(&c->net.config);
    return factor == vae_factor(&of->config.vae) ||
           error_set(e, ERR_FORMAT, "%s: takes hints of %d pixels for a latent, and %s has %d; name another file", path,
                     factor, of->config.family, vae_factor(&of->config.vae));
}

/* The vision encoder makes what the adapter reads. */
static bool check_vision(const SdControlNet *c, const char *path, Error *e) {
    const ImageAdapterConfig *k = &c->image.config;
    int made = k->states ? c->vision.config.width : c->vision.config.projected;
    return made == k->features ||
           error_set(e, ERR_FORMAT, "%s: reads %d features of a picture, and %s makes %d; name another vision encoder",
                     path, k->features, checkpoint_path(c->m.checkpoint, GIVEN_VISION), made);
}

static bool check_part(SdControlNet *c, Part part, const char *is, const char *of, Error *e) {
    ModelReport r;
    model_compare(&c->m, &part, 1, &r);
    int64_t wrong = r.missing + r.misshapen;
    return !wrong || error_set(e, ERR_FORMAT,
                               "%s: is no %s%s%s: %lld of %lld tensors are missing, %lld have another shape (%s%s); "
                               "name another file",
                               model_path(&c->m, part), is, *of ? " of " : "", of, (long long)r.missing,
                               (long long)(r.used + wrong), (long long)r.misshapen, r.names, wrong > 3 ? ", ..." : "");
}

/* An IP-Adapter has nothing else in its file: FaceID, which has layers besides, would be another picture. */
static bool check_rest(const SdControlNet *c, const char *path, Error *e) {
    const Given *g = &c->m.checkpoint->given[GIVEN_CONTROL];
    const WeightList *l = &c->m.lists[PART_CONTROL];
    const WeightFile *f = g->files.count && !g->borrowed ? g->files.shards[0] : NULL;
    for (size_t i = 0; f && f->count > (size_t)l->count && i < f->count; i++) {
        const char *name = f->tensors[i].name;
        bool known = false;
        for (int64_t k = 0; k < l->count && !known; k++) known = !strcmp(l->w[k]->name + strlen(KEY_CONTROL), name);
        if (!known)
            return error_set(e, ERR_FORMAT,
                             "%s: is no IP-Adapter that is supported: it has %.100s; use base, plus or full", path,
                             name);
    }
    return true;
}

/* It fits the model, and all of it is there. */
static bool check(SdControlNet *c, const SdModel *of, Error *e) {
    const char *path = checkpoint_path(c->m.checkpoint, GIVEN_CONTROL);
    bool image = control_is_image(c);
    return (image ? check_vision(c, path, e) : check_factor(c, of, path, e)) &&
           check_part(c, PART_CONTROL, kind_of(c), of->config.family, e) && (!image || check_rest(c, path, e)) &&
           (!image || check_part(c, PART_VISION, "vision encoder", "", e));
}

/* Where the weights are: in files, or in memory. */
typedef struct {
    const char *path, *vision; /* vision: of an IP-Adapter; NULL: it is none */
    const void *bytes;         /* of both, which `path` and `vision` are only called by; NULL: files */
    size_t size;
} Source;

static bool open_weights(SdControlNet *c, const Source *s, Error *e) {
    if (!s->bytes)
        return (c->m.checkpoint = checkpoint_open_part(GIVEN_CONTROL, s->path, e)) &&
               (!s->vision || checkpoint_give(c->m.checkpoint, GIVEN_VISION, s->vision, e));
    Checkpoint *all = c->m.checkpoint = checkpoint_open_memory(s->path, s->bytes, s->size, e);
    if (!all) return false;
    return (given_from(&all->given[GIVEN_CONTROL], GIVEN_CONTROL, all->file) &&
            (!s->vision || given_from(&all->given[GIVEN_VISION], GIVEN_VISION, all->file))) ||
           error_set(e, ERR_FORMAT, "%s: holds no ControlNet; name other bytes", s->path);
}

static SdControlNet *open_control(const Source *s, const SdModel *of, Error *e);

static bool open_peers(SdControlNet *c, const Source *s, Error *e) {
    int count = c->of->peer_count;
    if (!count) return true;
    c->peers = calloc((size_t)count, sizeof *c->peers);
    if (!c->peers) return error_set(e, ERR_MEMORY, "%s: out of memory", s->path);
    for (int i = 0; i < count; i++)
        if (!(c->peers[i] = open_control(s, c->of->peers[i], e))) return false;
    return true;
}

/* Where it computes: an IP-Adapter on the CPU, in f32, with the same bits beside every device. */
static bool choose_device(SdControlNet *c, const SdModel *of, bool image, Error *e) {
    c->m.pool = of->pool, c->m.ops = of->ops, c->m.gpu = of->gpu, c->m.precision = of->precision;
    if (!image) return true;
    c->m.gpu = NULL, c->m.precision = PRECISION_F32;
    c->m.ops = cpu_ops_exact(NULL);
    if (!c->m.ops) c->m.ops = cpu_ops(e); /* a build without such kernels */
    return c->m.ops != NULL;
}

static SdControlNet *open_control(const Source *s, const SdModel *of, Error *e) {
    SdControlNet *c = calloc(1, sizeof *c);
    bool image = s->vision != NULL;
    if (!c) {
        error_set(e, ERR_MEMORY, "%s: out of memory", s->path);
        return NULL;
    }
    c->of = of;
    if (open_weights(c, s, e) && choose_device(c, of, image, e) && bind(c, of, image, e) && check(c, of, e) &&
        control_lora_follow(c, e) && open_peers(c, s, e))
        return c;
    sd_close_control(c);
    return NULL;
}

SdControlNet *sd_open_control(const char *path, const SdModel *of, Error *e) {
    Error own = {0};
    if (!e) e = &own;
    if (e->code) return NULL;
    if (path && of) return open_control(&(Source){.path = path}, of, e);
    error_set(e, ERR_ARGUMENT, "control: %s is NULL; name a ControlNet's file and the model that it is for",
              path ? "the model" : "the file's name");
    return NULL;
}

SdControlNet *sd_open_ip_adapter(const char *path, const char *vision, const SdModel *of, Error *e) {
    Error own = {0};
    if (!e) e = &own;
    if (e->code) return NULL;
    if (path && vision && of) return open_control(&(Source){.path = path, .vision = vision}, of, e);
    error_set(e, ERR_ARGUMENT, "IP-Adapter: %s is NULL; name its file, its vision encoder and the model that it is for",
              path && vision ? "the model" : "a file's name");
    return NULL;
}

SdControlNet *control_open_memory(const char *name, const void *bytes, size_t size, bool image, const SdModel *of,
                                  Error *e) {
    return open_control(&(Source){name, image ? name : NULL, bytes, size}, of, e);
}

void sd_close_control(SdControlNet *c) {
    if (!c) return;
    for (int i = 0; c->peers && i < c->of->peer_count; i++) sd_close_control(c->peers[i]);
    free(c->peers);
    for (int i = 0; i < 2; i++) {
        Part part = i ? PART_VISION : PART_CONTROL;
        model_release(&c->m, part);
        weight_list_free(&c->m.lists[part]);
    }
    control_lora_free(c);
    controlnet_free(&c->net);
    kept_values_drop(&c->m.made);
    image_adapter_free(&c->image);
    clip_vision_free(&c->vision);
    checkpoint_close(c->m.checkpoint);
    free(c);
}

int sd_control_kinds(const SdControlNet *c) { return c ? c->net.kinds.kinds : 0; }

const char *control_module(const SdControlNet *c) {
    return !control_is_image(c) ? NULL : c->vision.config.width == 1664 ? "ip-adapter_clip_g" : "ip-adapter_clip_h";
}

bool control_vision_title(SdControlNet *c, char out[280], Error *e) {
    *out = 0;
    if (!control_is_image(c) || c->m.checkpoint->given[GIVEN_VISION].borrowed) return true;
    const char *hash = given_hash(&c->m, GIVEN_VISION, e);
    if (e && e->code) return false;
    snprintf(out, 280, hash ? "%.200s [%.10s]" : "%.200s", given_file(&c->m, GIVEN_VISION), hash);
    return true;
}

bool control_finite(const SdControlNet *c, Error *e) {
    bool ok = true;
    for (int part = GIVEN_CONTROL; part <= GIVEN_VISION; part++) {
        const PartFiles *files = &c->m.checkpoint->given[part].files;
        for (int i = 0; ok && i < files->count; i++) ok = weight_file_finite(files->shards[i], e);
    }
    return ok;
}

bool control_file_is(const char *path, bool image) {
    Error own = {0};
    Checkpoint *c = checkpoint_open_part(GIVEN_CONTROL, path, &own);
    bool adapter = c && checkpoint_find(c, KEY_CONTROL IMAGE_KEYS).tensor, is = c && adapter == image;
    checkpoint_close(c);
    return is;
}

bool control_vision_fits(const char *adapter, const char *vision) {
    Error own = {0};
    ClipVisionConfig k;
    bool states;
    Checkpoint *c = checkpoint_open_part(GIVEN_CONTROL, adapter, &own);
    bool ok = c && checkpoint_give(c, GIVEN_VISION, vision, &own) && clip_vision_from_shapes(c, &k, &own);
    ok = ok && image_adapter_features(c, &states) == (states ? k.width : k.projected);
    checkpoint_close(c);
    return ok;
}

void control_title(const SdControlNet *c, char out[280]) {
    const Given *g = &c->m.checkpoint->given[GIVEN_CONTROL];
    const char *path = g->path, *slash = strrchr(path, '/');
    char name[256], hash[9];
    snprintf(name, sizeof name, "%s", slash && slash[1] ? slash + 1 : path);
    char *dot = strrchr(name, '.');
    bool file = g->files.count == 1 && !strcmp(g->files.shards[0]->path, path);
    if (file && dot && dot != name) *dot = 0;
    if (file) legacy_hash(g->files.shards[0], hash);
    snprintf(out, 280, file ? "%s [%s]" : "%s", name, hash);
}
