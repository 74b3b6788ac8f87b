/* file_read.c: see file_read.h. The size of a file is not asked for: a pipe has none, and a file may grow. */
#include "file_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 1 << 16 };

static bool too_large(const char *name, const FileWanted *w, Error *e) {
    bool mebi = w->most >= 1 << 20;
    return error_set(e, ERR_FORMAT, "%s: is larger than %zu %s; %s", name, w->most >> (mebi ? 20 : 10),
                     mebi ? "MiB" : "KiB", w->advice);
}

static bool no_memory(const char *name, Error *e) {
    return error_set(e, ERR_MEMORY, "%s: out of memory while reading it", name);
}

char *stream_read(FILE *f, const char *name, const FileWanted *w, size_t *size, Error *e) {
    size_t capacity = FIRST, n = 0;
    char *p = e && e->code ? NULL : malloc(capacity + 1);
    bool ok = p || no_memory(name, e), all = false;
    while (ok && !all) {
        errno = 0;
        size_t got = fread(p + n, 1, capacity - n, f);
        if (ferror(f)) ok = error_set(e, ERR_FILE, "%s: cannot be read: %s; %s", name, strerror(errno), w->advice);
        else if (!n && w->begins) ok = w->begins(name, p, got, e);
        n += got;
        all = n < capacity;
        if (ok && n > w->most) ok = too_large(name, w, e);
        if (!ok || all) break;
        char *more = realloc(p, (capacity *= 2) + 1);
        if (more) p = more;
        else ok = no_memory(name, e);
    }
    if (!ok) {
        free(p);
        return NULL;
    }
    p[n] = 0;
    if (size) *size = n;
    return p;
}

char *file_read(const char *path, const FileWanted *w, size_t *size, Error *e) {
    if (e && e->code) return NULL;
    FILE *f = fopen(path, "rb");
    if (!f) {
        error_set(e, ERR_FILE, "%s: cannot be opened: %s; %s", path, strerror(errno), w->advice);
        return NULL;
    }
    char *text = stream_read(f, path, w, size, e);
    fclose(f);
    return text;
}
