/* train_model.c: the model that training writes: the trained parameters, or their average, and everything else as the
 * model's own file has it. */
#include "tensor/half.h"
#include "weights/formats/safetensors.h"
#include "train_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static FileTensor entry(const ModelFile *f, int64_t i) {
    const Weight *w = f->w[i];
    FileTensor t = {.name = w->name, .dtype = f->half ? F16 : F32, .nd = w->t.nd};
    memcpy(t.n, w->t.n, sizeof w->t.n);
    if (w->kind == WEIGHT_CONV) t.n[1] = w->t.n[3], t.n[2] = w->t.n[1], t.n[3] = w->t.n[2];
    if (w->inputs_first) t.n[0] = w->t.n[1], t.n[1] = w->t.n[0];
    if (w->kind == WEIGHT_LINEAR && w->pointwise) t.nd = 4, t.n[2] = t.n[3] = 1;
    return t;
}

/* values[O][taps][I] to out[O][I][taps]; [O][I] to [I][O] where the file has a matrix so */
static void to_torch(float *out, const float *values, const Weight *w) {
    int64_t all = tensor_count(w->t);
    if (w->inputs_first) {
        for (int64_t o = 0; o < w->t.n[0]; o++)
            for (int64_t i = 0; i < w->t.n[1]; i++) out[i * w->t.n[0] + o] = values[o * w->t.n[1] + i];
        return;
    }
    if (w->kind != WEIGHT_CONV) {
        memcpy(out, values, (size_t)all * sizeof *out);
        return;
    }
    int64_t channels = w->t.n[3], taps = w->t.n[1] * w->t.n[2];
    for (int64_t o = 0; o < w->t.n[0]; o++)
        for (int64_t c = 0; c < channels; c++)
            for (int64_t k = 0; k < taps; k++)
                out[(o * channels + c) * taps + k] = values[(o * taps + k) * channels + c];
}

/* A weight that is not trained, as its file has it. */
static bool read_torch(float *out, const ModelFile *f, const Weight *w, Error *e) {
    Found found = checkpoint_find(f->from, w->name);
    bool turned = found.tensor && found.file->channels_last; /* in compute order */
    float *to = turned ? malloc((size_t)tensor_count(w->t) * sizeof *to) : out;
    if (!to) return error_set(e, ERR_MEMORY, "out of memory for writing a model");
    bool ok = found.tensor && file_tensor_f32(found.file, found.tensor, to);
    if (!ok) error_set(e, ERR_FORMAT, "%s: %s cannot be read", f->from->path, w->name);
    if (ok && turned) to_torch(out, to, w);
    if (turned) free(to);
    return ok;
}

static bool write_weight(const ModelFile *f, int64_t i, StWriter *out, Error *e) {
    int64_t n = tensor_count(f->w[i]->t);
    float *wide = malloc((size_t)n * sizeof *wide);
    if (!wide) return error_set(e, ERR_MEMORY, "out of memory for writing a model");
    bool ok = true;
    if (f->values[i]) to_torch(wide, f->values[i], f->w[i]);
    else ok = read_torch(wide, f, f->w[i], e);
    if (f->half) {
        uint16_t *narrow = (uint16_t *)(void *)wide;
        for (int64_t k = 0; ok && k < n; k++) {
            float v = wide[k];
            narrow[k] = f32_to_f16(v);
            if (isfinite(v) && (narrow[k] & 0x7fff) == 0x7c00)
                ok = train_refuse_half(f->from->path, f->w[i]->name, v, e);
        }
    }
    ok = ok && st_write_data(out, wide, (size_t)n * (f->half ? 2 : 4), e);
    free(wide);
    return ok;
}

typedef StWriter *Begin(const char *path, FileTensor *tensors, size_t count, const FileMeta *meta, size_t meta_count,
                        Error *e);

/* A writer that has everything; NULL on error. */
static StWriter *write_all(const char *path, const ModelFile *f, Begin *begin, Error *e) {
    char *config = config_to_json(f->config);
    FileTensor *list = calloc((size_t)f->count + 1, sizeof *list);
    bool ok = (config && list) || error_set(e, ERR_MEMORY, "out of memory for writing a model");
    int64_t count = f->count;
    for (int64_t i = 0; ok && i < count; i++) list[i] = entry(f, i);
    if (ok && f->alphas)
        list[count++] = (FileTensor){.name = "alphas_cumprod", .dtype = F32, .nd = 1, .n = {TRAIN_STEPS}};
    FileMeta meta[3] = {{"format", "pt"}, {"sdc.config", config}, {"sdc.tokens", f->tokens}};
    StWriter *out = ok ? begin(path, list, (size_t)count, meta, f->tokens ? 3 : 2, e) : NULL;
    ok = out != NULL;
    for (int64_t i = 0; ok && i < f->count; i++) ok = write_weight(f, i, out, e);
    if (ok && f->alphas) ok = st_write_data(out, f->alphas, TRAIN_STEPS * sizeof *f->alphas, e);
    if (!ok) st_write_abort(out);
    free(list);
    free(config);
    return ok ? out : NULL;
}

bool train_write_model(const char *path, const ModelFile *f, Error *e) {
    StWriter *w = write_all(path, f, st_write_begin, e);
    return w && st_write_end(w, e);
}

void *train_model_bytes(const char *name, const ModelFile *f, size_t *size, Error *e) {
    StWriter *w = write_all(name, f, st_write_begin_memory, e);
    return w ? st_write_end_memory(w, size, e) : NULL;
}

static const char *own_tokens(const SdModel *m) {
    return m->checkpoint->file ? weight_file_meta(m->checkpoint->file, "sdc.tokens") : NULL;
}

/* values: laid out as p.values. */
static bool save_model(Trainer *t, const float *values, Error *e) {
    SdModel *m = t->m;
    ModelFile f = {.from = m->checkpoint, .config = &m->config, .tokens = own_tokens(m), .half = t->o->half};
    if (m->own_levels) f.alphas = m->noise_levels.alphas;
    for (int p = 0; p < PART_COUNT; p++) f.count += m->lists[p].count;
    f.w = calloc((size_t)f.count, sizeof(Weight *));
    f.values = calloc((size_t)f.count, sizeof(float *));
    bool ok = (f.w && f.values) || error_set(e, ERR_MEMORY, "out of memory for writing a model");
    int64_t n = 0;
    for (int p = 0; ok && p < PART_COUNT; p++)
        for (int64_t i = 0; i < m->lists[p].count; i++) f.w[n++] = m->lists[p].w[i];
    for (int64_t i = 0; ok && i < f.count; i++)
        for (int64_t k = 0; k < t->p.count; k++)
            if (t->p.w[k] == f.w[i]) f.values[i] = values + t->p.at[k];
    ok = ok && train_write_model(t->o->out, &f, e);
    free(f.values);
    free(f.w);
    return ok;
}

bool train_save(Trainer *t, Error *e) {
    if (!train_check_finite(t, e)) return false;
    Error own = {0};
    size_t bytes = (size_t)t->p.floats * sizeof(float);
    float *values = malloc(bytes);
    if (!values) error_set(&own, ERR_MEMORY, "out of memory for writing a model");
    else memcpy(values, t->p.ema ? t->p.ema : t->p.values, bytes);
    if (values && t->o->vae && t->step >= t->o->steps) train_fold(t, values, &own);
    bool ok = (own.code == ERR_NUMERIC || train_save_state(t, e)) && error_pass(e, &own) && save_model(t, values, e);
    free(values);
    return ok;
}
