/* safetensors_write.c: writing a file in one pass, under a temporary name. */
#include "safetensors.h"
#include "byte_order.h"
#include "weights/files/atomic_file.h"
#include "weights/files/json.h"
#include "tensor/q8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64 };

struct StWriter {
    AtomicFile *file;
    char *memory; /* instead of a file: [size] */
    size_t size, at;
    char *path;
    const FileTensor *tensors; /* [count] */
    size_t count, now;         /* the tensor whose data are next */
    uint64_t need, given;      /* bytes of data */
    bool failed;
};

typedef struct {
    char *p;
    size_t used, capacity;
    bool ok;
} Text;

static bool grow(Text *t, size_t more) {
    if (!t->ok || more > (size_t)ST_MAX_HEADER * 2 - t->used) return t->ok = false;
    if (t->used + more <= t->capacity) return true;
    size_t capacity = t->capacity ? t->capacity : 4096;
    while (capacity < t->used + more) capacity *= 2;
    char *p = realloc(t->p, capacity);
    if (!p) return t->ok = false;
    t->p = p;
    t->capacity = capacity;
    return true;
}

static void __attribute__((format(printf, 2, 3))) add(Text *t, const char *format, ...) {
    char piece[128];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    assert(n >= 0 && (size_t)n < sizeof piece);
    if (!grow(t, (size_t)n)) return;
    memcpy(t->p + t->used, piece, (size_t)n);
    t->used += (size_t)n;
}

static void add_quoted(Text *t, const char *s) {
    size_t n = json_quote(NULL, 0, s);
    if (!grow(t, n + 1)) return;
    json_quote(t->p + t->used, n + 1, s);
    t->used += n;
}

static bool is_rows_of_q8_0(const FileTensor *t) {
    return t->dtype == Q8_0 && t->nd >= 2 && t->n[t->nd - 1] % Q8_NUMBERS == 0;
}

/* Sets begin and end; false when a shape is invalid or overflows. */
static bool place(const char *path, FileTensor *tensors, size_t count, uint64_t *total, Error *e) {
    uint64_t at = 0;
    for (size_t i = 0; i < count; i++) {
        FileTensor *t = &tensors[i];
        int64_t n;
        bool fits = t->nd >= 0 && t->nd <= FILE_MAX_DIMS && dtype_count(t->dtype, t->nd, t->n, &n) &&
                    n % dtype_block(t->dtype) == 0 && ((int)t->dtype < (int)DTYPE_SAFETENSORS || is_rows_of_q8_0(t));
        uint64_t size = fits ? dtype_bytes(t->dtype, n) : 0;
        if (!fits || size > INT64_MAX / 2 - at)
            return error_set(e, ERR_ARGUMENT,
                             "%s: tensor \"%.100s\" has a shape that safetensors cannot hold; reshape it", path,
                             t->name);
        t->begin = at;
        t->end = at += size;
    }
    *total = at;
    return true;
}

static void make_header(Text *t, const FileTensor *tensors, size_t count, const FileMeta *meta, size_t meta_count) {
    const char *comma = "";
    bool blocks = false;
    for (size_t i = 0; i < count; i++) blocks |= tensors[i].dtype == Q8_0;
    add(t, "%8s{", ""); /* eight bytes for the length */
    if (meta_count || blocks) {
        add(t, "\"__metadata__\":{%s", blocks ? "\"" ST_BLOCKS "\":\"Q8_0\"" : "");
        for (size_t i = 0; i < meta_count; i++) {
            if (i || blocks) add(t, ",");
            add_quoted(t, meta[i].key);
            add(t, ":");
            add_quoted(t, meta[i].value);
        }
        add(t, "}");
        comma = ",";
    }
    for (size_t i = 0; i < count; i++, comma = ",") {
        const FileTensor *x = &tensors[i];
        add(t, "%s", comma);
        add_quoted(t, x->name);
        bool rows = x->dtype == Q8_0; /* of blocks */
        add(t, ":{\"dtype\":\"%s\",\"shape\":[", dtype_name(rows ? U8 : x->dtype));
        for (int d = 0; d < x->nd; d++) {
            int64_t n = rows && d == x->nd - 1 ? x->n[d] / Q8_NUMBERS * Q8_BYTES : x->n[d];
            add(t, "%s%lld", d ? "," : "", (long long)n);
        }
        add(t, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)x->begin, (unsigned long long)x->end);
    }
    add(t, "}");
    while (t->ok && t->used % ALIGN) add(t, " ");
    uint64_t n = t->used - 8;
    if (t->ok)
        for (int i = 0; i < 8; i++) t->p[i] = (char)(n >> (8 * i));
}

/* Whether a reader accepts it: names in UTF-8 that occur once, nothing too large. Opening reads only the header, so the
 * data need not exist. */
