/* atomic_file.c: temporary file, fsync, rename, fsync of the directory.
 *
 * The directory is held open, so that a directory that is moved or replaced meanwhile does not split the file from its
 * temporary name. After kill -9 a file ".NAME.sdc-XXXXXXXX" may be left; it is never taken for the real one. */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE /* fchown, fsync under every libc */
#include "atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef PATH_MAX /* neither is promised by POSIX */
#define PATH_MAX 4096
#endif
#ifndef NAME_MAX
#define NAME_MAX 255
#endif

enum { BUFFER = 1 << 16, NAME_ROOM = NAME_MAX + 1 };

typedef struct {
    char dir[PATH_MAX];   /* "." when the path names none */
    char name[NAME_ROOM]; /* of the file in it */
    bool exists;
    struct stat old;
} Place;

struct AtomicFile {
    char *path; /* as the caller gave it, for messages */
    Place place;
    char temporary[NAME_ROOM];
    int dir, fd;
    bool failed;
    size_t used;
    unsigned char buffer[BUFFER];
};

static bool fail(Error *e, const char *path, const char *what, int code) {
    const char *todo = code == ENOSPC || code == EDQUOT  ? "free some space there or name another place"
                       : code == EFBIG                   ? "raise the limit on file sizes or name another place"
                       : code == EROFS                   ? "name a place that can be written"
                       : code == EACCES || code == EPERM ? "change its permissions or name another place"
                       : code == ENOENT                  ? "make the directory first or name another place"
                                                         : "name another place";
    return error_set(e, ERR_FILE, "%s: %s: %s; %s", path, what, strerror(code), todo);
}

/* Splits path into an existing directory and a name in it, following a symbolic link, and refuses what must not be
 * replaced. */
static bool find_place(const char *path, Place *p, Error *e) {
    char target[PATH_MAX];
    struct stat st;
    memset(p, 0, sizeof *p);
    if (!*path) return error_set(e, ERR_ARGUMENT, "an empty name for a file to write; give one");
    if (strlen(path) >= PATH_MAX) return fail(e, path, "cannot be written", ENAMETOOLONG);
    const char *real = path;
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
        if (!realpath(path, target))
            return error_set(e, ERR_FILE,
                             "%s: a symbolic link that leads to no file (%s); remove it or name another file", path,
                             strerror(errno));
        real = target;
    }
    const char *slash = strrchr(real, '/'), *name = slash ? slash + 1 : real;
    if (!*name) return error_set(e, ERR_FILE, "%s: names a directory, not a file; add a file name", path);
    if (strlen(name) > NAME_MAX) return fail(e, path, "cannot be written", ENAMETOOLONG);
    memcpy(p->name, name, strlen(name) + 1);
    if (!slash) snprintf(p->dir, sizeof p->dir, ".");
    else snprintf(p->dir, sizeof p->dir, "%.*s", slash == real ? 1 : (int)(slash - real), real);

    if (stat(p->dir, &st)) return fail(e, path, "its directory cannot be used", errno);
    if (!S_ISDIR(st.st_mode)) return fail(e, path, "its directory cannot be used", ENOTDIR);
    p->exists = stat(real, &p->old) == 0;
    if (!p->exists && errno != ENOENT) return fail(e, path, "cannot be written", errno);
    if (p->exists && !S_ISREG(p->old.st_mode))
        return error_set(e, ERR_FILE, "%s: exists and is %s, not a regular file; name another file", path,
                         S_ISDIR(p->old.st_mode)                              ? "a directory"
                         : S_ISCHR(p->old.st_mode) || S_ISBLK(p->old.st_mode) ? "a device"
                         : S_ISFIFO(p->old.st_mode)                           ? "a pipe"
                                                                              : "something special");
    return true;
}

/* A rename would replace a write-protected file where the directory allows it; its owner meant it to stay. */
static bool allowed(const char *path, const Place *p, Error *e) {
    char full[PATH_MAX + NAME_ROOM];
    if (faccessat(AT_FDCWD, p->dir, W_OK | X_OK, AT_EACCESS))
        return fail(e, path, "its directory cannot be written to", errno);
    snprintf(full, sizeof full, "%s/%s", p->dir, p->name);
    if (p->exists && faccessat(AT_FDCWD, full, W_OK, AT_EACCESS))
        return fail(e, path, "exists and is protected against writing", errno);
    return true;
}

bool atomic_check(const char *path, Error *e) {
    Place p;
    return find_place(path, &p, e) && allowed(path, &p, e);
}

