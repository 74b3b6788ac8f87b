/* In sd/guide/plain.c: find(). */
#include "sd/load/networks/overlay.h"
#include "read_ahead.h"
#include "weights.h"
#include "weights_memory.h"

#include "tensor/row_ops.h"
#include "tensor/q8.h"
#include "weights/formats/file_range.h"

#include <stdlib.h>
#include <string.h>

/* --- how a weight gets its bytes --- */

typedef enum { IN_PLACE, COPIED, TRANSPOSED, PREPARED, STREAMED } Way;

typedef struct {
    const SdModel *m;
    const Weight *layer; /* the layer's weight: its name, kind and shape */
    Weight *w;           /* what gets the bytes: the layer's weight itself, or an op's copy of it */
    Found from;
    DType type; /* of the numbers once loaded */
    Way way;
    size_t bytes;    /* that they take */
    void *to;        /* where they go; NULL where nothing is made */
    DType narrow;    /* what the numbers become in the end */
    FileRange range; /* of the file's, where `narrow` holds less */
    Deltas deltas;   /* what networks change of it */
    bool no_memory;  /* for what they need */
} Job;

static bool is_large(const Weight *w) { return w->kind == WEIGHT_LINEAR || w->kind == WEIGHT_CONV; }

/* A convolution that the file holds as OIHW. */
static bool torch_order(const Found *f, const Weight *w) { return w->kind == WEIGHT_CONV && !f->file->channels_last; }

/* A matrix that the file holds as [inputs,outputs]. */
static bool inputs_first(const Found *f, const Weight *w) { return w->inputs_first && !f->file->channels_last; }

/* Whether the numbers that the layer needs lie in the file as they are, in some order. */
static bool as_stored(const Job *j) {
    return !j->deltas.count && file_tensor_is_plain(j->from.tensor) && j->from.tensor->dtype == j->type;
}

static bool aligned(const Job *j) {
    size_t number = dtype_block(j->type) == 1 ? dtype_bytes(j->type, 1) : 1; /* blocks are read byte by byte */
    return (uintptr_t)file_tensor_data(j->from.file, j->from.tensor) % number == 0;
}

/* Blocks of Q8_0 stay where they lie along the layer's rows; elsewhere their numbers are rounded to F16. */
DType model_weight_type(const Weight *w, const Found *from) {
    DType type = file_tensor_type(from->tensor);
    if (type != Q8_0) return type;
    if (w->kind == WEIGHT_VECTOR) return F32;
    bool turned = inputs_first(from, w) || (torch_order(from, w) && w->t.n[1] * w->t.n[2] > 1);
    return turned || w->t.n[w->t.nd - 1] % Q8_NUMBERS ? F16 : Q8_0;
}

/* The one place that decides. streamed: the part's large weights stay in the file. */
static Job job_for(const SdModel *m, Weight *w, const Weight *layer, bool streamed) {
    Job j = {.m = m, .layer = layer, .w = w, .from = checkpoint_find(m->checkpoint, layer->name)};
    DType stored = j.from.tensor->dtype;
    j.type = layer->kind == WEIGHT_VECTOR ? F32 : model_weight_type(layer, &j.from);
    j.deltas = overlay_find(m->overlay, layer->name);
    if (j.deltas.count && j.type == Q8_0) j.type = F16; /* small changes would be lost in blocks */
    bool prepares = !m->as_in_files && m->ops->prepared_bytes && (j.type != F32 || stored == F32 || m->gpu);
    j.bytes = prepares ? m->ops->prepared_bytes(layer, j.type) : 0;
    if (streamed && is_large(layer)) j.way = STREAMED;
    else if (j.bytes) j.way = PREPARED;
    else if (torch_order(&j.from, layer)) j.way = TRANSPOSED;
    else j.way = as_stored(&j) && aligned(&j) && !inputs_first(&j.from, layer) ? IN_PLACE : COPIED;
    if (!j.bytes) j.bytes = tensor_bytes(tensor_view(NULL, j.type, layer->t.nd, layer->t.n));
    j.narrow = m->gpu && layer->kind != WEIGHT_VECTOR && m->ops->type != F32 ? m->ops->type : j.type;
    return j;
}

/* Whether the numbers lose range on their way: F64 and products of scales on the CPU, wider ones on a GPU that computes
 * in 16 bits. A conversion sees to it itself. */
