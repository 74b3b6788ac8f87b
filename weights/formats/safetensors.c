/* In sd/guide/plain.c: open_model(). */
/* safetensors.c: reading a header by the rules of the format.
 *
 * The JSON event reader goes through the header twice, without a tree: once to check the grammar and count, once to
 * fill exactly as many entries as were counted. So memory is bounded by what the header holds, and nothing in it is
 * believed before it has been compared with the size of the file. */
#include "safetensors.h"
#include "file_meta.h"
#include "formats.h"
#include "weights/files/json.h"
#include "tensor/q8.h"

#include <stdlib.h>
#include <string.h>

#define AGAIN "download it again or rewrite it"

typedef struct {
    WeightFile *f;
    JsonReader json;
    JsonEvent v;
    size_t used;                   /* of f->pool */
    size_t tensors, meta, strings; /* that the first pass has counted */
    Error *e;
} Header;

/* How many bytes of a name to show: long ones are cut, but not inside a UTF-8 sequence. */
static int shown(const char *name) {
    int n = 0;
    while (n < 100 && name[n]) n++;
    while (n == 100 && ((unsigned char)name[n] & 0xc0) == 0x80) n--;
    return n;
}

static bool refuse(const char *path, const char *name, Error *e, const char *why) {
    return error_set(e, ERR_FORMAT, "%s: tensor \"%.*s\": %s; " AGAIN, path, shown(name), name, why);
}

#define REFUSE(h, name, why) refuse((h)->f->path, name, (h)->e, why)

static bool no_memory(const char *path, Error *e) {
    return error_set(e, ERR_MEMORY, "%s: cannot allocate memory for its header; free some and try again", path);
}

/* The second pass may meet more than the first has counted where another program writes to the file. */
static bool changed(Header *h) {
    return error_set(h->e, ERR_FILE, "%s: was changed while it was read; try again", h->f->path);
}

static bool keep(Header *h, const char *raw, size_t size, const char **out) {
    char *s = h->f->pool + h->used;
    if (size >= h->strings - h->used) return changed(h);
    size_t n = json_unescape(s, raw, size);
    s[n] = 0;
    h->used += n + 1;
    *out = s;
    return true;
}

static bool is_metadata(const JsonEvent *v) { return v->key_size == 12 && !memcmp(v->key, "__metadata__", 12); }

static void start(Header *h) {
    json_reader_init(&h->json, h->f->path, AGAIN, (const char *)h->f->map + 8, h->f->data - 8);
}

/* First pass: is it JSON, is it an object of objects, and how much does it hold? */
static bool count_header(Header *h) {
    bool in_meta = false;
    start(h);
    for (;;) {
        JsonStep step = json_step(&h->json, &h->v, h->e);
        const JsonEvent *v = &h->v;
        const char *path = h->f->path;
        if (step == JSON_FAILED) return false;
        if (step == JSON_END) return true;
        if (step == JSON_CLOSE) continue;
        int level = h->json.depth - (v->type == JSON_ARRAY || v->type == JSON_OBJECT);
        if (level == 1) {
            in_meta = is_metadata(v);
            if (v->type != JSON_OBJECT)
                return error_set(h->e, ERR_FORMAT, "%s: header entry \"%.*s\" is not an object; " AGAIN, path,
                                 (int)(v->key_size < 100 ? v->key_size : 100), v->key);
            h->tensors += !in_meta;
        }
        if (level == 2 && in_meta) {
            if (v->type != JSON_STRING)
                return error_set(h->e, ERR_FORMAT, "%s: __metadata__ entry \"%.*s\" is not a string; " AGAIN, path,
                                 (int)(v->key_size < 100 ? v->key_size : 100), v->key);
            h->meta += 1;
            h->strings += v->key_size + v->text_size + 2;
        } else if (level == 1 && !in_meta) {
            h->strings += v->key_size + 1;
        }
        if (h->tensors > ST_MAX_TENSORS || h->meta > ST_MAX_META || h->strings > ST_MAX_STRINGS)
            return error_set(h->e, ERR_FORMAT,
                             "%s: more than %d tensors, %d metadata entries or %d bytes of names and metadata; "
                             "split it into several files",
                             path, ST_MAX_TENSORS, ST_MAX_META, ST_MAX_STRINGS);
    }
}

/* Whole numbers as the format writes them: digits only. */
static bool plain_number(const JsonEvent *v, uint64_t *out) {
    if (v->type != JSON_NUMBER) return false;
    *out = 0;
    for (size_t i = 0; i < v->text_size; i++) {
        uint64_t digit = (uint64_t)(v->text[i] - '0');
        if (digit > 9 || *out > (UINT64_MAX - digit) / 10) return false;
        *out = *out * 10 + digit;
    }
    return true;
}

