/* atomic_file.c: a temporary file (temporary.h) is written, flushed, put in place, and its directory flushed.
 *
 * The directory is held open, so that moving or replacing it meanwhile does not separate the file from its temporary
 * name. */
#include "atomic_file.h"
#include "file_open.h"
#include "path.h"
#include "temporary.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER = 1 << 16 };

typedef struct {
    char dir[OS_PATH_SIZE];  /* "." when the path names none */
    char name[OS_NAME_SIZE]; /* of the file in it */
    bool exists;
    OsInfo old;
} Place;

struct AtomicFile {
    char *path; /* as the caller gave it, for messages */
    Place place;
    bool handed; /* not a file: bytes go where the path is open */
    bool one_of_many;
    OsFile dir;
    Temporary t;
    bool failed;
    size_t used;
    unsigned char buffer[BUFFER];
};

static bool fail(Error *e, const char *path, const char *what, int code) {
    const char *reason = strerror(code);
#ifdef EDQUOT
    if (code == EDQUOT) code = ENOSPC;
#endif
    const char *todo = code == ENOSPC                    ? "free some space there or name another place"
                       : code == EFBIG                   ? "raise the limit on file sizes or name another place"
                       : code == EROFS                   ? "name a place that can be written"
                       : code == EACCES || code == EPERM ? "change its permissions or name another place"
                       : code == ENOENT                  ? "make the directory first or name another place"
                                                         : "name another place";
    return error_set(e, ERR_FILE, "%s: %s: %s; %s", file_shown(path), what, reason, todo);
}

/* Splits path into an existing directory and a name in it, follows a symbolic link, and refuses to replace anything
 * but a regular file. */
static bool find_place(const char *path, Place *p, Error *e) {
    char target[OS_PATH_SIZE];
    OsInfo info;
    memset(p, 0, sizeof *p);
    if (!*path) return error_set(e, ERR_ARGUMENT, "a file to write has an empty name; give one");
    if (!path_fits(path, e)) return false;
    const char *real = path;
    if (os_info_at(OS_HERE, path, &info) && info.kind == OS_LINK) {
        if (!os_real_path(path, target))
            return error_set(e, ERR_FILE, "%s: is a broken symbolic link (%s); remove it or name another file", path,
                             strerror(errno));
        real = target;
    }
    const char *slash = strrchr(real, '/'), *name = slash ? slash + 1 : real;
    if (!*name) return error_set(e, ERR_FILE, "%s: names a directory, not a file; add a file name", path);
    if (strlen(name) >= OS_NAME_SIZE) return fail(e, path, "cannot be written", ENAMETOOLONG);
    memcpy(p->name, name, strlen(name) + 1);
    if (!slash) snprintf(p->dir, sizeof p->dir, ".");
    else snprintf(p->dir, sizeof p->dir, "%.*s", slash == real ? 1 : (int)(slash - real), real);

    if (!os_info(p->dir, &info)) return fail(e, path, "its directory cannot be used", errno);
    if (info.kind != OS_DIRECTORY) return fail(e, path, "its directory cannot be used", ENOTDIR);
    p->exists = os_info(real, &p->old);
    if (!p->exists && errno != ENOENT) return fail(e, path, "cannot be written", errno);
    if (p->exists && p->old.kind != OS_REGULAR)
        return error_set(e, ERR_FILE, "%s: exists and is %s, not a regular file; name another file", path,
                         p->old.kind == OS_DIRECTORY ? "a directory"
                         : p->old.kind == OS_DEVICE  ? "a device"
                         : p->old.kind == OS_PIPE    ? "a pipe"
                                                     : "something special");
    return true;
}

/* rename would replace even a write-protected file, but whoever protected it wants it to stay. */
static bool allowed(const char *path, const Place *p, Error *e) {
    char full[OS_PATH_SIZE + OS_NAME_SIZE];
    if (!os_may_write(p->dir)) return fail(e, path, "its directory cannot be written to", errno);
    snprintf(full, sizeof full, "%s/%s", p->dir, p->name);
    if (p->exists && !os_may_write(full)) return fail(e, path, "exists and is write-protected", errno);
    return true;
}

/* *f: what was handed over open (/dev/stdout), or OS_NO_FILE where `path` names a file. */
static bool find_handed(const char *path, OsFile *f, Error *e) {
    OsInfo info;
    *f = os_handed(path);
    if (*f == OS_NO_FILE) return !errno || fail(e, path, "cannot be written", errno);
    bool ok = true;
    if (os_file_is_terminal(*f))
        ok = error_set(e, ERR_ARGUMENT, "%s: is a terminal; send it to a file or a pipe", file_shown(path));
    else if (!os_file_info(*f, &info) || info.kind == OS_DIRECTORY || !os_is_writable(*f))
        ok = fail(e, path, "cannot be written", EBADF);
    if (!ok) os_close(*f), *f = OS_NO_FILE;
    return ok;
}

