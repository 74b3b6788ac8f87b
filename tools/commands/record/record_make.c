/* record_make.c: a run becomes a record. */
#include "said.h"
#include "tap_measure.h"

#include "sd/info/info_writer.h"
#include "sd/load/model_hash.h"
#include "sd/pipeline/picture_text.h"
#include "weights/formats/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = MAX_DIMS * 21 + INFO_NUMBER + 65, FIELDS = 28 };

typedef struct {
    char name[160], line[LINE];
    int kept;
} Kept;

typedef struct {
    const SdRequest *asked;
    int most; /* values of an activation */
    TapMeasure measure;
    Kept *taps;
    float *values;
    size_t count, capacity, value_count, value_capacity;
    Error error;
} Maker;

bool record_promises(const SdModel *m) {
    const char *precision = picture_precision(m);
    return !m->gpu && m->ops->rows_independent && (!precision || strcmp(precision, "mixed"));
}

/* --- what the run says --- */

static bool reserve(Maker *k) {
    if (k->count == k->capacity) {
        size_t capacity = 2 * k->capacity + 64;
        Kept *taps = realloc(k->taps, capacity * sizeof *taps);
        if (!taps) return false;
        k->taps = taps, k->capacity = capacity;
    }
    size_t needed = k->value_count + (size_t)k->most;
    if (needed > k->value_capacity) {
        float *values = realloc(k->values, 2 * needed * sizeof *values);
        if (!values) return false;
        k->values = values, k->value_capacity = 2 * needed;
    }
    return true;
}

static bool keep(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    Maker *k = user;
    int64_t count = 1;
    unsigned char digest[32];
    char hex[65], norm_text[INFO_NUMBER];
    if (!reserve(k)) return error_set(&k->error, ERR_MEMORY, "out of memory for a record; record fewer with --tap");
    Kept *t = &k->taps[k->count];
    int at = 0;
    snprintf(t->name, sizeof t->name, "%s", name);
    for (int i = 0; i < nd; i++) {
        count *= n[i];
        at += snprintf(t->line + at, sizeof t->line - (size_t)at, "%s%lld", i ? "x" : "", (long long)n[i]);
    }
    tap_measure_begin(&k->measure, name, count, k->most);
    tap_measure_add(&k->measure, values, count);
    double norm = tap_measure_end(&k->measure, digest);
    if (!isfinite(norm))
        return error_set(&k->error, ERR_NUMERIC, "%s: is not finite; the model or its file is damaged", name);
    info_number(norm, norm_text);
    sha256_hex(digest, hex);
    snprintf(t->line + at, sizeof t->line - (size_t)at, " %s %s", norm_text, hex);
    t->kept = k->measure.kept;
    memcpy(k->values + k->value_count, k->measure.values, (size_t)t->kept * sizeof *k->values);
    k->value_count += (size_t)t->kept;
    k->count++;
    return true;
}

static bool progress(void *user, const SdProgress *p) {
    const SdRequest *r = ((Maker *)user)->asked;
    return !r->progress || r->progress(r->user, p);
}

/* --- the file --- */

static bool write_file(const Maker *k, const RecordWeights *weights, const FileMeta *fields, size_t field_count,
                       const char *path, Error *e) {
    FileTensor *list = calloc(k->count + 1, sizeof *list);
    FileMeta *meta = calloc(k->count + field_count, sizeof *meta);
    StWriter *w = NULL;
    bool ok = (list && meta) || error_set(e, ERR_MEMORY, "%s: out of memory", path);
    if (ok) memcpy(meta, fields, field_count * sizeof *meta);
    for (size_t i = 0; ok && i < k->count; i++) {
        list[i] = (FileTensor){.name = k->taps[i].name, .dtype = F32, .nd = 1, .n = {k->taps[i].kept}};
        meta[field_count + i] = (FileMeta){k->taps[i].name, k->taps[i].line};
    }
    if (ok)
        list[k->count] =
            (FileTensor){.name = "sdc.weights", .dtype = U8, .nd = 2, .n = {(int64_t)weights->count, RECORD_WEIGHT}};
    ok = ok && (w = st_write_begin(path, list, k->count + 1, meta, field_count + k->count, e)) != NULL;
    if (ok && !(st_write_data(w, k->values, k->value_count * sizeof *k->values, e) &&
                st_write_data(w, weights->digests, weights->count * RECORD_WEIGHT, e)))
        st_write_abort(w), ok = false;
    ok = ok && st_write_end(w, e);
    free(list);
    free(meta);
    return ok;
}

