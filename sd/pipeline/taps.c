/* In sd/guide/plain.c: tap(). */
#include "taps.h"

#include "tensor/os.h"
#include "weights/files/glob.h"
#include "weights/formats/safetensors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct TapFile {
    char *path, *glob; /* path: what messages call it, where there is no file */
    FILE *spool;       /* NULL: no file */
    FileTensor *list;  /* the file's */
    size_t count, capacity;
    const char *before; /* all names, from here on; or NULL */
    TapHeard *heard;    /* NULL: no listener */
    void *user;
    float *values; /* the listener's copy of the current tensor, `filled` of them so far */
    int64_t filled;
    size_t tensors; /* that a name matched */
};

static char *copy(const char *s) {
    char *p = malloc(strlen(s) + 1);
    return p ? strcpy(p, s) : NULL;
}

TapFile *taps_open(const char *path, const char *glob, TapHeard *heard, void *user, Error *e) {
    const char *name = path ? path : "activations";
    TapFile *t = calloc(1, sizeof *t);
    if (t) t->path = copy(name), t->glob = copy(glob ? glob : "*"), t->heard = heard, t->user = user;
    if (!t || !t->path || !t->glob) error_set(e, ERR_MEMORY, "%s: out of memory", name);
    else if (!path || (t->spool = os_scratch_file(path))) return t;
    else
        error_set(e, ERR_FILE, "%s: cannot make a temporary file beside it: %s; choose another folder", path,
                  strerror(errno));
    taps_abort(t);
    return NULL;
}

void taps_abort(TapFile *t) {
    if (!t) return;
    for (size_t i = 0; i < t->count; i++) free((char *)(uintptr_t)t->list[i].name);
    if (t->spool) fclose(t->spool);
    free(t->list);
    free(t->values);
    free(t->path);
    free(t->glob);
    free(t);
}

void taps_enter(TapFile *t, const char *before) { t->before = before; }

enum { NAME = 256 };

static const char *full(const TapFile *t, const char *name, char out[NAME]) {
    if (!t->before) return name;
    snprintf(out, NAME, "%s%s", t->before, name);
    return out;
}

bool taps_wants(const TapFile *t, const char *name) {
    char out[NAME];
    return glob_match(t->glob, full(t, name, out));
}

static bool add_entry(TapFile *t, const char *name, int nd, const int64_t *n, Error *e) {
    if (t->count == t->capacity) {
        size_t capacity = t->capacity ? 2 * t->capacity : 256;
        FileTensor *list = realloc(t->list, capacity * sizeof *list);
        if (!list) return error_set(e, ERR_MEMORY, "%s: out of memory", t->path);
        t->list = list;
        t->capacity = capacity;
    }
    char out[NAME], *own = copy(full(t, name, out));
    if (!own) return error_set(e, ERR_MEMORY, "%s: out of memory", t->path);
    FileTensor *s = &t->list[t->count++];
    *s = (FileTensor){.name = own, .dtype = F32, .nd = nd};
    memcpy(s->n, n, (size_t)nd * sizeof *n);
    return true;
}

/* A tensor begins; its numbers follow (more), and it is complete (end). */
static bool begin(TapFile *t, const char *name, int nd, const int64_t *n, Error *e) {
    t->tensors++;
    if (t->spool && !add_entry(t, name, nd, n, e)) return false;
    if (!t->heard) return true;
    int64_t count = 1;
    for (int i = 0; i < nd; i++) count *= n[i];
    free(t->values);
    t->filled = 0;
    t->values = malloc((size_t)count * sizeof *t->values);
    return t->values || error_set(e, ERR_MEMORY, "%s: out of memory", t->path);
}

static bool more(TapFile *t, const float *data, int64_t count, Error *e) {
    if (t->heard) memcpy(t->values + t->filled, data, (size_t)count * sizeof *data), t->filled += count;
    if (!t->spool || fwrite(data, sizeof *data, (size_t)count, t->spool) == (size_t)count) return true;
    return error_set(e, ERR_FILE, "%s: cannot write activations: %s; select fewer with --tap", t->path,
                     strerror(errno));
}

