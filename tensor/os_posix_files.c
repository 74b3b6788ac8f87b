/* os_posix_files.c: os.h for Linux, macOS and the BSDs: files and directories. An OsFile is a file descriptor. */
#define _GNU_SOURCE /* a POSIX of 2008, and what the BSDs added */
#include "os.h"
#include "os_posix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __APPLE__
#define st_mtim st_mtimespec
#endif

/* --- what a name stands for --- */

static bool fill(const struct stat *st, OsInfo *info) {
    mode_t m = st->st_mode;
    *info = (OsInfo){.kind = S_ISREG(m)                 ? OS_REGULAR
                             : S_ISDIR(m)               ? OS_DIRECTORY
                             : S_ISLNK(m)               ? OS_LINK
                             : S_ISFIFO(m)              ? OS_PIPE
                             : S_ISCHR(m) || S_ISBLK(m) ? OS_DEVICE
                                                        : OS_OTHER,
                     .size = S_ISREG(m) ? (uint64_t)st->st_size : 0,
                     .changed = (int64_t)st->st_mtim.tv_sec,
                     .changed_ns = (int64_t)st->st_mtim.tv_nsec,
                     .device = (uint64_t)st->st_dev,
                     .number = (uint64_t)st->st_ino,
                     .mode = (uint32_t)m & 0777,
                     .owner = (uint32_t)st->st_uid,
                     .group = (uint32_t)st->st_gid};
    return true;
}

bool os_info(const char *path, OsInfo *info) {
    struct stat st;
    return stat(path, &st) == 0 && fill(&st, info);
}

OsKind os_kind(const char *path) {
    OsInfo info;
    if (os_info(path, &info)) return info.kind;
    return errno == ENOENT || errno == ENOTDIR ? OS_NOTHING : OS_UNKNOWN;
}

bool os_real_path(const char *path, char out[OS_PATH_SIZE]) {
#ifdef PATH_MAX
    _Static_assert(PATH_MAX <= OS_PATH_SIZE, "realpath writes so much");
#endif
    return realpath(path, out) != NULL;
}

/* --- open files --- */

OsFile os_open(const char *path) { return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); }

OsFile os_open_end(const char *path) { return open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); }

OsFile os_handed(const char *path) {
    static const char *const NAMES[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
    static const char *const FOLDERS[] = {"/dev/fd/", "/proc/self/fd/"};
    long number = -1;
    for (int i = 0; i < 3; i++)
        if (!strcmp(path, NAMES[i])) number = i;
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(FOLDERS[i]), digits = strncmp(path, FOLDERS[i], n) ? 0 : strspn(path + n, "0123456789");
        if (digits && digits < 9 && !path[n + digits]) number = strtol(path + n, NULL, 10);
    }
    if (number == 1) number = os_posix_stdout();
    errno = 0;
    return number < 0 ? OS_NO_FILE : fcntl((int)number, F_DUPFD_CLOEXEC, 3);
}

bool os_file_info(OsFile f, OsInfo *info) {
    struct stat st;
    return fstat((int)f, &st) == 0 && fill(&st, info);
}

int64_t os_read(OsFile f, void *bytes, size_t size, uint64_t at) {
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread((int)f, (char *)bytes + done, size - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (!n) break;
        done += (size_t)n;
    }
    return (int64_t)done;
}

/* For descriptors handed over by somebody who does not wait. */
static bool wait_for(int fd, short what) {
    struct pollfd wait = {.fd = fd, .events = what};
    return poll(&wait, 1, -1) >= 0 || errno == EINTR;
}

int64_t os_read_next(OsFile f, void *bytes, size_t size) {
    size_t done = 0;
    while (done < size) {
        ssize_t n = read((int)f, (char *)bytes + done, size - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN && wait_for((int)f, POLLIN)) continue;
        if (n < 0) return -1;
        if (!n) break;
        done += (size_t)n;
    }
    return (int64_t)done;
}

const void *os_map(OsFile f, size_t size, const char *name) {
    void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, (int)f, 0);
    if (map == MAP_FAILED) return NULL;
    os_posix_mapped(map, size, name);
    return map;
}

void os_unmap(const void *map, size_t size) {
    os_posix_unmapped(map);
    munmap((void *)(uintptr_t)map, size);
}

bool os_write(OsFile f, const void *bytes, size_t size) {
    const char *p = bytes;
    while (size) {
        ssize_t n = write((int)f, p, size < 1u << 30 ? size : 1u << 30);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN && wait_for((int)f, POLLOUT)) continue;
        if (n < 0 && errno == EFAULT) (void)*(const volatile char *)p; /* a mapped file that was cut: os_map says so */
        if (n == 0) errno = ENOSPC;
        if (n <= 0) return false;
        p += n;
        size -= (size_t)n;
    }
    return true;
}