static bool narrows(const Job *j) {
    const FileTensor *t = j->from.tensor;
    if (j->m->as_in_files && (t->dtype == file_tensor_type(t) || t->dtype == F64)) return false;
    if (j->narrow == Q8_0) return false; /* with the file's own scales */
    bool unscaled = t->dtype == F16 || ((t->dtype == F8_E4M3 || t->dtype == F8_E5M2) && !t->scale);
    return t->dtype == F64 || (t->dtype != j->narrow && j->narrow != F32 && !unscaled);
}

static bool is_made(const Job *j) { return j->way == COPIED || j->way == TRANSPOSED || j->way == PREPARED; }

/* --- making rows of a weight: outputs, the first dimension --- */

typedef struct {
    int64_t first, count;
    int64_t each;      /* numbers in a row */
    FileTensor stored; /* where they lie in the file; else the whole tensor */
} Rows;

static Rows rows_of(const Job *j, int64_t first, int64_t count) {
    Rows r = {.first = first, .count = count, .stored = *j->from.tensor};
    r.each = tensor_count(j->layer->t) / j->layer->t.n[0];
    if (inputs_first(&j->from, j->layer) || r.stored.strides) return r; /* they lie all over the tensor */
    if (r.each % dtype_block(r.stored.dtype)) return r;                 /* they begin within blocks */
    r.stored.begin += dtype_bytes(r.stored.dtype, first * r.each);
    r.stored.end = r.stored.begin + dtype_bytes(r.stored.dtype, count * r.each);
    return r;
}

/* Rows that are columns of the file's tensor, gathered into `buffer` in this type. */
static const void *columns(const Job *j, const Rows *r, DType type, void *buffer) {
    enum { SOME = 64 };
    int64_t outputs = j->layer->t.n[0], n;
    size_t width = dtype_bytes(type, 1);
    char some[SOME * sizeof(double)];
    for (int64_t i = 0; i < r->each; i++)
        for (int64_t o = 0; o < r->count; o += n) {
            n = r->count - o < SOME ? r->count - o : SOME;
            file_tensor_read(j->from.file, j->from.tensor, i * outputs + r->first + o, n, type, some);
            for (int64_t k = 0; k < n; k++)
                memcpy((char *)buffer + (size_t)((o + k) * r->each + i) * width, some + (size_t)k * width, width);
        }
    return buffer;
}

/* --- networks on top of the file's numbers --- */

static int64_t taps_of(const Weight *w) { return w->kind == WEIGHT_CONV ? w->t.n[1] * w->t.n[2] : 1; }

/* Copies a row between [inputs][taps] and [taps][inputs]. */
static void turn_row(float *out, const float *in, int64_t rows, int64_t columns) {
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++) out[c * rows + r] = in[r * columns + c];
}

/* The file's own numbers in torch's order (OverlaySource). */
static void own_rows(const void *user, int64_t first, int64_t count, float *out) {
    const Job *j = user;
    Rows r = rows_of(j, first, count);
    int64_t taps = taps_of(j->layer), inputs = r.each / taps, n;
    if (inputs_first(&j->from, j->layer)) {
        columns(j, &r, F32, out);
        return;
    }
    if (!j->from.file->channels_last || taps == 1) {
        file_tensor_widen(j->from.file, j->from.tensor, first * r.each, count * r.each, out);
        return;
    }
    float some[256];
    for (int64_t k = 0; k < count * taps; k++) /* a row and a tap */
        for (int64_t i = 0; i < inputs; i += n) {
            n = inputs - i < 256 ? inputs - i : 256;
            file_tensor_read(j->from.file, j->from.tensor, first * r.each + k * inputs + i, n, F32, some);
            for (int64_t c = 0; c < n; c++) out[k / taps * r.each + (i + c) * taps + k % taps] = some[c];
        }
}

static OverlaySource own(const Job *j) {
    const FileTensor *t = j->from.tensor;
    int64_t outputs = j->layer->t.n[0];
    OverlaySource s = {j, own_rows, outputs, tensor_count(j->layer->t) / outputs, NULL, t->dtype};
    bool in_order = !inputs_first(&j->from, j->layer) && (!j->from.file->channels_last || taps_of(j->layer) == 1);
    bool plain = t->dtype == F32 || t->dtype == F16 || t->dtype == BF16;
    if (in_order && plain && file_tensor_is_plain(t)) s.stored = file_tensor_data(j->from.file, t);
    return s;
}

