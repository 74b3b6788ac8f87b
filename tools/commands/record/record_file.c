/* record_file.c: a record's file, checked against its format before anything is believed. */
#include "record.h"
#include "sd/info/infotext_read.h"
#include "weights/files/file_open.h"
#include "weights/files/files_below.h"

#include <stdlib.h>
#include <string.h>

enum { DIGITS = 64 }; /* of a SHA-256 in hex */

static bool bad(const Record *r, Error *e, const char *what, const char *name) {
    return error_set(e, ERR_FORMAT, "%s: %s%s%.100s; make the record again", file_shown(r->file->path), what,
                     *name ? ": " : "", name);
}

static bool is_digest(const char *s) { return strspn(s, "0123456789abcdef") == DIGITS && !s[DIGITS]; }

static int digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

/* --- an activation: "2x320x64x64 123.4 SHA-256" --- */

/* Takes the number at *p, which ends before `end`. */
static bool take_size(const char **p, char end, int64_t *out) {
    int64_t v = 0;
    const char *s = *p;
    if (*s < '1' || *s > '9') return false;
    for (; *s >= '0' && *s <= '9'; s++) {
        if (v > (INT64_MAX - 9) / 10) return false;
        v = 10 * v + (*s - '0');
    }
    *out = v, *p = s;
    return *s == 'x' || *s == end;
}

static bool take_shape(RecordTap *t, const char **p) {
    do {
        if (t->nd == MAX_DIMS || !take_size(p, ' ', &t->n[t->nd++])) return false;
    } while (*(*p)++ == 'x');
    return dtype_count(F32, t->nd, t->n, &t->count);
}

static bool take_line(RecordTap *t, const char *line) {
    char number[64];
    if (!take_shape(t, &line)) return false;
    size_t n = strcspn(line, " ");
    if (n >= sizeof number || !line[n]) return false;
    memcpy(number, line, n);
    number[n] = 0;
    line += n + 1;
    if (!infotext_double(number, &t->norm) || t->norm < 0 || !is_digest(line)) return false;
    for (int i = 0; i < 32; i++) t->digest[i] = (unsigned char)(digit(line[2 * i]) << 4 | digit(line[2 * i + 1]));
    return true;
}

/* The tensor and the line of an activation must fit. */
static bool take_values(RecordTap *t, const FileTensor *values) {
    t->values = values;
    int64_t kept = file_tensor_count(values);
    t->kept = (int)kept;
    return values->dtype == F32 && values->nd == 1 && kept >= 1 && kept <= RECORD_MOST_VALUES && kept <= t->count;
}

/* What is said of the run as a whole. */
static bool is_of_run(const char *key) {
    static const char *const KEYS[] = {
        "format",       "generator",   "sdc.record",         "sdc.settings",   "sdc.precision",
        "sdc.exact",    "sdc.model",   "sdc.model_sha256",   "sdc.image",      "sdc.noise_sha256",
        "sdc.pictures", "sdc.refiner", "sdc.refiner_sha256", "sdc.ti_hashes",  "sdc.lora_hashes",
        "sdc.files",    "sdc.mask",    "sdc.controls",       "sdc.prediction", "sdc.ema"};
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++)
        if (!strcmp(key, KEYS[i])) return true;
    return false;
}

