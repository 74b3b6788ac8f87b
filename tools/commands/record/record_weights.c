/* record_weights.c: a checksum for each weight of a model, so that a changed one is named. They are of its numbers as
 * F32 in torch's order, whatever the checkpoint's layout and type. */
#include "record.h"

#include "sd/load/model.h"
#include "weights/files/sha256.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b) {
    return strcmp((*(const Weight *const *)a)->name, (*(const Weight *const *)b)->name);
}

/* Row o of a weight, from the file's order [O,kh,kw,I] to torch's [O,I,kh,kw] if `turned`. */
static void put_row(const double *in, float *out, const Weight *w, int64_t row, bool turned) {
    int64_t inner = turned ? w->t.n[3] : row, taps = row / inner;
    for (int64_t i = 0; i < inner; i++)
        for (int64_t t = 0; t < taps; t++) out[i * taps + t] = (float)in[t * inner + i];
}

static bool digest(const Found *f, const Weight *w, bool turned, uint8_t out[RECORD_WEIGHT]) {
    int64_t count = file_tensor_count(f->tensor), rows = turned ? w->t.n[0] : (count + 4095) / 4096;
    int64_t row = turned ? count / rows : 4096;
    double *in = malloc((size_t)row * sizeof *in);
    float *values = malloc((size_t)row * sizeof *values);
    unsigned char all[32];
    Sha256 sha;
    sha256_init(&sha);
    bool ok = in && values;
    for (int64_t at = 0; ok && at < count; at += row) {
        int64_t n = count - at < row ? count - at : row;
        ok = file_tensor_f64(f->file, f->tensor, at, n, in);
        if (!ok) break;
        put_row(in, values, w, n, turned);
        sha256_update(&sha, values, (size_t)n * sizeof *values);
    }
    sha256_final(&sha, all);
    memcpy(out, all, RECORD_WEIGHT);
    free(in);
    free(values);
    file_tensor_drop(f->file, f->tensor);
    return ok;
}

void record_weights_free(RecordWeights *w) {
    free((void *)w->names);
    free(w->digests);
    *w = (RecordWeights){0};
}

bool record_weights(const SdModel *m, RecordWeights *out, Error *e) {
    size_t most = 1, count = 0;
    *out = (RecordWeights){0};
    for (int p = 0; p < PART_COUNT; p++) most += (size_t)m->lists[p].count;
    const Weight **list = malloc(most * sizeof *list);
    out->names = malloc(most * sizeof *out->names);
    out->digests = malloc(most * sizeof *out->digests);
    bool ok = list && out->names && out->digests;
    for (int p = 0; ok && p < PART_COUNT; p++)
        for (int64_t i = 0; i < m->lists[p].count; i++)
            if (checkpoint_find(m->checkpoint, m->lists[p].w[i]->name).tensor) list[count++] = m->lists[p].w[i];
    if (ok) qsort(list, count, sizeof *list, by_name);
    for (size_t i = 0; ok && i < count; i++) {
        Found f = checkpoint_find(m->checkpoint, list[i]->name);
        out->names[out->count] = list[i]->name;
        ok = digest(&f, list[i], f.file->channels_last && list[i]->kind == WEIGHT_CONV, out->digests[out->count++]);
    }
    free(list);
    if (ok) return true;
    record_weights_free(out);
    return error_set(e, ERR_MEMORY, "%s: out of memory for checksums", m->checkpoint->path);
}

void record_changed_free(RecordChanged *c) {
    free((void *)c->names);
    *c = (RecordChanged){0};
}

bool record_changed(const Record *r, const SdModel *m, RecordChanged *out, Error *e) {
    RecordWeights w;
    *out = (RecordChanged){0};
    if (!r->weights) return true;
    if (!record_weights(m, &w, e)) return false;
    const uint8_t *theirs = file_tensor_data(r->file, r->weights);
    out->ours = w.count, out->theirs = (size_t)r->weights->n[0];
    out->names = w.names, w.names = NULL;
    for (size_t i = 0; out->ours == out->theirs && i < w.count; i++)
        if (memcmp(w.digests[i], theirs + i * RECORD_WEIGHT, RECORD_WEIGHT)) out->names[out->count++] = out->names[i];
    record_weights_free(&w);
    return true;
}
