#include "upscaler.h"

#include "open.h"
#include "sd/models/families.h"

#include <stdio.h>
#include <stdlib.h>

static bool bind(SdModel *m, Error *e) {
    static const Part PART = PART_UPSCALER;
    EsrganConfig k;
    ModelReport r;
    WeightList *l = &m->lists[PART_UPSCALER];
    l->err = e;
    bool ok = esrgan_from_shapes(m->checkpoint, &k, e) && esrgan_bind(&m->upscaler, &k, l);
    l->err = NULL; /* the caller's Error may be gone later */
    if (!ok) return false;
    model_compare(m, &PART, 1, &r);
    int64_t wrong = r.missing + r.misshapen;
    return !wrong || error_set(e, ERR_FORMAT,
                               "%s: is no whole upscaler: %lld of %lld tensors are missing, %lld have another shape "
                               "(%s%s); download it again",
                               m->checkpoint->path, (long long)r.missing, (long long)(r.used + wrong),
                               (long long)r.misshapen, r.names, wrong > 3 ? ", ..." : "");
}

/* bytes NULL: of the file. */
static SdUpscaler *open_upscaler(const char *path, const void *bytes, size_t size, const SdOptions *o, Error *e) {
    SdUpscaler *u = calloc(1, sizeof *u);
    SdModel *m = u ? u->m = calloc(1, sizeof *m) : NULL;
    bool ok = m || error_set(e, ERR_MEMORY, "%s: out of memory", path);
    if (ok) m->memory_limit = o ? o->memory_limit : 0;
    ok = ok && model_choose_device(m, o, e);
    if (ok && m->peer_count) ok = error_set(e, ERR_ARGUMENT, "device: an upscaler takes one; name one GPU");
    if (ok) m->checkpoint = bytes ? checkpoint_open_memory(path, bytes, size, e) : checkpoint_open(path, e);
    if (ok && m->checkpoint && bind(m, e) && (m->pool = pool_new(o ? o->threads : 0, e))) return u;
    sd_upscaler_close(u);
    return NULL;
}

bool sd_is_x4_upscaler(const char *path) {
    Error e = {0};
    SdConfig k;
    ConfigNotes notes;
    Checkpoint *c = path ? checkpoint_open(path, &e) : NULL;
    bool is = c && detect_config(c, &k, &notes, &e) && config_input(&k) == INPUT_UPSCALING;
    if (c) checkpoint_close(c);
    return is;
}

SdUpscaler *sd_upscaler_open(const char *path, const SdOptions *o, Error *e) {
    Error own = {0};
    if (!e) e = &own;
    if (e->code || (!path && !error_set(e, ERR_ARGUMENT, "upscaler: the name of its file is NULL"))) return NULL;
    return open_upscaler(path, NULL, 0, o, e);
}

SdUpscaler *upscaler_open_memory(const char *name, const void *bytes, size_t size, const SdOptions *o, Error *e) {
    return open_upscaler(name, bytes, size, o, e);
}

void sd_upscaler_close(SdUpscaler *u) {
    if (!u) return;
    if (u->m) u->m->peer_count = 0;
    sd_close(u->m);
    free(u);
}

int sd_upscaler_scale(const SdUpscaler *u) { return u ? u->m->upscaler.config.scale : 0; }

void sd_upscaler_kind(const SdUpscaler *u, char *out, size_t size) {
    const EsrganConfig *k = u ? &u->m->upscaler.config : NULL;
    if (!k) snprintf(out, size, "%s", "");
    else if (k->names == ESRGAN_COMPACT)
        snprintf(out, size, "compact, %d wide, %d convolutions", k->channels, k->blocks);
    else snprintf(out, size, "RRDBNet, %d wide, %d blocks", k->channels, k->blocks);
}
