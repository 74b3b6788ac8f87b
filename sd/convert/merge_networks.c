/* merge_networks.c: a model with networks baked in: the rows that weights.c makes with them on top. */
#include "merge_internal.h"
#include "merge_math.h"
#include "sd/load/networks/overlay.h"
#include "sd/load/weights.h"

#include "tensor/thread_pool.h"

#include <stdio.h>
#include <stdlib.h>

/* A tensor of A's files whose numbers networks change. */
typedef struct ChangedTensor {
    const FileTensor *tensor;
    Weight *weight;
} ChangedTensor;

/* What of the networks is not baked in. */
static bool count_left(Merge *m, Error *e) {
    SdMerged *d = m->done;
    for (int i = 0; i < m->how->network_count; i++) {
        SdNetworkReport r;
        if (!sd_network(m->models[0], m->how->networks[i].path, &r, e)) return false;
        if (r.unmatched && !d->unmatched) snprintf(d->names, sizeof d->names, "%s", r.names);
        d->unmatched += r.unmatched, d->embeddings += r.embeddings;
    }
    return true;
}

bool merge_networks_begin(Merge *m, Error *e) {
    const SdMerge *how = m->how;
    SdModel *a = m->models[0];
    if (!how->network_count) return true;
    if (how->mode != SD_MERGE_NONE)
        return error_set(e, ERR_ARGUMENT,
                         "merge: networks are added to one model, not to the sum of several; merge first");
    if (!overlay_set(a, how->networks, how->network_count, how->network_apply, false, e) || !count_left(m, e))
        return false;
    size_t most = 0;
    for (int p = 0; p < PART_COUNT; p++) most += (size_t)a->lists[p].count;
    m->changed = calloc(most + 1, sizeof *m->changed);
    void *scratch = malloc(SCRATCH_BYTES);
    bool ok = (m->changed && scratch) || error_set(e, ERR_MEMORY, "%s: out of memory for networks", m->out);
    for (int p = 0; p < PART_COUNT; p++)
        for (int64_t i = 0; ok && i < a->lists[p].count; i++) {
            Weight *w = a->lists[p].w[i];
            bool any;
            ok = model_changes(a, w, &any, scratch, e);
            if (any)
                m->changed[m->changed_count++] = (ChangedTensor){checkpoint_find(a->checkpoint, w->name).tensor, w};
        }
    free(scratch);
    return ok;
}

static Weight *changed_weight(const Merge *m, const FileTensor *t) {
    for (size_t i = 0; i < m->changed_count; i++)
        if (m->changed[i].tensor == t) return m->changed[i].weight;
    return NULL;
}

bool merge_networks_plan(Merge *m, MergeRow *r, Error *e) {
    bool any = false;
    for (int i = 0; i < r->a->count; i++) {
        const StatePiece *p = &r->a->pieces[i];
        Weight *w = r->weights[i] = changed_weight(m, p->from.tensor);
        if (w && w->inputs_first)
            return error_set(e, ERR_FORMAT, "%s: networks change it, which is not merged; use them with --lora",
                             w->name);
        any |= w != NULL;
    }
    if (!any) return true;
    if (!merge_has_type(r->a->type))
        return error_set(e, ERR_FORMAT, "%s: %.100s is %s, of which no sum is made; convert the model first",
                         m->models[0]->checkpoint->path, r->a->name, dtype_name(r->a->type));
    r->kind = ROW_CHANGED;
    m->done->changed++;
    return true;
}

/* Elements of a weight in torch's order. */
static void changed_elements(const SdModel *m, Weight *w, int64_t first, int64_t count, double *out, void *scratch) {
    int64_t each = tensor_count(w->t) / w->t.n[0], most = model_most_rows(w), end = first + count;
    for (int64_t row = first / each; row * each < end; row += most) {
        int64_t rows = (end + each - 1) / each - row < most ? (end + each - 1) / each - row : most;
        const float *numbers = model_changed_rows(m, w, row, rows, scratch);
        for (int64_t i = row * each; i < (row + rows) * each; i++)
            if (i >= first && i < end) out[i - first] = (double)numbers[i - row * each];
    }
}

/* Pieces that are not changed are in `out` already. */
void merge_changed(const Merge *m, const MergeRow *r, int64_t first, int64_t count, double *out, void *scratch) {
    for (int i = 0; i < r->a->count && count > 0; i++) {
        const StatePiece *p = &r->a->pieces[i];
        int64_t n = p->count - first < count ? p->count - first : count;
        if (n > 0) {
            if (r->weights[i]) changed_elements(m->models[0], r->weights[i], p->first + first, n, out, scratch);
            out += n, count -= n, first += n;
        }
        first -= p->count;
    }
}
