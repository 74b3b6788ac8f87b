#include "made_network.h"

#include "tensor/half.h"
#include "tests/harness/test.h"
#include "weights/formats/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

float *made_part(MadeNetwork *n, const char *module, const char *role, int nd, const int64_t *shape, double value) {
    MadePart *p = &n->at[n->count++];
    int64_t count = 1;
    uint32_t seed = 7;
    snprintf(p->key, sizeof p->key, "%s%s", module, role);
    p->nd = nd;
    for (int i = 0; i < nd; i++) count *= p->n[i] = shape[i];
    p->values = malloc((size_t)count * sizeof *p->values);
    for (const char *c = role; *c; c++) seed = seed * 31 + (unsigned char)*c;
    for (int64_t i = 0; i < count; i++) p->values[i] = (float)(nd ? 0.5 * test_uniform(seed, (uint64_t)i) : value);
    return p->values;
}

const char *made_save(const MadeNetwork *n, const char *name, const FileMeta *meta, size_t meta_count) {
    FileTensor list[MADE_PARTS];
    const char *path = test_path(name);
    Error e = {0};
    for (int i = 0; i < n->count; i++) {
        list[i] = (FileTensor){.name = n->at[i].key, .dtype = F32, .nd = n->at[i].nd};
        memcpy(list[i].n, n->at[i].n, sizeof n->at[i].n);
    }
    StWriter *w = st_write_begin(path, list, (size_t)n->count, meta, meta_count, &e);
    bool ok = w != NULL;
    for (int i = 0; ok && i < n->count; i++)
        ok = st_write_data(w, n->at[i].values, (size_t)file_tensor_count(&list[i]) * sizeof(float), &e);
    if (ok) ok = st_write_end(w, &e);
    else st_write_abort(w);
    test_check(ok, "%s is written", name);
    test_note("%s", e.text);
    return path;
}

void made_free(MadeNetwork *n) {
    for (int i = 0; i < n->count; i++) free(n->at[i].values);
    n->count = 0;
}

void made_product(double *out, const float *a, const float *b, int64_t n, int64_t k, int64_t m) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++) {
            double sum = 0;
            for (int64_t x = 0; x < k; x++) sum += (double)a[i * k + x] * (double)b[x * m + j];
            out[i * m + j] = sum;
        }
}

const Weight *made_weight(SdModel *m, Part part, const char *name) {
    for (int64_t i = 0; i < m->lists[part].count; i++)
        if (strstr(m->lists[part].w[i]->name, name)) return m->lists[part].w[i];
    return NULL;
}

MadeWeight made_numbers(const Weight *w) {
    int64_t taps = w->kind == WEIGHT_CONV ? w->t.n[1] * w->t.n[2] : 1, all = tensor_count(w->t);
    MadeWeight v = {.rows = w->t.n[0], .taps = taps, .inputs = all / w->t.n[0] / taps};
    v.w = malloc((size_t)all * sizeof *v.w);
    for (int64_t o = 0; o < v.rows; o++)
        for (int64_t i = 0; i < v.inputs; i++)
            for (int64_t t = 0; t < taps; t++) {
                int64_t at = (o * taps + t) * v.inputs + i;
                double x = w->t.dtype == F32 ? (double)((const float *)w->t.data)[at]
                                             : (double)f16_to_f32(((const uint16_t *)w->t.data)[at]);
                v.w[(o * v.inputs + i) * taps + t] = x;
            }
    return v;
}
