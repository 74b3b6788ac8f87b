/* convert.c: a checkpoint rewritten as one file in compute order (FORMAT.md). */
#include "convert_internal.h"
#include "sd/load/model_hash.h"
#include "sd/load/weights.h"

#include "weights/formats/file_range.h"
#include "weights/formats/safetensors.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FileTensor entry(const NewFile *p, const Weight *w, const Found *from) {
    DType to = convert_type(p, w->name, w->t.nd, w->t.n, model_weight_type(w, from));
    FileTensor t = {.name = w->name, .dtype = to, .nd = w->t.nd};
    memcpy(t.n, w->t.n, (size_t)w->t.nd * sizeof *t.n);
    return t;
}

static bool aligned(const FileTensor *t) { return dtype_bytes(t->dtype, file_tensor_count(t)) % 64 == 0; }

/* Tensors in compute order. Those whose size is not a multiple of 64 bytes come last, so that all others are aligned.
 */
static bool lay_out(NewFile *p, Error *e) {
    size_t all = 1;
    for (int part = 0; part < PART_COUNT; part++) all += (size_t)p->m->lists[part].count;
    p->list = calloc(all, sizeof *p->list);
    if (!p->list) return error_set(e, ERR_MEMORY, "out of memory for a list of tensors");
    for (int pass = 0; pass < 2; pass++)
        for (int part = 0; part < PART_COUNT; part++)
            for (int64_t i = 0; i < p->m->lists[part].count; i++) {
                const Weight *w = p->m->lists[part].w[i];
                const Found from = checkpoint_find(p->m->checkpoint, w->name);
                if (!from.tensor) continue; /* an encoder that the checkpoint lacks */
                FileTensor t = entry(p, w, &from);
                if (aligned(&t) == !pass) p->list[p->count++] = t;
            }
    if (p->m->own_levels)
        p->list[p->count++] = (FileTensor){.name = "alphas_cumprod", .dtype = F32, .nd = 1, .n = {TRAIN_STEPS}};
    return true;
}

static bool write_weight(const NewFile *p, StWriter *w, const Weight *weight, DType to, Error *e) {
    enum { PIECE = 1 << 16 };
    bool clamp = false;
    if (!convert_check_range(p, checkpoint_find(p->m->checkpoint, weight->name), to, &clamp, e)) return false;
    float most = clamp ? (float)dtype_largest(to) : INFINITY;
    static const size_t WIDE = 4;
    int64_t n = tensor_count(weight->t);
    const char *in = weight->t.data;
    if (weight->t.dtype == to && !clamp) return st_write_data(w, in, dtype_bytes(to, n), e);
    void *buf = malloc(PIECE * WIDE);
    bool ok = buf || error_set(e, ERR_MEMORY, "out of memory for converting");
    for (int64_t at = 0; ok && at < n; at += PIECE) {
        int64_t k = n - at < PIECE ? n - at : PIECE;
        convert_narrow(buf, to, in + dtype_bytes(weight->t.dtype, at), weight->t.dtype, k, most);
        ok = st_write_data(w, buf, dtype_bytes(to, k), e);
    }
    free(buf);
    return ok;
}

static const Weight *weight_named(const SdModel *m, const char *name, Part *part) {
    for (int p = 0; p < PART_COUNT; p++)
        for (int64_t i = 0; i < m->lists[p].count; i++)
            if (m->lists[p].w[i]->name == name) return *part = (Part)p, m->lists[p].w[i];
    return NULL;
}

static bool write_all(SdModel *m, const NewFile *p, StWriter *w, Error *e) {
    Part now = PART_COUNT;
    for (size_t i = 0; i < p->count; i++) {
        const FileTensor *t = &p->list[i];
        Part part;
        const Weight *weight = weight_named(m, t->name, &part);
        if (!weight) {
            if (!st_write_data(w, m->noise_levels.alphas, sizeof m->noise_levels.alphas, e)) return false;
            continue;
        }
        /* one part in memory at a time; the few small tensors at the end load theirs again */
        if (part != now && aligned(t)) {
            if (now != PART_COUNT) model_release(m, now);
            now = part;
        }
        if (!model_load(m, part, e) || !write_weight(p, w, weight, t->dtype, e)) return false;
    }
    return true;
}

static bool parse_dtype(const char *name, int *out, Error *e) {
    *out = -1;
    if (!name) return true;
    char upper[8] = "";
    for (size_t i = 0; name[i] && i < sizeof upper - 1; i++) upper[i] = (char)toupper((unsigned char)name[i]);
    static const DType CAN[] = {F32, F16, BF16, Q8_0};
    for (int i = 0; i < 4; i++)
        if (!strcmp(dtype_name(CAN[i]), upper)) *out = (int)CAN[i];
    return *out >= 0 || error_set(e, ERR_ARGUMENT, "dtype '%s': must be one of f32, f16, bf16, q8_0", name);
}