/* As `numbers`. scratch: a thread's */
static const void *changed(const Job *j, const Rows *r, void *buffer, void *scratch) {
    OverlaySource s = own(j);
    int64_t most = overlay_most_rows(&s), taps = taps_of(j->layer), n;
    bool turned = j->from.file->channels_last && taps > 1;
    char *to = buffer;
    for (int64_t at = 0; at < r->count; at += n) {
        n = r->count - at < most ? r->count - at : most;
        if (!turned) {
            overlay_rows_as(j->deltas, &s, r->first + at, n, j->type, to, scratch);
            to += dtype_bytes(j->type, n * r->each);
            continue;
        }
        float *rows = overlay_rows(j->deltas, &s, r->first + at, n, scratch), *row = rows + n * r->each;
        for (int64_t o = 0; o < n; o++, to += dtype_bytes(j->type, r->each)) {
            turn_row(row, rows + o * r->each, r->each / taps, taps);
            cpu_row_ops()->narrow(to, row, j->type, r->each);
        }
    }
    return buffer;
}

/* The numbers of these rows, in the file's order and the job's type: where they lie in the file, or made in `buffer`.
 * Every way of making a weight and every streamed one passes here, so that networks change weights here. */
static const void *numbers(const Job *j, const Rows *r, void *buffer, void *scratch) {
    if (j->deltas.count) return changed(j, r, buffer, scratch);
    if (inputs_first(&j->from, j->layer)) return columns(j, r, j->type, buffer);
    if (as_stored(j)) return file_tensor_data(j->from.file, &r->stored);
    file_tensor_read(j->from.file, j->from.tensor, r->first * r->each, r->count * r->each, j->type, buffer);
    return buffer;
}

static void copy_rows(const Job *j, const Rows *r, void *scratch) {
    char *to = (char *)j->to + dtype_bytes(j->type, r->first * r->each);
    const void *from = numbers(j, r, to, scratch);
    if (from != to) memcpy(to, from, dtype_bytes(j->type, r->count * r->each));
}

/* out[tap][i] = in[i][tap], `width` bytes a number */
static void transpose(char *out, const char *in, int64_t channels, int64_t taps, size_t width) {
    for (int64_t i = 0; i < channels; i++)
        for (int64_t t = 0; t < taps; t++)
            memcpy(out + (size_t)(t * channels + i) * width, in + (size_t)(i * taps + t) * width, width);
}

static void transpose_rows(const Job *j, const Rows *r, void *scratch) {
    const int64_t *n = j->layer->t.n;
    size_t width = dtype_bytes(j->type, 1), row = (size_t)r->each * width;
    char *to = (char *)j->to + (size_t)r->first * row;
    const char *from = numbers(j, r, to, scratch);
    for (int64_t o = 0; o < r->count; o++) {
        const char *in = from + (size_t)o * row;
        if (from == to) in = memcpy(scratch, in, row);
        transpose(to + (size_t)o * row, in, n[3], n[1] * n[2], width);
    }
}

enum { PIECE = 64 }; /* outputs that are made at once: whole blocks in every prepared layout */

static void prepare_some(const Job *j, const Rows *r, void *wide, void *scratch) {
    const Ops *ops = j->m->ops;
    Weight some = *j->layer, before = *j->layer;
    some.t.n[0] = r->count, before.t.n[0] = r->first;
    size_t at = r->first ? ops->prepared_bytes(&before, j->type) : 0;
    ops->prepare(&some, j->type, numbers(j, r, wide, scratch), torch_order(&j->from, j->layer), (char *)j->to + at);
    some.t.n[0] = j->layer->t.n[0];
    if (!r->first) *j->w = some;
}

/* Every row is prepared by itself; the first ones tell the weight what it is now. Numbers that are made before are made
 * a piece at a time. Out of memory, `prepared` stays NULL. */
static void prepare_rows(const Job *j, const Rows *r, void *scratch) {
    if (as_stored(j) && !inputs_first(&j->from, j->layer)) {
        prepare_some(j, r, NULL, scratch);
        return;
    }
    void *wide = malloc(dtype_bytes(j->type, (r->count < PIECE ? r->count : PIECE) * r->each));
    if (!wide) return;
    for (int64_t at = 0; at < r->count; at += PIECE) {
        int64_t n = r->count - at < PIECE ? r->count - at : PIECE;
        Rows piece = rows_of(j, r->first + at, n);
        prepare_some(j, &piece, wide, scratch);
    }
    free(wide);
}

/* Also drops the file's pages that it has read. scratch: a thread's */
static void make_rows(const Job *j, int64_t first, int64_t count, void *scratch) {
    Rows r = rows_of(j, first, count);
    if (j->way == COPIED) copy_rows(j, &r, scratch);
    if (j->way == TRANSPOSED) transpose_rows(j, &r, scratch);
    if (j->way == PREPARED) prepare_rows(j, &r, scratch);
    file_tensor_drop(j->from.file, &r.stored);
}

/* --- loading a part --- */

