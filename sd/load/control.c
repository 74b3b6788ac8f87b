#include "control.h"

#include "model_hash.h"
#include "sd/models/config_detect.h"
#include "weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool control_is_adapter(const SdControlNet *c) { return c->adapter.levels > 0; }

static bool bind(SdControlNet *c, const SdModel *of, Error *e) {
    WeightList *l = &c->m.lists[PART_CONTROL];
    ControlnetConfig k;
    l->err = e;
    size_t mark = bind_enter(l, KEY_CONTROL);
    bool adapts = checkpoint_find(c->m.checkpoint, KEY_CONTROL "body.0.block1.weight").tensor != NULL, ok;
    if (adapts) ok = adapter_bind(&c->adapter, &of->config.unet, l);
    else
        ok = controlnet_from_shapes(c->m.checkpoint, &of->config.unet, of->config.family, &k, e) &&
             controlnet_bind(&c->net, &k, l);
    bind_leave(l, mark);
    l->err = NULL;
    return ok;
}

/* It fits the model, and all of it is there. */
static bool check(SdControlNet *c, const SdModel *of, Error *e) {
    static const Part PART[] = {PART_CONTROL};
    const char *path = c->m.checkpoint->path;
    ModelReport r;
    bool adapts = control_is_adapter(c);
    int factor = adapts ? ADAPTER_FACTOR : controlnet_factor(&c->net.config);
    if (factor != vae_factor(&of->config.vae))
        return error_set(e, ERR_FORMAT, "%s: takes hints of %d pixels for a latent, and %s has %d; name another file",
                         path, factor, of->config.family, vae_factor(&of->config.vae));
    model_compare(&c->m, PART, 1, &r);
    if (!(r.missing + r.misshapen)) return true;
    return error_set(e, ERR_FORMAT,
                     "%s: is no %s of %s: %lld of %lld tensors are missing, %lld have another shape (%s%s); "
                     "name another file",
                     path, adapts ? "T2I-Adapter" : "ControlNet", of->config.family, (long long)r.missing,
                     (long long)(r.used + r.missing + r.misshapen), (long long)r.misshapen, r.names,
                     r.missing + r.misshapen > 3 ? ", ..." : "");
}

static bool open_peers(SdControlNet *c, const char *path, Error *e) {
    int count = c->of->peer_count;
    if (!count) return true;
    c->peers = calloc((size_t)count, sizeof *c->peers);
    if (!c->peers) return error_set(e, ERR_MEMORY, "%s: out of memory", path);
    for (int i = 0; i < count; i++)
        if (!(c->peers[i] = sd_open_control(path, c->of->peers[i], e))) return false;
    return true;
}

SdControlNet *sd_open_control(const char *path, const SdModel *of, Error *e) {
    Error own = {0};
    if (!e) e = &own;
    if (e->code) return NULL;
    if (!path || !of) {
        error_set(e, ERR_ARGUMENT, "control: %s is NULL; name a ControlNet's file and the model that it is for",
                  path ? "the model" : "the file's name");
        return NULL;
    }
    SdControlNet *c = calloc(1, sizeof *c);
    if (!c) {
        error_set(e, ERR_MEMORY, "%s: out of memory", path);
        return NULL;
    }
    c->of = of;
    c->m.pool = of->pool, c->m.ops = of->ops, c->m.gpu = of->gpu, c->m.precision = of->precision;
    c->m.checkpoint = checkpoint_open_part(GIVEN_CONTROL, path, e);
    if (c->m.checkpoint && bind(c, of, e) && check(c, of, e) && open_peers(c, path, e)) return c;
    sd_close_control(c);
    return NULL;
}

void sd_close_control(SdControlNet *c) {
    if (!c) return;
    for (int i = 0; c->peers && i < c->of->peer_count; i++) sd_close_control(c->peers[i]);
    free(c->peers);
    model_release(&c->m, PART_CONTROL);
    weight_list_free(&c->m.lists[PART_CONTROL]);
    controlnet_free(&c->net);
    checkpoint_close(c->m.checkpoint);
    free(c);
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