static bool end(TapFile *t, const char *name, int nd, const int64_t *n, Error *e) {
    char out[NAME];
    bool on = !t->heard || t->heard(t->user, full(t, name, out), nd, n, t->values);
    free(t->values);
    t->values = NULL;
    return on || error_set(e, ERR_CANCELLED, "stopped");
}

bool taps_add(TapFile *t, const char *name, int nd, const int64_t *n, const float *data, Error *e) {
    int64_t count = 1;
    for (int i = 0; i < nd; i++) count *= n[i];
    return begin(t, name, nd, n, e) && more(t, data, count, e) && end(t, name, nd, n, e);
}

static bool want(void *user, const char *name) { return taps_wants(user, name); }

/* From channels-last to torch's layout, one row of one channel at a time. */
static void put(void *user, const char *name, Tensor x, Error *e) {
    TapFile *t = user;
    if (x.nd != 4) {
        int64_t width = x.n[x.nd - 1], rows = tensor_count(x) / width;
        bool ok = begin(t, name, x.nd, x.n, e);
        for (int64_t i = 0; ok && i < rows; i++) ok = more(t, tensor_row(x, i), width, e);
        if (ok) end(t, name, x.nd, x.n, e);
        return;
    }
    const int64_t *n = SHAPE(x.n[0], x.n[3], x.n[1], x.n[2]);
    float *row = malloc((size_t)x.n[2] * sizeof *row);
    bool ok = (row || error_set(e, ERR_MEMORY, "%s: out of memory", t->path)) && begin(t, name, 4, n, e);
    for (int64_t i = 0; ok && i < x.n[0] * x.n[3] * x.n[1]; i++) {
        int64_t picture = i / (x.n[3] * x.n[1]), c = i / x.n[1] % x.n[3], h = i % x.n[1];
        const float *from = (const float *)x.data + picture * x.s[0] + h * x.s[1] + c;
        for (int64_t w = 0; w < x.n[2]; w++) row[w] = from[w * x.s[2]];
        ok = more(t, row, x.n[2], e);
    }
    if (ok) end(t, name, 4, n, e);
    free(row);
}

Taps taps_listener(TapFile *t) { return (Taps){.want = want, .put = put, .user = t}; }

bool taps_close(TapFile *t, Error *e) {
    bool ok = t->tensors > 0;
    if (!ok)
        error_set(e, ERR_ARGUMENT, "%s: no activation has a name like '%s'; all are written where no name is asked for",
                  t->path, t->glob);
    if (ok && !t->spool) return taps_abort(t), true;
    ok = ok &&
         (fflush(t->spool) == 0 || error_set(e, ERR_FILE, "%s: cannot write activations: %s; select fewer with --tap",
                                             t->path, strerror(errno)));
    FileMeta meta[] = {{"format", "pt"}, {"generator", "sd.c"}};
    StWriter *w = ok ? st_write_begin(t->path, t->list, t->count, meta, 2, e) : NULL;
    if (w) {
        static const size_t PIECE = 1 << 16;
        char *buf = malloc(PIECE);
        ok = buf || error_set(e, ERR_MEMORY, "%s: out of memory", t->path);
        rewind(t->spool);
        for (size_t n = 1; ok && n;) {
            n = fread(buf, 1, PIECE, t->spool);
            ok = !n || st_write_data(w, buf, n, e);
        }
        if (ok && ferror(t->spool))
            ok = error_set(e, ERR_FILE, "%s: cannot read activations back: %s; run it again", t->path, strerror(errno));
        free(buf);
        if (ok) ok = st_write_end(w, e);
        else st_write_abort(w);
    }
    ok = ok && w;
    taps_abort(t);
    return ok;
}

bool taps_open_all(const SdRequest *r, TapFile **out, Error *e) {
    *out = NULL;
    if (!r->taps && !r->activation) return true;
    *out = taps_open(r->taps, r->tap, r->activation, r->user, e);
    return *out != NULL;
}

bool taps_close_all(TapFile **t, Error *e) {
    TapFile *all = *t;
    *t = NULL;
    return !all || taps_close(all, e);
}