static void make_weight(void *arg, int64_t index, void *scratch) {
    Job *j = (Job *)arg + index;
    if (!is_large(j->layer) && is_made(j)) file_tensor_expect(j->from.file, j->from.tensor);
    if (narrows(j)) j->range = file_tensor_range(j->from.file, j->from.tensor, j->narrow);
    if (j->m->gpu) j->m->ops->memory->enter(j->m->gpu);
    OverlaySource s = own(j);
    j->no_memory = !overlay_begin(j->deltas, &s, scratch);
    if (is_made(j) && !j->no_memory) make_rows(j, 0, j->layer->t.n[0], scratch);
    if (j->way != STREAMED) overlay_end(j->deltas);
}

static bool no_memory(const SdModel *m, const Weight *w, Error *e) {
    return error_set(e, ERR_MEMORY, "%s: out of memory for what networks change of %s", m->checkpoint->path, w->name);
}

/* Points the weight at its numbers. */
static bool hand_over(const Job *j, Error *e) {
    const SdModel *m = j->m;
    Weight *w = j->w;
    if (j->range.beyond)
        return error_set(e, ERR_FORMAT, "%s: %s holds %.7g, more than %s can (%.5g); use another precision or copy",
                         m->checkpoint->path, w->name, j->range.first, dtype_name(j->narrow), dtype_largest(j->narrow));
    if (j->no_memory) return no_memory(m, w, e);
    if (j->way == STREAMED) return true;
    w->version++;
    if (j->way == PREPARED)
        return w->prepared || error_set(e, m->gpu ? ERR_DEVICE : ERR_MEMORY, "%s: %s", m->checkpoint->path,
                                        m->gpu ? "its weights did not reach the GPU" : "out of memory");
    const void *bytes = j->way == IN_PLACE ? file_tensor_data(j->from.file, j->from.tensor) : j->to;
    w->t = tensor_view((void *)(uintptr_t)bytes, j->type, w->t.nd, w->t.n);
    return true;
}

