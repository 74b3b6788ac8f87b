/* info.c: what a checkpoint is, for people. */
#include "besides.h"
#include "info_part.h"
#include "model_hash.h"

#include <stdio.h>
#include <string.h>

static void count_part(const SdModel *m, Part part, int64_t *parameters, bool types[DTYPE_COUNT]) {
    const WeightList *l = &m->lists[part];
    for (int64_t i = 0; i < l->count; i++) {
        const FileTensor *t = checkpoint_find(m->checkpoint, l->w[i]->name).tensor;
        if (!t) continue;
        *parameters += file_tensor_count(t);
        types[t->dtype] = true;
    }
}

/* "CLIP, 12 layers, 768 wide; ..." */
static void describe_encoders(const SdConfig *k, char *out, size_t size) {
    size_t at = 0;
    for (int i = 0; i < k->encoders && at < size; i++) {
        const ClipConfig *c = &k->clip[i];
        at += (size_t)snprintf(out + at, size - at, "%s%s, %d layers, %d wide", i ? "; " : "",
                               c->act == ACT_GELU ? "OpenCLIP" : "CLIP", c->layers, c->width);
        if (c->pooled && at < size) at += (size_t)snprintf(out + at, size - at, ", pooled %d", c->pooled);
    }
}

static void name_formats(const Checkpoint *c, SdInfo *out) {
    if (c->file) info_add_word(out->format, sizeof out->format, c->file->format);
    for (int p = 0; p < CHECKPOINT_PARTS; p++)
        for (int i = 0; i < c->parts[p].files.count; i++)
            info_add_word(out->format, sizeof out->format, c->parts[p].files.shards[i]->format);
}

bool sd_info(const char *path, bool hash, SdInfo *out, Error *e) {
    if (!out) return error_set(e, ERR_ARGUMENT, "info: the place for its result is NULL");
    *out = (SdInfo){0};
    Error none = {0}, refused = {0};
    if (e && e->code) return false;
    SdModel *m = sd_open(path, NULL, &refused);
    if (!m && refused.code == ERR_FORMAT && path && info_of_part(path, out))
        return !hash || cached_sha256(path, out->hash, e);
    if (!m) return error_pass(e, &refused);
    const Checkpoint *c = m->checkpoint;
    static const Part ALL[] = {PART_TEXT, PART_TEXT_2, PART_UNET, PART_DECODER, PART_ENCODER};
    ModelReport r;
    model_compare(m, ALL, sizeof ALL / sizeof *ALL, &r);
    static const char *const OTHERS[] = {"alphas_cumprod", "v_pred", "ztsnr"}; /* families.c, levels.c */
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
        if (checkpoint_find(c, OTHERS[i]).tensor) r.used++, r.ignored--;
    bool types[DTYPE_COUNT] = {0};
    count_part(m, PART_TEXT, &out->text_parameters, types);
    count_part(m, PART_TEXT_2, &out->text_parameters, types);
    count_part(m, PART_UNET, &out->unet_parameters, types);
    count_part(m, PART_DECODER, &out->vae_parameters, types);
    count_part(m, PART_ENCODER, &out->vae_parameters, types);
    for (int t = 0; t < DTYPE_COUNT; t++)
        if (types[t]) info_add_word(out->dtype, sizeof out->dtype, dtype_name((DType)t));
    name_formats(c, out);
    snprintf(out->family, sizeof out->family, "%s", m->config.family);
    snprintf(out->layout, sizeof out->layout, "%s",
             c->layout == CHECKPOINT_DIFFUSERS ? "diffusers"
             : c->file->channels_last          ? "converted"
                                               : "single file");
    static const char *const PREDICTIONS[] = {"eps", "v", "x0"};
    snprintf(out->prediction, sizeof out->prediction, "%s", PREDICTIONS[m->config.prediction]);
    snprintf(out->decided, sizeof out->decided, "%s", m->notes.prediction ? m->notes.prediction : "");
    snprintf(out->variant, sizeof out->variant, "%s", config_variant(&m->config));
    describe_encoders(&m->config, out->encoders, sizeof out->encoders);
    if (!model_has(m, PART_ENCODER, &none) && !m->lists[PART_TAESD_ENCODER].count)
        snprintf(out->lacks, sizeof out->lacks, "the VAE's encoder, for img2img");
    bool ok =
        model_besides(m, out->besides) || error_set(e, ERR_MEMORY, "%s: out of memory for a list of tensors", c->path);
    snprintf(out->unused, sizeof out->unused, "%s", m->notes.said);
    snprintf(out->unknown, sizeof out->unknown, "%s", m->notes.unknown);
    out->tensors = checkpoint_tensors(c);
    out->used = r.used + r.scales;
    out->ignored = r.ignored;
    out->missing = r.missing + r.misshapen;
    out->parameters = out->text_parameters + out->unet_parameters + out->vae_parameters;
    out->bytes = checkpoint_bytes(c);
    SdRequest request = sd_request(m);
    out->width = request.width;
    out->height = request.height;
    snprintf(out->sampler, sizeof out->sampler, "%s", request.sampler);
    snprintf(out->scheduler, sizeof out->scheduler, "%s", request.scheduler ? request.scheduler : "Automatic");
    snprintf(out->settings, sizeof out->settings, "%s", m->notes.settings);
    out->steps = request.steps;
    out->cfg = request.cfg;
    if (ok && hash && c->file && path) ok = cached_sha256(path, out->hash, e);
    else if (hash && c->file) sha256_memory(c->file->map, c->file->size, out->hash);
    sd_close(m);
    return ok;
}