bool atomic_check(const char *path, Error *e) {
    Place p;
    OsFile handed;
    if ((e && e->code) || !find_handed(path, &handed, e)) return false;
    return handed == OS_NO_FILE ? find_place(path, &p, e) && allowed(path, &p, e) : os_close(handed);
}

static bool open_place(AtomicFile *f, Error *e) {
    const char *path = f->path;
    if (!find_handed(path, &f->t.file, e)) return false;
    f->handed = f->t.file != OS_NO_FILE;
    if (f->handed) return true;
    if (!find_place(path, &f->place, e) || !allowed(path, &f->place, e)) return false;
    f->dir = os_open_directory(f->place.dir);
    if (f->dir == OS_NO_FILE) return fail(e, path, "its directory cannot be opened", errno);
    if (!f->one_of_many) temporary_clean(f->dir, f->place.dir, f->place.name);
    if (!temporary_begin(&f->t, f->dir, f->place.name))
        return fail(e, path, "cannot create a temporary file beside it", errno);
    if (f->place.exists) os_copy_permissions(f->t.file, &f->place.old);
    return true;
}

static AtomicFile *begin(const char *path, bool one_of_many, Error *e) {
    if (e && e->code) return NULL;
    AtomicFile *f = calloc(1, sizeof *f);
    char *copy = malloc(strlen(path) + 1);
    if (!f || !copy) {
        error_set(e, ERR_MEMORY, "%s: cannot allocate memory to write it; free some and try again", path);
        free(f);
        free(copy);
        return NULL;
    }
    f->path = strcpy(copy, path);
    f->one_of_many = one_of_many;
    f->dir = f->t.file = OS_NO_FILE;
    f->t.guard = -1;
    if (open_place(f, e)) return f;
    atomic_abort(f);
    return NULL;
}

AtomicFile *atomic_begin(const char *path, Error *e) { return begin(path, false, e); }

static bool put(AtomicFile *f, const void *bytes, size_t size, Error *e) {
    if (os_write(f->t.file, bytes, size)) return true;
    f->failed = true;
    return fail(e, f->path, "cannot be written", errno);
}

static bool flush(AtomicFile *f, Error *e) {
    size_t n = f->used;
    f->used = 0;
    return put(f, f->buffer, n, e);
}

bool atomic_write(AtomicFile *f, const void *bytes, size_t size, Error *e) {
    if (f->failed) return error_set(e, ERR_FILE, "%s: an earlier write failed; write the file again", f->path);
    if (size > BUFFER - f->used && !flush(f, e)) return false;
    if (size >= BUFFER) return put(f, bytes, size, e);
    if (size) memcpy(f->buffer + f->used, bytes, size);
    f->used += size;
    return true;
}

static bool place(AtomicFile *f, Error *e) {
    OsInfo now; /* whatever has appeared under the name meanwhile */
    if (os_info_at(f->dir, f->place.name, &now) && now.kind != OS_REGULAR)
        return error_set(e, ERR_FILE, "%s: is no longer a regular file; name another file", f->path);
    if (!temporary_place(&f->t, f->place.name)) return fail(e, f->path, "cannot be put in place", errno);
    /* The file is in place and whole: a directory that cannot be flushed is no reason to call it a failure. */
    if (!f->one_of_many) (void)os_flush_directory(f->dir);
    return true;
}

bool atomic_end(AtomicFile *f, Error *e) {
    bool ok = !f->failed || error_set(e, ERR_FILE, "%s: an earlier write failed; write the file again", f->path);
    ok = ok && flush(f, e);
    if (ok && !f->one_of_many && !os_flush(f->t.file)) ok = fail(e, f->path, "cannot be flushed to the disk", errno);
    ok = ok && (f->handed || place(f, e));
    atomic_abort(f);
    return ok;
}

void atomic_abort(AtomicFile *f) {
    if (!f) return;
    temporary_end(&f->t);
    if (f->dir != OS_NO_FILE) os_close(f->dir);
    free(f->path);
    free(f);
}

static bool write_file(const char *path, const void *bytes, size_t size, bool one_of_many, Error *e) {
    AtomicFile *f = begin(path, one_of_many, e);
    if (f && atomic_write(f, bytes, size, e)) return atomic_end(f, e);
    atomic_abort(f);
    return false;
}

bool atomic_write_file(const char *path, const void *bytes, size_t size, Error *e) {
    return write_file(path, bytes, size, false, e);
}

bool atomic_write_one_of_many(const char *path, const void *bytes, size_t size, Error *e) {
    return write_file(path, bytes, size, true, e);
}