static size_t padded(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

/* All; some where memory is taken before it is touched. */
static int64_t jobs_at_once(const WeightList *l) {
    enum { SOME = 16 };
    return os_lazy_memory() || l->count < SOME ? l->count : SOME;
}

static bool load(SdModel *m, Part part, bool streamed, Error *e) {
    if (e && e->code) return false;
    if (m->loaded[part] && m->streamed[part] != streamed) model_release(m, part);
    if (m->loaded[part]) return true;
    if (!model_has(m, part, e)) return false;
    const WeightList *l = &m->lists[part];
    int64_t most = jobs_at_once(l);
    Job *jobs = calloc((size_t)most, sizeof *jobs);
    if (!jobs) return error_set(e, ERR_MEMORY, "%s: out of memory", m->checkpoint->path);
    size_t bytes = 0;
    for (int64_t i = 0; i < l->count; i++) {
        Job j = job_for(m, l->w[i], l->w[i], streamed);
        if (is_made(&j)) bytes += padded(j.bytes);
    }
    char *to = bytes ? m->memory[part] = weights_memory(m, bytes, e) : NULL;
    bool ok = m->loaded[part] = to || !bytes;
    m->streamed[part] = streamed;
    for (int64_t at = 0, n; ok && at < l->count; at += n) {
        n = l->count - at < most ? l->count - at : most;
        for (int64_t i = 0; i < n; i++) {
            jobs[i] = job_for(m, l->w[at + i], l->w[at + i], streamed);
            if (is_made(&jobs[i])) jobs[i].to = to, to += padded(jobs[i].bytes);
        }
        pool_run(m->pool, n, make_weight, jobs);
        /* once more, because the system maps pages around each one that is read */
        for (int64_t i = 0; i < n; i++) file_tensor_drop(jobs[i].from.file, jobs[i].from.tensor);
        for (int64_t i = 0; i < n; i++) ok = hand_over(&jobs[i], e) && ok;
    }
    free(jobs);
    if (!ok) model_release(m, part);
    return ok;
}

/* The memory of a weight that was made; NULL: it lies in the file. */
static void *place_of(const Job *j) {
    return !is_made(j) ? NULL : j->way == PREPARED ? (void *)(uintptr_t)j->layer->prepared : j->layer->t.data;
}

bool model_remake(SdModel *m, Part part, const bool *changed, Overlay *now) {
    const WeightList *l = &m->lists[part];
    Overlay *before = m->overlay;
    Job *jobs = m->streamed[part] ? NULL : calloc((size_t)l->count, sizeof *jobs);
    int64_t count = 0;
    bool ok = jobs != NULL;
    for (int64_t i = 0; ok && i < l->count; i++) {
        if (!changed[i]) continue;
        Job old = job_for(m, l->w[i], l->w[i], false);
        m->overlay = now;
        jobs[count] = job_for(m, l->w[i], l->w[i], false);
        m->overlay = before;
        jobs[count].to = place_of(&old);
        ok = jobs[count].to && is_made(&jobs[count]) && jobs[count].bytes == old.bytes;
        count++;
    }
    if (ok) pool_run(m->pool, count, make_weight, jobs);
    for (int64_t i = 0; ok && i < count; i++) ok = hand_over(&jobs[i], NULL);
    free(jobs);
    return ok;
}

bool model_load(SdModel *m, Part part, Error *e) { return load(m, part, false, e); }
bool model_load_streamed(SdModel *m, Part part, Error *e) { return load(m, part, true, e); }

void model_release(SdModel *m, Part part) {
    if (!m->loaded[part]) return;
    const WeightList *l = &m->lists[part];
    read_ahead_forget(m->ahead);
    for (int64_t i = 0; i < l->count; i++) {
        Found f = checkpoint_find(m->checkpoint, l->w[i]->name);
        file_tensor_drop(f.file, f.tensor);
        l->w[i]->t.data = NULL;
        l->w[i]->prepared = NULL;
    }
    weights_memory_free(m, m->memory[part]);
    m->memory[part] = NULL;
    m->loaded[part] = false;
}

size_t model_loading_bytes(const SdModel *m, Part part) { return (size_t)jobs_at_once(&m->lists[part]) * sizeof(Job); }

size_t model_part_bytes(const SdModel *m, Part part, bool streamed) {
    const WeightList *l = &m->lists[part];
    size_t total = 0;
    for (int64_t i = 0; i < l->count; i++) {
        Weight *w = l->w[i];
        if (!checkpoint_find(m->checkpoint, w->name).tensor) continue;
        Job j = job_for(m, w, w, streamed);
        bool a_few_rows = streamed && w->kind == WEIGHT_TABLE && j.way == IN_PLACE;
        bool counted = j.way == IN_PLACE && !j.from.file->backed; /* with the file, which is in memory */
        if (j.way != STREAMED && !a_few_rows && !counted) total += padded(j.bytes);
    }
    return total;
}

/* --- for merging --- */

bool model_changes(const SdModel *m, Weight *w, bool *any, void *scratch, Error *e) {
    *any = overlay_find(m->overlay, w->name).count > 0;
    if (!*any) return true;
    Job j = job_for(m, w, w, false);
    OverlaySource s = own(&j);
    return overlay_begin(j.deltas, &s, scratch) || no_memory(m, w, e);
}

int64_t model_most_rows(const Weight *w) {
    OverlaySource s = {.columns = tensor_count(w->t) / w->t.n[0]};
    return overlay_most_rows(&s);
}

const float *model_changed_rows(const SdModel *m, Weight *w, int64_t first, int64_t rows, void *scratch) {
    Job j = job_for(m, w, w, false);
    OverlaySource s = own(&j);
    return overlay_rows(j.deltas, &s, first, rows, scratch);
}

/* --- streaming --- */

static void make_piece(void *arg, int64_t index, void *scratch) {
    const Job *j = arg;
    int64_t outputs = j->layer->t.n[0], first = index * PIECE;
    make_rows(j, first, outputs - first < PIECE ? outputs - first : PIECE, scratch);
}

static size_t source_bytes(const void *user, const Weight *w) {
    if (!is_large(w)) return 0;
    Job j = job_for(user, NULL, w, false);
    read_ahead_tell(j.m->ahead, j.from.file, j.from.tensor);
    return j.bytes;
}

static void source_fetch(const void *user, Weight *copy, const Weight *w, void *to) {
    const SdModel *m = user;
    Job j = job_for(m, copy, w, false);
    if (j.way == IN_PLACE) j.way = COPIED; /* its pages are dropped before the op reads it */
    j.to = to;
    read_ahead_take(m->ahead, j.from.file, j.from.tensor);
    file_tensor_expect(j.from.file, j.from.tensor);
    pool_run(m->pool, (w->t.n[0] + PIECE - 1) / PIECE, make_piece, &j);
    file_tensor_drop_around(j.from.file, j.from.tensor);
    read_ahead_taken(m->ahead);
    if (j.way != PREPARED) copy->t = tensor_view(to, j.type, w->t.nd, w->t.n);
}

WeightSource model_source(const SdModel *m) {
    return (WeightSource){.bytes = source_bytes, .fetch = source_fetch, .user = m};
}