/* Creates the temporary file through the umask, as any new file would be (mkstemp would make it 0600). */
static int make_temporary(AtomicFile *f) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t seed = (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 30 ^ (uint64_t)getpid() << 40 ^ (uintptr_t)f;
    for (int attempt = 0; attempt < 100; attempt++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        snprintf(f->temporary, sizeof f->temporary, ".%.200s.sdc-%08x", f->place.name, (unsigned)(seed >> 32));
        int fd = openat(f->dir, f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd >= 0) return fd;
        if (errno != EEXIST) break;
    }
    f->temporary[0] = 0; /* the last one tried is not ours to remove */
    return -1;
}

AtomicFile *atomic_begin(const char *path, Error *e) {
    AtomicFile *f = calloc(1, sizeof *f);
    char *copy = malloc(strlen(path) + 1);
    if (!f || !copy) {
        error_set(e, ERR_MEMORY, "%s: no memory to write it; free some and try again", path);
        free(f);
        free(copy);
        return NULL;
    }
    f->path = strcpy(copy, path);
    f->dir = f->fd = -1;
    if (!find_place(path, &f->place, e) || !allowed(path, &f->place, e)) return atomic_abort(f), NULL;
    f->dir = open(f->place.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->dir < 0) {
        fail(e, path, "its directory cannot be opened", errno);
        return atomic_abort(f), NULL;
    }
    f->fd = make_temporary(f);
    if (f->fd < 0) {
        fail(e, path, "no file can be made beside it", errno);
        return atomic_abort(f), NULL;
    }
    if (f->place.exists) { /* as the old file was, as far as the system lets us; owner first, for it clears bits */
        int ignored = fchown(f->fd, f->place.old.st_uid, f->place.old.st_gid);
        ignored = fchmod(f->fd, f->place.old.st_mode & 0777);
        (void)ignored;
    }
    return f;
}

static bool put(AtomicFile *f, const unsigned char *p, size_t size, Error *e) {
    while (size) {
        ssize_t n = write(f->fd, p, size < 1u << 30 ? size : 1u << 30);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            f->failed = true;
            return fail(e, f->path, "cannot be written", n < 0 ? errno : ENOSPC);
        }
        p += n;
        size -= (size_t)n;
    }
    return true;
}

static bool flush(AtomicFile *f, Error *e) {
    size_t n = f->used;
    f->used = 0;
    return put(f, f->buffer, n, e);
}

bool atomic_write(AtomicFile *f, const void *bytes, size_t size, Error *e) {
    if (f->failed) return error_set(e, ERR_FILE, "%s: an earlier write failed; begin it again", f->path);
    if (size > BUFFER - f->used && !flush(f, e)) return false;
    if (size >= BUFFER) return put(f, bytes, size, e);
    if (size) memcpy(f->buffer + f->used, bytes, size);
    f->used += size;
    return true;
}

bool atomic_end(AtomicFile *f, Error *e) {
    bool ok = !f->failed || error_set(e, ERR_FILE, "%s: an earlier write failed; begin it again", f->path);
    ok = ok && flush(f, e);
    /* EINVAL: a file system that has nothing to flush */
    if (ok && fsync(f->fd) && errno != EINVAL) ok = fail(e, f->path, "cannot be flushed to the disk", errno);
    if (f->fd >= 0) {
        int failed = close(f->fd); /* network file systems report here what did not fit */
        f->fd = -1;
        if (ok && failed && errno != EINTR) ok = fail(e, f->path, "cannot be written", errno);
    }
    struct stat now; /* what came to be at the name while we wrote */
    if (ok && fstatat(f->dir, f->place.name, &now, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(now.st_mode))
        ok = error_set(e, ERR_FILE, "%s: is no regular file any more; name another file", f->path);
    if (ok && renameat(f->dir, f->temporary, f->dir, f->place.name))
        ok = fail(e, f->path, "cannot be put in place", errno);
    if (ok) {
        f->temporary[0] = 0;
        /* The file is in place and whole; a directory that cannot be flushed is no reason to say it is not. */
        (void)fsync(f->dir);
    }
    atomic_abort(f);
    return ok;
}

void atomic_abort(AtomicFile *f) {
    if (!f) return;
    if (f->fd >= 0) close(f->fd);
    if (f->temporary[0]) unlinkat(f->dir, f->temporary, 0);
    if (f->dir >= 0) close(f->dir);
    free(f->path);
    free(f);
}
