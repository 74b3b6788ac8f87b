/* record_check.c: a run, or a file of activations, held to a record. */
#include "tap_measure.h"

#include "sd/load/model_hash.h"
#include "sd/pipeline/picture_text.h"
#include "weights/files/glob.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const Record *record;
    const SdRequest *asked;
    RecordVerdict *out;
    TapMeasure measure;
} Check;

/* Over 20 steps of Euler a on the micro model the activation that is farthest from f32's differs by 3.7e-6 on other
 * instruction sets, 1.6e-2 in mixed, 4.1e-3 in f16, 3.4e-2 in bf16: twice that, and 1e-4 as README has for f32. */
double record_bound(SdPrecision precision) {
    static const double BOUNDS[] = {
        [SD_F32] = 1e-4, [SD_F32_DIRECT] = 1e-4, [SD_MIXED] = 3e-2, [SD_F16] = 1e-2, [SD_BF16] = 7e-2};
    return BOUNDS[precision];
}

static bool begin(RecordVerdict *out, const Record *record, const RecordHow *how, Error *e) {
    *out = (RecordVerdict){.bound = how->bound < 0 ? record_bound(record->precision) : how->bound};
    out->rows = calloc(record->count, sizeof *out->rows);
    if (!out->rows) return error_set(e, ERR_MEMORY, "%s: out of memory", record->file->path);
    for (size_t i = 0; i < record->count; i++)
        out->rows[i].state = !how->tap || glob_match(how->tap, record->taps[i].name) ? ROW_ABSENT : ROW_LEFT_OUT;
    return true;
}

static bool end(RecordVerdict *out, const Record *record, const RecordHow *how, Error *e) {
    for (size_t i = 0; i < record->count; i++) out->counts[out->rows[i].state]++;
    return out->counts[ROW_LEFT_OUT] < record->count ||
           error_set(e, ERR_ARGUMENT, "--tap: no activation of the record has a name like '%.100s'", how->tap);
}

void record_verdict_free(RecordVerdict *v) {
    free(v->rows);
    v->rows = NULL;
}

bool record_holds(const RecordVerdict *v) {
    return v->counts[ROW_EQUAL] + v->counts[ROW_WITHIN] > 0 && !v->counts[ROW_APART] && !v->counts[ROW_ABSENT] &&
           !(v->exact && v->changed);
}

size_t record_first(const RecordVerdict *v, size_t count) {
    size_t i = 0;
    while (i < count && v->rows[i].state != ROW_APART && v->rows[i].state != ROW_ABSENT) i++;
    return i;
}

/* --- one activation --- */

static void refuse(RecordRow *row, const char *why) {
    row->state = ROW_APART;
    row->is = (Difference){.relative = INFINITY, .max = INFINITY, .why = why};
    row->norm = INFINITY;
}

static bool same_shape(const RecordTap *t, int nd, const int64_t *n) {
    return t->nd == nd && !memcmp(t->n, n, (size_t)nd * sizeof *n);
}

/* The measured activation against the record's. */
static void judge(Check *k, RecordRow *row, const RecordTap *t) {
    TapMeasure *m = &k->measure;
    unsigned char digest[32];
    DiffSums sums = {0};
    double norm = tap_measure_end(m, digest);
    *row = (RecordRow){.state = ROW_EQUAL, .is.cosine = 1};
    if (!memcmp(digest, t->digest, sizeof digest)) return;
    for (int i = 0; i < t->kept; i++) {
        double ours = m->values[i], theirs;
        file_tensor_f64(k->record->file, t->values, i, 1, &theirs);
        diff_add(&sums, &ours, &theirs, 1);
    }
    if (sums.why || !isfinite(norm)) {
        refuse(row, "not finite");
        return;
    }
    row->is = diff_result(&sums, t->norm / sqrt((double)t->count));
    row->norm = t->norm > 0 ? fabs(norm / t->norm - 1) : norm > 0 ? INFINITY : 0;
    bool near = row->is.relative <= k->out->bound && row->norm <= k->out->bound;
    row->state = near && !k->out->exact ? ROW_WITHIN : ROW_APART;
}

/* --- a run --- */