typedef enum { LAYOUT_OWN, LAYOUT_SINGLE, LAYOUT_FOLDER } Layout;

static bool parse_layout(const char *name, Layout *out, Error *e) {
    *out = !name ? LAYOUT_OWN : !strcmp(name, "single") ? LAYOUT_SINGLE : LAYOUT_FOLDER;
    return *out != LAYOUT_FOLDER || !strcmp(name, "diffusers") ||
           error_set(e, ERR_ARGUMENT, "layout '%.40s': must be one of single, diffusers", name);
}

/* Which of them a format and a type can have. */
static bool parse_format(const char *name, NewFile *p, Layout *layout, Error *e) {
    p->gguf = name && !strcmp(name, "gguf");
    if (name && !p->gguf && strcmp(name, "safetensors"))
        return error_set(e, ERR_ARGUMENT, "format '%.40s': must be one of safetensors, gguf", name);
    if (p->gguf && *layout == LAYOUT_FOLDER)
        return error_set(e, ERR_ARGUMENT, "a diffusers folder has safetensors files; leave out one of the two");
    if (p->gguf) *layout = LAYOUT_SINGLE;
    return p->dtype != Q8_0 || p->gguf || *layout == LAYOUT_OWN ||
           error_set(e, ERR_ARGUMENT, "q8_0: other programs read it in GGUF files only; take the format gguf");
}

/* One file: in compute order, or in torch's. */
static bool write_file(SdModel *m, NewFile *p, Layout layout, const char *out, Error *e) {
    char name[256];
    SdConfig k = m->config;
    for (int i = 0; layout == LAYOUT_SINGLE && i < k.encoders; i++) /* its names are OpenCLIP's again */
        k.clip[i].open_clip = k.clip[i].act == ACT_GELU;
    char *config = config_to_json(&k);
    if (!config) return error_set(e, ERR_MEMORY, "%s: out of memory", m->checkpoint->path);
    model_name(m, name, sizeof name);
    FileMeta meta[7] = {{"format", "pt"}, {"sdc.config", config}, {"sdc.source_name", name}};
    size_t count = 3;
    const char *tokens = m->checkpoint->file ? weight_file_meta(m->checkpoint->file, "sdc.tokens") : NULL;
    if (tokens) meta[count++] = (FileMeta){"sdc.tokens", tokens};
    const char *hash = model_hash(m, e);
    if (hash) meta[count++] = (FileMeta){"sdc.source_sha256", hash};
    bool ok = !e || !e->code;
    if (ok && layout == LAYOUT_SINGLE) ok = convert_to_single(p, out, meta, count, e);
    else if (ok) {
        meta[count++] = (FileMeta){"sdc.conv_layout", "OHWI"};
        meta[count++] = (FileMeta){"sdc.format", "1"};
        StWriter *w = lay_out(p, e) ? st_write_begin(out, p->list, p->count, meta, count, e) : NULL;
        ok = w && write_all(m, p, w, e);
        if (ok) ok = st_write_end(w, e);
        else st_write_abort(w);
    }
    free(config);
    return ok;
}

bool sd_convert(const char *in, const char *out, const SdConvert *how, SdConverted *done, Error *e) {
    SdConverted own;
    Layout layout;
    NewFile p = {.clamp = how && how->clamp, .done = done ? done : &own};
    *p.done = (SdConverted){0};
    if (!out) return error_set(e, ERR_ARGUMENT, "convert: the new file's name is NULL");
    if ((e && e->code) || !parse_dtype(how ? how->dtype : NULL, &p.dtype, e) ||
        !parse_layout(how ? how->layout : NULL, &layout, e) || !parse_format(how ? how->format : NULL, &p, &layout, e))
        return false;
    SdModel *m = sd_open(in, &(SdOptions){.ema = how && how->ema}, e);
    if (m) m->as_in_files = true;
    p.m = m;
    bool ok = m && checkpoint_can_be_written(m->checkpoint, e);
    if (ok && checkpoint_has_file(m->checkpoint, out)) /* a conversion may lose precision */
        ok = error_set(e, ERR_ARGUMENT, "%s: is a file of the model itself; name another one", out);
    ok = ok && (layout == LAYOUT_FOLDER ? convert_to_folder(&p, out, e) : write_file(m, &p, layout, out, e));
    free(p.list);
    sd_close(m);
    return ok;
}
