/* gguf_write.c: writing a GGUF file in one pass, under a temporary name. */
#include "byte_order.h"
#include "weights/files/atomic_file.h"
#include "gguf.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGN = 32, MOST_DIMS = 4 /* ggml's */, U32_VALUE = 4, STRING_VALUE = 8 };

struct GgufWriter {
    AtomicFile *file;
    char *path;
    const FileTensor *tensors; /* [count]: the caller's */
    size_t count, now;         /* the tensor whose data come next */
    uint64_t left;             /* of its bytes */
    bool failed;
};

static uint64_t padded(uint64_t bytes) { return (bytes + ALIGN - 1) / ALIGN * ALIGN; }

/* --- the header, into memory: counted first, then written --- */

typedef struct {
    uint8_t *p; /* NULL: only counts */
    size_t size;
} Header;

static void put(Header *h, const void *bytes, size_t size) {
    if (h->p) memcpy(h->p + h->size, bytes, size);
    h->size += size;
}

static void put_number(Header *h, uint64_t x, int bytes) {
    uint8_t b[8];
    for (int i = 0; i < bytes; i++) b[i] = (uint8_t)(x >> (8 * i));
    put(h, b, (size_t)bytes);
}

static void put_text(Header *h, const char *text) {
    size_t n = strlen(text);
    put_number(h, n, 8);
    put(h, text, n);
}

static void put_whole(Header *h, const char *key, uint64_t value) {
    put_text(h, key);
    put_number(h, U32_VALUE, 4);
    put_number(h, value, 4);
}

static void make_header(Header *h, const FileTensor *tensors, size_t count, const FileMeta *meta, size_t meta_count) {
    bool blocks = false;
    for (size_t i = 0; i < count; i++) blocks |= dtype_block(tensors[i].dtype) > 1;
    put(h, "GGUF", 4);
    put_number(h, 3, 4);
    put_number(h, count, 8);
    put_number(h, meta_count + blocks, 8);
    if (blocks) put_whole(h, "general.quantization_version", 2); /* of ggml's blocks */
    for (size_t i = 0; i < meta_count; i++) {
        put_text(h, meta[i].key);
        put_number(h, STRING_VALUE, 4);
        put_text(h, meta[i].value);
    }
    for (size_t i = 0; i < count; i++) {
        const FileTensor *t = &tensors[i];
        put_text(h, t->name);
        put_number(h, (uint64_t)(t->nd ? t->nd : 1), 4);
        if (!t->nd) put_number(h, 1, 8);
        for (int d = t->nd - 1; d >= 0; d--) put_number(h, (uint64_t)t->n[d], 8);
        put_number(h, (uint64_t)gguf_type(t->dtype), 4);
        put_number(h, t->begin, 8);
    }
    while (h->size % ALIGN) put_number(h, 0, 1);
}

/* Sets begin and end. */
static bool place(const char *path, FileTensor *tensors, size_t count, Error *e) {
    uint64_t at = 0;
    for (size_t i = 0; i < count; i++) {
        FileTensor *t = &tensors[i];
        int64_t n, row = t->nd > 0 ? t->n[t->nd - 1] : 1;
        bool fits = gguf_type(t->dtype) >= 0 && t->nd >= 0 && t->nd <= MOST_DIMS &&
                    dtype_count(t->dtype, t->nd, t->n, &n) && row % dtype_block(t->dtype) == 0;
        uint64_t size = fits ? dtype_bytes(t->dtype, n) : 0;
        if (!fits || size > INT64_MAX / 2 - at)
            return error_set(e, ERR_ARGUMENT,
                             "%s: tensor \"%.100s\" has a type or shape that GGUF cannot hold; write safetensors", path,
                             t->name);
        t->begin = at;
        t->end = at + size;
        at = padded(t->end);
    }
    return true;
}

static bool pad(GgufWriter *w, uint64_t size, Error *e) {
    static const char ZEROS[ALIGN];
    return atomic_write(w->file, ZEROS, (size_t)(padded(size) - size), e);
}

/* Goes on to the next tensor that has data. */
static void next(GgufWriter *w) {
    while (w->now < w->count && !(w->left = w->tensors[w->now].end - w->tensors[w->now].begin)) w->now++;
}

GgufWriter *gguf_write_begin(const char *path, FileTensor *tensors, size_t count, const FileMeta *meta,
                             size_t meta_count, Error *e) {
    Header h = {0};
    if (!place(path, tensors, count, e)) return NULL;
    make_header(&h, tensors, count, meta, meta_count);
    GgufWriter *w = calloc(1, sizeof *w);
    char *copy = malloc(strlen(path) + 1);
    uint8_t *bytes = malloc(h.size);
    if (w && copy && bytes) {
        h = (Header){.p = bytes};
        make_header(&h, tensors, count, meta, meta_count);
        *w = (GgufWriter){.path = strcpy(copy, path), .tensors = tensors, .count = count};
        w->file = atomic_begin(path, e);
        next(w);
        if (w->file && atomic_write(w->file, bytes, h.size, e)) return free(bytes), w;
        atomic_abort(w->file);
    } else error_set(e, ERR_MEMORY, "%s: cannot allocate memory to write it; free some and try again", path);
    free(bytes);
    free(copy);
    free(w);
    return NULL;
}

bool gguf_write_data(GgufWriter *w, const void *bytes, size_t size, Error *e) {
    const char *p = bytes;
    uint8_t room[FILE_ORDER_ROOM];
    while (size && !w->failed) {
        if (w->now == w->count) {
            w->failed = true;
            return error_set(e, ERR_ARGUMENT, "%s: more data than its tensors need; this is a bug, report it", w->path);
        }
        size_t n = size < w->left ? size : (size_t)w->left;
        const FileTensor *t = &w->tensors[w->now];
        const void *some = in_file_order(dtype_order(t->dtype), p, &n, room);
        w->failed = !atomic_write(w->file, some, n, e);
        p += n, size -= n, w->left -= n;
        if (w->left || w->failed) continue;
        w->failed = !pad(w, t->end - t->begin, e);
        w->now++;
        next(w);
    }
    return !w->failed;
}

bool gguf_write_end(GgufWriter *w, Error *e) {
    bool ok = !w->failed || error_set(e, ERR_FILE, "%s: an earlier write failed; start again", w->path);
    if (ok && w->now < w->count)
        ok = error_set(e, ERR_ARGUMENT, "%s: data are missing; this is a bug, report it", w->path);
    if (ok) {
        ok = atomic_end(w->file, e);
        w->file = NULL;
    }
    gguf_write_abort(w);
    return ok;
}

void gguf_write_abort(GgufWriter *w) {
    if (!w) return;
    atomic_abort(w->file);
    free(w->path);
    free(w);
}
