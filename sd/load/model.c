/* model.c: whether a checkpoint holds what its networks need. */
#include "model.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A convolution, or a matrix that torch transposes, lies in torch's order or in compute order; a matrix may be stored
 * as a 1x1 convolution. */
static bool shape_fits(const Weight *w, Found f) {
    const FileTensor *t = f.tensor;
    const int64_t *n = w->t.n;
    if (w->kind == WEIGHT_CONV) {
        if (f.file->channels_last) return t->nd == 4 && !memcmp(t->n, n, 4 * sizeof *n);
        return t->nd == 4 && t->n[0] == n[0] && t->n[1] == n[3] && t->n[2] == n[1] && t->n[3] == n[2];
    }
    if (w->inputs_first && !f.file->channels_last) return t->nd == 2 && t->n[0] == n[1] && t->n[1] == n[0];
    bool ones = t->nd == 4 && w->kind == WEIGHT_LINEAR && t->n[2] == 1 && t->n[3] == 1;
    return (t->nd == w->t.nd || ones) && !memcmp(t->n, n, (size_t)w->t.nd * sizeof *n);
}

static bool type_fits(const FileTensor *t) {
    DType loaded = file_tensor_type(t);
    return loaded == F32 || loaded == F16 || loaded == BF16 || loaded == Q8_0;
}

/* Adds to the report's names, up to the fourth. */
static void note(ModelReport *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(ModelReport *r, const char *format, ...) {
    if (r->missing + r->misshapen > 3) return;
    size_t at = strlen(r->names);
    if (at) at += (size_t)snprintf(r->names + at, sizeof r->names - at, ", ");
    if (at >= sizeof r->names) return;
    va_list args;
    va_start(args, format);
    vsnprintf(r->names + at, sizeof r->names - at, format, args);
    va_end(args);
}

static const char *file_shape(const FileTensor *t, char *buf, size_t size) {
    size_t at = (size_t)snprintf(buf, size, "[");
    for (int i = 0; i < t->nd && at < size; i++)
        at += (size_t)snprintf(buf + at, size - at, "%s%lld", i ? "," : "", (long long)t->n[i]);
    if (at < size) snprintf(buf + at, size - at, "]");
    return buf;
}

/* As the file should show it. */
static void expected_shape(const WeightFile *f, const Weight *w, char *buf, size_t size) {
    Tensor t = w->t;
    if (w->kind == WEIGHT_CONV && !f->channels_last)
        t = tensor_view(NULL, F32, 4, SHAPE(w->t.n[0], w->t.n[3], w->t.n[1], w->t.n[2]));
    else if (w->inputs_first && !f->channels_last) t = tensor_view(NULL, F32, 2, SHAPE(w->t.n[1], w->t.n[0]));
    tensor_shape_text(t, buf, size);
}

void model_compare(const SdModel *m, const Part *parts, int count, ModelReport *out) {
    *out = (ModelReport){0};
    for (int p = 0; p < count; p++) {
        const WeightList *l = &m->lists[parts[p]];
        for (int64_t i = 0; i < l->count; i++) {
            Found f = checkpoint_find(m->checkpoint, l->w[i]->name);
            const FileTensor *t = f.tensor;
            if (!t) {
                out->missing++;
                note(out, "%s is missing", l->w[i]->name);
            } else if (!shape_fits(l->w[i], f) || !type_fits(t)) {
                char is[96], should[96];
                expected_shape(f.file, l->w[i], should, sizeof should);
                out->misshapen++;
                note(out, "%s is %s %s, not %s", l->w[i]->name, dtype_name(t->dtype), file_shape(t, is, sizeof is),
                     should);
            } else out->used++, out->scales += t->scale != NULL;
        }
    }
    out->ignored = checkpoint_tensors(m->checkpoint) - out->used - out->scales - out->misshapen;
}

GivenPart model_given(Part part) {
    static const GivenPart OF[PART_COUNT] = {[PART_TEXT] = GIVEN_TEXT,
                                             [PART_TEXT_2] = GIVEN_TEXT_2,
                                             [PART_UNET] = GIVEN_UNET,
                                             [PART_DECODER] = GIVEN_VAE,
                                             [PART_ENCODER] = GIVEN_VAE,
                                             [PART_TAESD_DECODER] = GIVEN_TAESD_DECODER,
                                             [PART_TAESD_ENCODER] = GIVEN_TAESD_ENCODER,
                                             [PART_CONTROL] = GIVEN_CONTROL,
                                             [PART_VISION] = GIVEN_VISION};
    return OF[part];
}

const char *model_path(const SdModel *m, Part part) { return checkpoint_path(m->checkpoint, model_given(part)); }

bool model_has(const SdModel *m, Part part, Error *e) {
    ModelReport r;
    model_compare(m, &part, 1, &r);
    if ((part == PART_DECODER || part == PART_ENCODER) && r.missing && !r.used)
        return error_set(e, ERR_FORMAT, "%s: holds no VAE's %s; name a VAE with --vae", model_path(m, part),
                         part == PART_DECODER ? "decoder" : "encoder");
    return !(r.missing + r.misshapen) ||
           error_set(e, ERR_FORMAT, "%s: %s; use a complete checkpoint", model_path(m, part), r.names);
}

bool model_has_taesd(const SdModel *m, Part half, Error *e) {
    const char *is = half == PART_TAESD_DECODER ? "decoder" : "encoder";
    return m->lists[half].count > 0 ||
           error_set(e, ERR_ARGUMENT, "vae %s: no TAESD with %s was opened; name its file with --taesd, or choose full",
                     is, half == PART_TAESD_DECODER ? "a decoder" : "an encoder");
}
