/* file_read.c: see file_read.h. A size that the system names is only the first guess: a pipe has none, /proc says 0,
 * and a file may grow. */
#include "file_read.h"
#include "file_open.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 1 << 16, BEGINNING = 1 << 12, LARGE = 1 << 24 };

static bool too_large(const char *name, const FileWanted *w, Error *e) {
    bool mebi = w->most >= 1 << 20;
    return error_set(e, ERR_FORMAT, "%s: is larger than %zu %s; %s", name, w->most >> (mebi ? 20 : 10),
                     mebi ? "MiB" : "KiB", w->advice);
}

static bool no_memory(const char *name, Error *e) {
    return error_set(e, ERR_MEMORY, "%s: out of memory while reading it; free some and try again", name);
}

static char *read_all(OsFile f, size_t expected, const char *name, const FileWanted *w, size_t *size, Error *e) {
    size_t capacity = expected < FIRST ? FIRST : expected + 1, n = 0; /* + 1: the end shows without growing */
    char *p = malloc(capacity + 1);
    bool ok = p || no_memory(name, e), all = false;
    while (ok && !all) {
        size_t want = !n && w->begins && capacity > BEGINNING ? BEGINNING : capacity - n;
        int64_t got = os_read_next(f, p + n, want);
        if (got < 0) ok = error_set(e, ERR_FILE, "%s: cannot be read: %s; %s", name, strerror(errno), w->advice);
        else if (!n && w->begins) ok = w->begins(name, p, (size_t)got, e);
        if (!ok) break;
        n += (size_t)got;
        all = (size_t)got < want;
        if (n > w->most) ok = too_large(name, w, e);
        if (!ok || all || n < capacity) continue;
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

/* NULL without an error: it cannot be mapped. */
static const uint8_t *map_all(OsFile f, size_t size, const char *name, const FileWanted *w, Error *e) {
    const uint8_t *map = os_map(f, size, name);
    if (!map || !w->begins || w->begins(name, map, BEGINNING, e)) return map;
    os_unmap(map, size);
    return NULL;
}

static FileBytes read_or_map(const char *path, const FileWanted *w, bool map, Error *e) {
    OsInfo info;
    FileBytes b = {0};
    Error own = {0};
    const char *name = file_shown(path);
    OsFile f = file_open(path, w->advice, &info, e);
    if (f == OS_NO_FILE) return b;
    if (info.size > w->most) too_large(name, w, &own); /* of what is not regular: 0 */
    else if (map && info.size >= LARGE) {
        b = (FileBytes){map_all(f, (size_t)info.size, name, w, &own), (size_t)info.size, true};
        b.mapped = b.bytes != NULL;
    }
    if (!own.code && !b.bytes) b.bytes = (uint8_t *)read_all(f, (size_t)info.size, name, w, &b.size, &own);
    os_close(f);
    if (own.code) error_set(e, own.code, "%s", own.text);
    return b;
}

char *file_read(const char *path, const FileWanted *w, size_t *size, Error *e) {
    FileBytes b = read_or_map(path, w, false, e);
    if (b.bytes && size) *size = b.size;
    return (char *)(uintptr_t)b.bytes;
}

FileBytes file_bytes(const char *path, const FileWanted *w, Error *e) { return read_or_map(path, w, true, e); }

void file_bytes_free(FileBytes *b) {
    if (b->mapped) os_unmap(b->bytes, b->size);
    else free((void *)(uintptr_t)b->bytes);
    *b = (FileBytes){0};
}