static bool read_taps(Record *r, Error *e) {
    WeightFile *f = r->file;
    r->taps = calloc(f->count ? f->count : 1, sizeof *r->taps);
    if (!r->taps) return error_set(e, ERR_MEMORY, "%s: out of memory", f->path);
    r->weights = weight_file_find(f, "sdc.weights");
    if (r->weights && (!file_tensor_is_plain(r->weights) || r->weights->dtype != U8 || r->weights->nd != 2 ||
                       r->weights->n[1] != RECORD_WEIGHT || r->weights != &f->tensors[f->count - 1]))
        return bad(r, e, "is not a last tensor U8 [N,8]", "sdc.weights");
    if (f->count == (r->weights != NULL)) return bad(r, e, "holds no activation", "");
    r->count = f->count - (r->weights != NULL);
    for (size_t i = 0; i < f->meta_count; i++) {
        const char *key = f->meta[i].key;
        if (is_of_run(key)) continue;
        if (!strncmp(key, "sdc.", 4)) return bad(r, e, "a key that this version does not know", key);
        const FileTensor *t = weight_file_find(f, key);
        RecordTap *tap = t ? &r->taps[t - f->tensors] : NULL;
        if (!tap || tap->name) return bad(r, e, "a line without values", key);
        tap->name = t->name;
        if (!take_line(tap, f->meta[i].value)) return bad(r, e, "its line is not SHAPE NORM SHA-256", key);
        if (!take_values(tap, t)) return bad(r, e, "its values do not fit its shape", key);
    }
    for (size_t i = 0; i < r->count; i++)
        if (!r->taps[i].name) return bad(r, e, "values without a line", f->tensors[i].name);
    return true;
}

/* --- what was run --- */

static const char *text_of(const Record *r, const char *key) {
    const char *s = weight_file_meta(r->file, key);
    return s ? s : "";
}

/* "" or a SHA-256 */
static bool take_digest(const Record *r, const char *key, const char **out, Error *e) {
    *out = text_of(r, key);
    return !**out || is_digest(*out) || bad(r, e, "is not a SHA-256", key);
}

/* Pictures are known by their sizes until they are there. */
static bool take_inputs(Record *r, Error *e) {
    static const uint8_t SOME = 0;
    Error why = {0};
    const char *image = text_of(r, "sdc.image"), *mask = text_of(r, "sdc.mask");
    if (!record_picture_read(&image, &r->image) || *image) return bad(r, e, "is not WIDTHxHEIGHT SHA-256", "sdc.image");
    if (!record_picture_read(&mask, &r->mask) || *mask) return bad(r, e, "is not WIDTHxHEIGHT SHA-256", "sdc.mask");
    if (*r->image.hash)
        r->request.image = &SOME, r->request.image_width = r->image.width, r->request.image_height = r->image.height;
    if (*r->mask.hash)
        r->request.mask = &SOME, r->request.mask_width = r->mask.width, r->request.mask_height = r->mask.height;
    return record_controls_read(r, text_of(r, "sdc.controls"), &why) ||
           error_set(e, why.code == ERR_MEMORY ? ERR_MEMORY : ERR_FORMAT, "%s: sdc.controls: %s",
                     file_shown(r->file->path), why.text);
}

static bool take_files(Record *r, Error *e) {
    const char *text = text_of(r, "sdc.files");
    r->file_text = text_copy(text, strlen(text));
    if (!r->file_text) return error_set(e, ERR_MEMORY, "%s: out of memory", r->file->path);
    return record_files_read(r->file_text, &r->files, &r->file_count, e) ||
           bad(r, e, "is not lines of SHA-256 BYTES ROLE NAME, one for a role that is no list's", "sdc.files");
}

/* What the model was told. */
static bool take_told(Record *r, Error *e) {
    const char *prediction = text_of(r, "sdc.prediction"), *ema = text_of(r, "sdc.ema");
    int word = *prediction ? words_find(PREDICTION_WORDS, prediction) : -1;
    if (*prediction && word < 0) return bad(r, e, "names no prediction", "sdc.prediction");
    if (*ema && strcmp(ema, "yes")) return bad(r, e, "is not yes", "sdc.ema");
    r->prediction = (SdPrediction)(word + 1);
    r->ema = *ema != 0;
    return true;
}

