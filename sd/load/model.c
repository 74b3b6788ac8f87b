/* model.c: whether a checkpoint holds what its networks need. */
#include "model.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A convolution, or a matrix that torch transposes, lies in torch's order or in compute order; a matrix may be stored
 * as a 1x1 convolution. */
static bool shape_fits(const SdModel *m, const Weight *w, const FileTensor *t) {
    const int64_t *n = w->t.n;
    if (w->kind == WEIGHT_CONV) {
        if (m->channels_last) return t->nd == 4 && !memcmp(t->n, n, 4 * sizeof *n);
        return t->nd == 4 && t->n[0] == n[0] && t->n[1] == n[3] && t->n[2] == n[1] && t->n[3] == n[2];
    }
    if (w->inputs_first && !m->channels_last) return t->nd == 2 && t->n[0] == n[1] && t->n[1] == n[0];
    bool ones = t->nd == 4 && w->kind == WEIGHT_LINEAR && t->n[2] == 1 && t->n[3] == 1;
    return (t->nd == w->t.nd || ones) && !memcmp(t->n, n, (size_t)w->t.nd * sizeof *n);
}

/* A row must be whole blocks, since rows are made by themselves. */
static bool type_fits(const FileTensor *t) {
    DType loaded = file_tensor_type(t);
    int64_t row = t->nd && t->n[0] ? file_tensor_count(t) / t->n[0] : 1;
    bool whole = row % dtype_block(t->dtype) == 0 || t->nd == 1;
    return whole && (loaded == F32 || loaded == F16 || loaded == BF16);
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
static void expected_shape(const SdModel *m, const Weight *w, char *buf, size_t size) {
    Tensor t = w->t;
    if (w->kind == WEIGHT_CONV && !m->channels_last)
        t = tensor_view(NULL, F32, 4, SHAPE(w->t.n[0], w->t.n[3], w->t.n[1], w->t.n[2]));
    else if (w->inputs_first && !m->channels_last) t = tensor_view(NULL, F32, 2, SHAPE(w->t.n[1], w->t.n[0]));
    tensor_shape_text(t, buf, size);
}

void model_compare(const SdModel *m, const Part *parts, int count, ModelReport *out) {
    *out = (ModelReport){0};
    for (int p = 0; p < count; p++) {
        const WeightList *l = &m->lists[parts[p]];
        for (int64_t i = 0; i < l->count; i++) {
            const FileTensor *t = checkpoint_find(m->checkpoint, l->w[i]->name).tensor;
            if (!t) {
                out->missing++;
                note(out, "%s is missing", l->w[i]->name);
            } else if (!shape_fits(m, l->w[i], t) || !type_fits(t)) {
                char is[96], should[96];
                expected_shape(m, l->w[i], should, sizeof should);
                out->misshapen++;
                note(out, "%s is %s %s, not %s", l->w[i]->name, dtype_name(t->dtype), file_shape(t, is, sizeof is),
                     should);
            } else out->used++, out->scales += t->scale != NULL;
        }
    }
    out->ignored = checkpoint_tensors(m->checkpoint) - out->used - out->scales - out->misshapen;
}

bool model_has(const SdModel *m, Part part, Error *e) {
    ModelReport r;
    model_compare(m, &part, 1, &r);
    return !(r.missing + r.misshapen) ||
           error_set(e, ERR_FORMAT, "%s: %s; use a complete checkpoint", m->checkpoint->path, r.names);
}