static bool check_header(const char *path, const Text *t, uint64_t total, Error *e) {
    WeightFile *f = weight_file_open_memory(path, t->p, t->used + (size_t)total, e);
    weight_file_close(f);
    return f != NULL;
}

static bool begin_file(StWriter *w, const Text *text, Error *e) {
    w->file = atomic_begin(w->path, e);
    return w->file && atomic_write(w->file, text->p, text->used, e);
}

static bool begin_memory(StWriter *w, const Text *text, Error *e) {
    w->size = text->used + (size_t)w->need;
    w->memory = w->need < SIZE_MAX - text->used ? malloc(w->size) : NULL;
    if (!w->memory)
        return error_set(e, ERR_MEMORY, "%s: cannot allocate memory to write it; free some and try again", w->path);
    memcpy(w->memory, text->p, w->at = text->used);
    return true;
}

static StWriter *begin(const char *path, FileTensor *tensors, size_t count, const FileMeta *meta, size_t meta_count,
                       bool (*begin_data)(StWriter *w, const Text *text, Error *e), Error *e) {
    Text text = {.ok = true};
    uint64_t total = 0;
    bool reserved = false;
    if (!place(path, tensors, count, &total, e)) return NULL;
    for (size_t i = 0; i < count; i++) reserved |= !strcmp(tensors[i].name, "__metadata__");
    if (reserved) {
        error_set(e, ERR_ARGUMENT, "%s: no tensor can be named __metadata__; rename it", path);
        return NULL;
    }
    make_header(&text, tensors, count, meta, meta_count);
    StWriter *w = calloc(1, sizeof *w);
    char *copy = malloc(strlen(path) + 1);
    if (!text.ok && text.used > ST_MAX_HEADER)
        error_set(e, ERR_ARGUMENT, "%s: its header would be longer than 100 MB; write fewer tensors", path);
    else if (!text.ok || !w || !copy)
        error_set(e, ERR_MEMORY, "%s: cannot allocate memory to write it; free some and try again", path);
    else if (check_header(path, &text, total, e)) {
        w->path = strcpy(copy, path);
        w->tensors = tensors, w->count = count;
        w->need = total;
        if (begin_data(w, &text, e)) {
            free(text.p);
            return w;
        }
        atomic_abort(w->file);
    }
    free(text.p);
    free(copy);
    free(w);
    return NULL;
}

StWriter *st_write_begin(const char *path, FileTensor *tensors, size_t count, const FileMeta *meta, size_t meta_count,
                         Error *e) {
    return begin(path, tensors, count, meta, meta_count, begin_file, e);
}

StWriter *st_write_begin_memory(const char *name, FileTensor *tensors, size_t count, const FileMeta *meta,
                                size_t meta_count, Error *e) {
    return begin(name, tensors, count, meta, meta_count, begin_memory, e);
}

static bool put(StWriter *w, const void *bytes, size_t size, Error *e) {
    if (!w->memory) return atomic_write(w->file, bytes, size, e);
    memcpy(w->memory + w->at, bytes, size);
    w->at += size;
    return true;
}

bool st_write_data(StWriter *w, const void *bytes, size_t size, Error *e) {
    uint8_t room[FILE_ORDER_ROOM];
    bool ok = size <= w->need - w->given ||
              error_set(e, ERR_ARGUMENT, "%s: more data than its tensors need; this is a bug, report it", w->path);
    const char *p = bytes;
    for (size_t n; ok && size; p += n, size -= n, w->given += n) {
        while (w->tensors[w->now].end <= w->given) w->now++;
        const FileTensor *t = &w->tensors[w->now];
        n = size < t->end - w->given ? size : (size_t)(t->end - w->given);
        const void *some = in_file_order(dtype_order(t->dtype), p, &n, room);
        ok = put(w, some, n, e);
    }
    w->failed |= !ok;
    return ok;
}

static bool is_complete(const StWriter *w, Error *e) {
    if (w->failed) return error_set(e, ERR_FILE, "%s: an earlier write failed; start again", w->path);
    return w->given == w->need ||
           error_set(e, ERR_ARGUMENT, "%s: %llu bytes of data are missing; this is a bug, report it", w->path,
                     (unsigned long long)(w->need - w->given));
}

bool st_write_end(StWriter *w, Error *e) {
    bool ok = is_complete(w, e);
    if (ok) {
        ok = atomic_end(w->file, e);
        w->file = NULL;
    }
    st_write_abort(w);
    return ok;
}

void *st_write_end_memory(StWriter *w, size_t *size, Error *e) {
    char *bytes = NULL;
    if (is_complete(w, e)) bytes = w->memory, w->memory = NULL, *size = w->size;
    st_write_abort(w);
    return bytes;
}

void st_write_abort(StWriter *w) {
    if (!w) return;
    atomic_abort(w->file);
    free(w->memory);
    free(w->path);
    free(w);
}