static bool take_pictures(Record *r, Error *e) {
    const char *s = text_of(r, "sdc.pictures");
    size_t n = strlen(s), count = (size_t)request_pictures(&r->request);
    if (n != count * (DIGITS + 1) - 1) return bad(r, e, "is not a SHA-256 for each picture", "sdc.pictures");
    r->digests = malloc(n + 1);
    r->pictures = malloc(count * sizeof *r->pictures);
    if (!r->digests || !r->pictures) return error_set(e, ERR_MEMORY, "%s: out of memory", r->file->path);
    memcpy(r->digests, s, n + 1);
    for (size_t i = 0; i < count; i++) {
        char *p = r->digests + i * (DIGITS + 1);
        if (p[DIGITS] == ' ') p[DIGITS] = 0;
        if (!is_digest(p)) return bad(r, e, "is not a SHA-256 for each picture", "sdc.pictures");
        r->pictures[i] = p;
    }
    return true;
}

static bool take_settings(Record *r, Error *e) {
    Error why = {0};
    const char *text = text_of(r, "sdc.settings");
    bool ok = (r->settings = json_parse("sdc.settings", text, strlen(text), &why)) &&
              params_from_json(r->settings, r->settings->nodes, &r->request, &why);
    SdRequest checked = r->request;
    if (request_enlarges_by_file(&checked)) *request_enlarger(&checked) = NULL; /* which is not open yet */
    if (!ok || !params_check(&checked, &why))
        return error_set(e, why.code == ERR_MEMORY ? ERR_MEMORY : ERR_FORMAT, "%s: its settings: %s",
                         file_shown(r->file->path), why.text);
    if (r->request.seed < 0 || (r->request.variation_strength != 0 && r->request.variation_seed < 0))
        return bad(r, e, "a random seed", "sdc.settings");
    return true;
}

static bool read_run(Record *r, Error *e) {
    const char *version = weight_file_meta(r->file, "sdc.record"), *promise = text_of(r, "sdc.exact");
    if (!version)
        return error_set(e, ERR_FORMAT, "%s: is not a record; name a file that sdc record wrote",
                         file_shown(r->file->path));
    if (strcmp(version, "1"))
        return error_set(e, ERR_FORMAT, "%s: a record of format %.20s, this version reads 1; use a later sdc",
                         file_shown(r->file->path), version);
    int precision = words_find(PRECISION_WORDS, text_of(r, "sdc.precision"));
    if (precision < 0) return bad(r, e, "names no precision", "sdc.precision");
    if (strcmp(promise, "yes") && strcmp(promise, "no")) return bad(r, e, "is not yes or no", "sdc.exact");
    r->precision = (SdPrecision)precision;
    r->exact = *promise == 'y';
    r->embeddings = text_of(r, "sdc.ti_hashes");
    r->networks = text_of(r, "sdc.lora_hashes");
    r->model = text_of(r, "sdc.model");
    r->refiner = text_of(r, "sdc.refiner");
    return take_digest(r, "sdc.refiner_sha256", &r->refiner_hash, e) &&
           take_digest(r, "sdc.model_sha256", &r->hash, e) && take_digest(r, "sdc.noise_sha256", &r->noise, e) &&
           take_told(r, e) && take_files(r, e) && take_inputs(r, e) && take_settings(r, e) && take_pictures(r, e);
}

static Record *open_file(WeightFile *f, Error *e) {
    Record *r = f ? calloc(1, sizeof *r) : NULL;
    if (!r) {
        if (f) error_set(e, ERR_MEMORY, "%s: out of memory", f->path);
        weight_file_close(f);
        return NULL;
    }
    r->file = f;
    r->request = sd_request(NULL);
    if (read_run(r, e) && read_taps(r, e)) return r;
    record_close(r);
    return NULL;
}

Record *record_open(const char *path, Error *e) { return open_file(weight_file_open(path, e), e); }

Record *record_open_memory(const char *path, const void *bytes, size_t size, Error *e) {
    return open_file(weight_file_open_memory(path, bytes, size, e), e);
}

void record_close(Record *r) {
    if (!r) return;
    free(r->taps);
    free(r->pictures);
    free(r->digests);
    free(r->files);
    free(r->file_text);
    json_free(r->settings);
    weight_file_close(r->file);
    free(r);
}