bool os_close(OsFile f) { return close((int)f) == 0 || errno == EINTR; } /* network file systems report here */

/* EINVAL, ENOTSUP: a file system, or a pipe, that has nothing to flush. Network file systems report what they could not
 * write when any descriptor of the file is closed. */
bool os_flush(OsFile f) {
    if (fsync((int)f) && errno != EINVAL && errno != ENOTSUP) return false;
    int twin = fcntl((int)f, F_DUPFD_CLOEXEC, 3);
    return twin < 0 || os_close(twin);
}

bool os_own(OsFile f) {
    if (!flock((int)f, LOCK_EX | LOCK_NB)) return true;
    if (errno == EWOULDBLOCK) errno = 0;
    return false;
}

void os_copy_permissions(OsFile f, const OsInfo *from) {
    int ignored = fchown((int)f, (uid_t)from->owner, (gid_t)from->group); /* first, since it clears bits */
    ignored = fchmod((int)f, (mode_t)from->mode);
    (void)ignored;
}

/* --- directories --- */

static int at(OsFile dir) { return dir == OS_HERE ? AT_FDCWD : (int)dir; }

OsFile os_open_directory(const char *path) { return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); }
bool os_flush_directory(OsFile dir) { return os_flush(dir); }

bool os_info_at(OsFile dir, const char *name, OsInfo *info) {
    struct stat st;
    return fstatat(at(dir), name, &st, AT_SYMLINK_NOFOLLOW) == 0 && fill(&st, info);
}

/* With the umask's permissions, like any new file (mkstemp would give it 0600). */
OsFile os_create_at(OsFile dir, const char *name) {
    return openat(at(dir), name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
}

OsFile os_create_unnamed(OsFile dir) {
#ifdef O_TMPFILE
    char link[32];
    int fd = openat(at(dir), ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0666);
    if (fd < 0) return OS_NO_FILE;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (!access(link, F_OK)) return fd; /* os_name_at needs it */
    close(fd);
#else
    (void)dir;
#endif
    errno = ENOTSUP;
    return OS_NO_FILE;
}

bool os_name_at(OsFile f, OsFile dir, const char *name) {
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", (int)f);
    return linkat(AT_FDCWD, link, at(dir), name, AT_SYMLINK_FOLLOW) == 0;
}

bool os_replace_at(OsFile dir, const char *from, const char *name) {
    return renameat(at(dir), from, at(dir), name) == 0;
}

bool os_remove_at(OsFile dir, const char *name) { return unlinkat(at(dir), name, 0) == 0; }

bool os_remove_abandoned(OsFile dir, const char *name) {
    struct stat st;
    int fd = openat(at(dir), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool ours = fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && os_own(fd);
    /* still locked: whoever creates a file makes sure that it has a name */
    bool done = ours && os_remove_at(dir, name);
    if (fd >= 0) close(fd);
    return done;
}

bool os_is_writable(OsFile f) {
    int flags = fcntl((int)f, F_GETFL);
    return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

bool os_may_write(const char *path) {
    int how = os_kind(path) == OS_DIRECTORY ? W_OK | X_OK : W_OK;
    return faccessat(AT_FDCWD, path, how, AT_EACCESS) == 0;
}

bool os_make_directory(const char *path, bool personal) { return mkdir(path, personal ? 0700 : 0777) == 0; }

bool os_list(const char *path, bool (*each)(void *user, const char *name), void *user) {
    DIR *all = opendir(path);
    if (!all) return false;
    int code = 0;
    for (;;) {
        errno = 0;
        const struct dirent *d = readdir(all);
        if (!d) code = errno; /* 0: the end */
        if (!d || (strcmp(d->d_name, ".") && strcmp(d->d_name, "..") && !each(user, d->d_name))) break;
    }
    closedir(all);
    errno = code;
    return !code;
}

FILE *os_scratch_file(const char *path) {
    char name[OS_PATH_SIZE + 8];
#ifdef O_TMPFILE
    const char *slash = strrchr(path, '/');
    if (!slash) strcpy(name, ".");
    else snprintf(name, sizeof name, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    int unnamed = strlen(path) < OS_PATH_SIZE ? open(name, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600) : -1;
    FILE *stream = unnamed < 0 ? NULL : fdopen(unnamed, "w+b");
    if (stream) return stream;
    if (unnamed >= 0) close(unnamed);
#endif
    if (snprintf(name, sizeof name, "%s.XXXXXX", path) >= (int)sizeof name) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    int fd = mkstemp(name);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w+b");
    if (fd >= 0) unlink(name); /* now without a name, it disappears when it is closed */
    if (fd >= 0 && !f) close(fd);
    return f;
}