/* An array of whole numbers that the current event opens; how many, or -1. */
static int read_numbers(Header *h, uint64_t *out, int capacity) {
    if (h->v.type != JSON_ARRAY) return -1;
    int n = 0;
    for (;;) {
        JsonStep step = json_step(&h->json, &h->v, h->e);
        if (step == JSON_CLOSE) return n;
        if (step != JSON_VALUE || n == capacity || !plain_number(&h->v, &out[n])) return -1;
        n++;
    }
}

/* The shape must take whole blocks of its type, and as many bytes as the offsets say. */
static const char *check_size(const FileTensor *t) {
    int64_t count;
    if (!dtype_count(t->dtype, t->nd, t->n, &count)) return "its shape overflows 64 bits";
    if (count % dtype_block(t->dtype)) return "its elements do not fill whole bytes";
    if (t->end < t->begin) return "data_offsets end before they begin";
    if (t->end - t->begin != dtype_bytes(t->dtype, count))
        return "data_offsets are not as long as shape and dtype need";
    return NULL;
}

static bool read_tensor(Header *h, FileTensor *t) {
    enum { DTYPE = 1, SHAPE_ = 2, OFFSETS = 4 };
    int seen = 0;
    if (!keep(h, h->v.key, h->v.key_size, &t->name)) return false;
    JsonStep step;
    while ((step = json_step(&h->json, &h->v, h->e)) == JSON_VALUE) {
        uint64_t numbers[FILE_MAX_DIMS + 1];
        const JsonEvent *v = &h->v;
        int which = v->key_size == 5 && !memcmp(v->key, "dtype", 5)            ? DTYPE
                    : v->key_size == 5 && !memcmp(v->key, "shape", 5)          ? SHAPE_
                    : v->key_size == 12 && !memcmp(v->key, "data_offsets", 12) ? OFFSETS
                                                                               : 0;
        if (!which) return REFUSE(h, t->name, "a key other than dtype, shape and data_offsets");
        if (seen & which) return REFUSE(h, t->name, "dtype, shape or data_offsets given twice");
        seen |= which;
        if (which == DTYPE) {
            if (v->type != JSON_STRING) return REFUSE(h, t->name, "dtype is not a string");
            if (!dtype_from_name(v->text, v->text_size, &t->dtype))
                return error_set(h->e, ERR_FORMAT,
                                 "%s: tensor \"%.*s\": unknown dtype \"%.*s\"; save it as F32, F16 or BF16", h->f->path,
                                 shown(t->name), t->name, (int)(v->text_size < 40 ? v->text_size : 40), v->text);
        } else if (which == SHAPE_) {
            t->nd = read_numbers(h, numbers, FILE_MAX_DIMS);
            if (t->nd < 0) return REFUSE(h, t->name, "shape is not an array of at most 8 sizes (whole, not negative)");
            for (int i = 0; i < t->nd; i++) {
                if (numbers[i] > INT64_MAX) return REFUSE(h, t->name, "its shape overflows 64 bits");
                t->n[i] = (int64_t)numbers[i];
            }
        } else {
            if (read_numbers(h, numbers, 2) != 2)
                return REFUSE(h, t->name, "data_offsets are not two whole numbers, not negative");
            t->begin = numbers[0];
            t->end = numbers[1];
        }
    }
    if (step != JSON_CLOSE) return changed(h);
    if (!(seen & DTYPE)) return REFUSE(h, t->name, "dtype is missing");
    if (!(seen & SHAPE_)) return REFUSE(h, t->name, "shape is missing");
    if (!(seen & OFFSETS)) return REFUSE(h, t->name, "data_offsets are missing");
    const char *why = check_size(t);
    return !why || REFUSE(h, t->name, why);
}

/* Second pass: fills what was counted. */
static bool fill_header(Header *h) {
    WeightFile *f = h->f;
    bool metadata = false;
    start(h);
    JsonStep step = json_step(&h->json, &h->v, h->e); /* the opening of the object */
    while (step == JSON_VALUE && (step = json_step(&h->json, &h->v, h->e)) == JSON_VALUE) {
        if (!is_metadata(&h->v)) {
            if (f->count == h->tensors) return changed(h);
            if (!read_tensor(h, &f->tensors[f->count++])) return false;
            continue;
        }
        if (metadata) return error_set(h->e, ERR_FORMAT, "%s: __metadata__ occurs twice; " AGAIN, f->path);
        metadata = true;
        while ((step = json_step(&h->json, &h->v, h->e)) == JSON_VALUE) {
            if (f->meta_count == h->meta) return changed(h);
            FileMeta *m = &f->meta[f->meta_count++];
            if (!keep(h, h->v.key, h->v.key_size, &m->key) || !keep(h, h->v.text, h->v.text_size, &m->value))
                return false;
        }
        if (step != JSON_CLOSE) return changed(h);
        step = JSON_VALUE;
    }
    return step == JSON_CLOSE || changed(h);
}