/* The digests of all pictures, a space between them. */
static char *picture_digests(const SdResult *result) {
    char *text = malloc((size_t)result->count * 65 + 1);
    for (int i = 0; text && i < result->count; i++) {
        const SdPicture *p = &result->pictures[i];
        sha256_memory(p->rgb, (size_t)p->width * (size_t)p->height * 3, text + (size_t)i * 65);
        text[(size_t)i * 65 + 64] = i + 1 < result->count ? ' ' : 0;
    }
    return text;
}

static bool write_record(SdModel *m, const SdRequest *r, const Maker *k, const SdResult *result,
                         const PictureArguments *a, Error *e) {
    char name[256], refiner[256], noise[65] = "", image[RECORD_PICTURE], mask[RECORD_PICTURE], prediction[8];
    const char *path = a->out, *parameters = result->pictures[0].parameters;
    FileMeta fields[FIELDS] = {{"format", "pt"}, {"generator", "sd.c"}, {"sdc.record", "1"}};
    size_t n = 3;
    model_name(m, name, sizeof name);
    const char *hash = model_hash(m, e), *precision = picture_precision(m);
    if ((e && e->code) || (r->noise && !cached_sha256(r->noise, noise, e))) return false;
    record_picture_text(r->image, r->image_width, r->image_height, 3, image);
    record_picture_text(r->mask, r->mask_width, r->mask_height, 1, mask);
    char *settings = params_json(r, e), *pictures = picture_digests(result), *embeddings = NULL, *networks = NULL,
         *files = record_files_text(a, m, r, parameters, e), *controls = NULL;
    RecordWeights weights = {0};
    fields[n++] = (FileMeta){"sdc.settings", settings};
    fields[n++] = (FileMeta){"sdc.precision", precision ? precision : "f32"};
    fields[n++] = (FileMeta){"sdc.exact", record_promises(m) ? "yes" : "no"};
    fields[n++] = (FileMeta){"sdc.model", name};
    if (hash) fields[n++] = (FileMeta){"sdc.model_sha256", hash};
    if (r->refiner) {
        const char *whole = model_hash(r->refiner, e);
        model_name(r->refiner, refiner, sizeof refiner);
        fields[n++] = (FileMeta){"sdc.refiner", refiner};
        if (whole) fields[n++] = (FileMeta){"sdc.refiner_sha256", whole};
    }
    if (*noise) fields[n++] = (FileMeta){"sdc.noise_sha256", noise};
    if (*image) fields[n++] = (FileMeta){"sdc.image", image};
    if (*mask) fields[n++] = (FileMeta){"sdc.mask", mask};
    if (files && *files) fields[n++] = (FileMeta){"sdc.files", files};
    words_get(PREDICTION_WORDS, (int)m->config.prediction, prediction, sizeof prediction);
    if (m->told_prediction) fields[n++] = (FileMeta){"sdc.prediction", prediction};
    if (m->checkpoint->ema) fields[n++] = (FileMeta){"sdc.ema", "yes"};
    fields[n++] = (FileMeta){"sdc.pictures", pictures};
    bool ok = said_value(parameters, "TI hashes", &embeddings, e) &&
              said_value(parameters, "Lora hashes", &networks, e) && record_controls_text(r, &controls, e);
    if (controls) fields[n++] = (FileMeta){"sdc.controls", controls};
    if (embeddings) fields[n++] = (FileMeta){"sdc.ti_hashes", embeddings};
    if (networks) fields[n++] = (FileMeta){"sdc.lora_hashes", networks};
    ok = ok && settings && files && (pictures || error_set(e, ERR_MEMORY, "%s: out of memory", path)) &&
         record_weights(m, &weights, e) && write_file(k, &weights, fields, n, path, e);
    record_weights_free(&weights);
    free(settings);
    free(pictures);
    free(embeddings);
    free(networks);
    free(files);
    free(controls);
    return ok;
}

bool record_make(SdModel *m, const SdRequest *r, const PictureArguments *a, Error *e) {
    Error own = {0};
    if (!e) e = &own;
    Maker *k = calloc(1, sizeof *k);
    if (!k) return error_set(e, ERR_MEMORY, "%s: out of memory", a->out);
    SdRequest run = *r;
    SdResult result = {0};
    k->asked = r, k->most = a->values;
    run.activation = keep, run.progress = progress, run.user = k;
    bool ok = (r->image ? sd_img2img : sd_txt2img)(m, &run, &result, e);
    if (k->error.code) *e = k->error; /* which stopped the run */
    ok = ok && write_record(m, r, k, &result, a, e);
    sd_free(&result);
    free(k->taps);
    free(k->values);
    free(k);
    return ok;
}