static bool hear(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    Check *k = user;
    const FileTensor *found = weight_file_find(k->record->file, name);
    if (!found) return k->out->extra++, true;
    size_t i = (size_t)(found - k->record->file->tensors);
    const RecordTap *t = &k->record->taps[i];
    RecordRow *row = &k->out->rows[i];
    if (row->state == ROW_LEFT_OUT) return true;
    if (!same_shape(t, nd, n)) return refuse(row, "shapes differ"), true;
    tap_measure_begin(&k->measure, t->name, t->count, t->kept);
    tap_measure_add(&k->measure, values, t->count);
    return judge(k, row, t), true;
}

static bool progress(void *user, const SdProgress *p) {
    const SdRequest *r = ((Check *)user)->asked;
    return !r->progress || r->progress(r->user, p);
}

static int changed_pictures(const Record *record, const SdResult *result) {
    int changed = 0;
    for (int i = 0; i < result->count; i++) {
        const SdPicture *p = &result->pictures[i];
        char hex[65];
        sha256_memory(p->rgb, (size_t)p->width * (size_t)p->height * 3, hex);
        changed += strcmp(hex, record->pictures[i]) != 0;
    }
    return changed;
}

bool record_check(const Record *record, SdModel *m, const SdRequest *r, const RecordHow *how, RecordVerdict *out,
                  Error *e) {
    SdResult result = {0};
    if (!begin(out, record, how, e) || !record_inputs_fit(record, r, e)) return false;
    Check *k = calloc(1, sizeof *k);
    if (!k) return error_set(e, ERR_MEMORY, "%s: out of memory", record->file->path);
    SdRequest run = *r;
    const char *precision = picture_precision(m);
    *k = (Check){.record = record, .asked = r, .out = out};
    out->exact = how->bound < 0 && record->exact && record_promises(m) &&
                 words_find(PRECISION_WORDS, precision ? precision : "f32") == (int)record->precision;
    if (how->tap) run.tap = how->tap;
    run.activation = hear, run.progress = progress, run.user = k;
    bool ok = (run.image ? sd_img2img : sd_txt2img)(m, &run, &result, e);
    if (ok) out->pictures = result.count, out->changed = changed_pictures(record, &result);
    ok = ok && end(out, record, how, e);
    sd_free(&result);
    free(k);
    return ok;
}

/* --- a file --- */

static bool measure_file(TapMeasure *m, const WeightFile *f, const FileTensor *t) {
    enum { PIECE = 1024 };
    double wide[PIECE];
    float values[PIECE];
    int64_t count = file_tensor_count(t);
    for (int64_t first = 0; first < count; first += PIECE) {
        int64_t n = count - first < PIECE ? count - first : PIECE;
        if (!file_tensor_f64(f, t, first, n, wide)) return false;
        for (int64_t i = 0; i < n; i++) values[i] = (float)wide[i];
        tap_measure_add(m, values, n);
    }
    return true;
}

static bool check_tensor(Check *k, const WeightFile *taps, DiffNames *names, size_t i, Error *e) {
    const RecordTap *t = &k->record->taps[i];
    RecordRow *row = &k->out->rows[i];
    char other[DIFF_NAME];
    bool ruled = false;
    if (names && !diff_names_find(names, t->name, other, &ruled, e)) return false;
    const FileTensor *found = weight_file_find(taps, ruled ? other : t->name);
    if (!found) return true;
    k->out->extra--;
    if (!same_shape(t, found->nd, found->n)) return refuse(row, "shapes differ"), true;
    tap_measure_begin(&k->measure, t->name, t->count, t->kept);
    if (measure_file(&k->measure, taps, found)) judge(k, row, t);
    else refuse(row, "a type that cannot be compared");
    file_tensor_drop(taps, found);
    return true;
}

bool record_check_taps(const Record *record, const WeightFile *taps, const RecordHow *how, RecordVerdict *out,
                       Error *e) {
    Check *k = calloc(1, sizeof *k);
    bool ok = begin(out, record, how, e) && (k || error_set(e, ERR_MEMORY, "%s: out of memory", record->file->path));
    if (ok) *k = (Check){.record = record, .out = out};
    out->extra = taps->count;
    for (size_t i = 0; ok && i < record->count; i++)
        if (out->rows[i].state != ROW_LEFT_OUT) ok = check_tensor(k, taps, how->names, i, e);
    if (how->tap || how->names) out->extra = 0; /* nobody asked for the others */
    ok = ok && end(out, record, how, e);
    if (ok && out->counts[ROW_ABSENT] + out->counts[ROW_LEFT_OUT] == record->count)
        ok = error_set(e, ERR_FORMAT, "%s: has no activation of the record; use --names or check the file", taps->path);
    free(k);
    return ok;
}