/* A type for blocks is not among the format's. ST_BLOCKS says that tensors of U8 with two dimensions or more are rows
 * of blocks. */
static bool read_blocks(WeightFile *f, Error *e) {
    const char *type = weight_file_meta(f, ST_BLOCKS);
    if (!type) return true;
    if (strcmp(type, dtype_name(Q8_0)))
        return error_set(e, ERR_FORMAT, "%s: its blocks are of type \"%.40s\"; only Q8_0 is read", f->path, type);
    for (size_t i = 0; i < f->count; i++) {
        FileTensor *t = &f->tensors[i];
        if (t->dtype != U8 || t->nd < 2) continue;
        int64_t *row = &t->n[t->nd - 1], all;
        if (*row % Q8_BYTES) return refuse(f->path, t->name, e, "its rows are not whole blocks of Q8_0");
        *row = *row / Q8_BYTES * Q8_NUMBERS;
        t->dtype = Q8_0;
        if (!dtype_count(Q8_0, t->nd, t->n, &all)) return refuse(f->path, t->name, e, "its shape overflows 64 bits");
    }
    return true;
}

/* By the place of their data; an empty tensor before the one at the same place; then as in the header (the names lie in
 * one block in that order). */
static int by_place(const void *a, const void *b) {
    const FileTensor *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return x->name < y->name ? -1 : x->name > y->name;
}

static bool check_unique(WeightFile *f, Error *e) {
    const char *twice = weight_file_index(f);
    if (twice) return refuse(f->path, twice, e, "occurs twice in the header");
    return file_meta_check(f, "__metadata__", e);
}

/* The tensors must tile the data: from 0, without overlap or hole, to the last byte. */
static bool check_places(WeightFile *f, Error *e) {
    uint64_t at = 0, size = f->size - f->data;
    for (size_t i = 0; i < f->count; i++) {
        const FileTensor *t = &f->tensors[i];
        if (t->begin < at) return refuse(f->path, t->name, e, "its data overlap another tensor's");
        if (t->begin > at) return refuse(f->path, t->name, e, "there is a hole before its data");
        at = t->end;
    }
    if (at > size)
        return error_set(e, ERR_FORMAT,
                         "%s: truncated: the header describes %llu bytes of data, the file has %llu; "
                         "download it again",
                         f->path, (unsigned long long)at, (unsigned long long)size);
    return at == size || error_set(e, ERR_FORMAT, "%s: %llu bytes after the last tensor's data; " AGAIN, f->path,
                                   (unsigned long long)(size - at));
}

static uint64_t header_size(const uint8_t *p, size_t size) {
    uint64_t n = 0;
    for (size_t i = 0; i < 8 && i < size; i++) n |= (uint64_t)p[i] << (8 * i);
    return n;
}

/* What is wrong with the beginning of a file; NULL: nothing. */
static const char *bad_start(const uint8_t *p, size_t size) {
    uint64_t n = header_size(p, size);
    return size < 8            ? "truncated: too short for a safetensors file"
           : n > ST_MAX_HEADER ? "not a safetensors file: its header would be longer than 100 MB"
           : n > size - 8      ? "truncated: the file ends inside its header"
           : n < 2             ? "not a safetensors file: its header is too short"
           : p[8] != '{'       ? "not a safetensors file: its header does not begin with {"
                               : NULL;
}

bool safetensors_sniff(const uint8_t *bytes, size_t size) { return !bad_start(bytes, size); }

bool safetensors_read(WeightFile *f, Error *e) {
    Header h = {.f = f, .e = e};
    const char *why = bad_start(f->map, f->size);
    if (why) return error_set(e, ERR_FORMAT, "%s: %s; download it again", f->path, why);
    f->data = 8 + (size_t)header_size(f->map, f->size);
    if (!count_header(&h)) return false;
    /* + 1: malloc(0) may be NULL. The sizes are capped. */
    f->tensors = calloc(h.tensors + 1, sizeof *f->tensors);
    f->index = malloc((h.tensors + 1) * sizeof *f->index);
    f->meta = malloc((h.meta + 1) * sizeof *f->meta);
    f->pool = malloc(h.strings + 1);
    if (!f->tensors || !f->index || !f->meta || !f->pool) return no_memory(f->path, e);
    if (!fill_header(&h)) return false;
    qsort(f->tensors, f->count, sizeof *f->tensors, by_place);
    return check_unique(f, e) && check_places(f, e) && read_blocks(f, e);
}
