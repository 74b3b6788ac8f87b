/* os_posix_files.c: os.h for Linux, macOS and the BSDs: files and directories, as far as os_fd.c has them not.
 * An OsFile is a file descriptor. */
#define _GNU_SOURCE /* a POSIX of 2008, and what the BSDs added */
#include "os_fd.h"
#include "os_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool os_real_path(const char *path, char out[OS_PATH_SIZE]) {
#ifdef PATH_MAX
    _Static_assert(PATH_MAX <= OS_PATH_SIZE, "realpath writes so much");
#endif
    return realpath(path, out) != NULL;
}

/* --- open files --- */

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

bool os_flush_directory(OsFile dir) { return os_flush(dir); }

OsFile os_create_unnamed(OsFile dir) {
#ifdef O_TMPFILE
    char link[32];
    int fd = openat(os_fd_at(dir), ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0666);
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
    return linkat(AT_FDCWD, link, os_fd_at(dir), name, AT_SYMLINK_FOLLOW) == 0;
}

bool os_remove_abandoned(OsFile dir, const char *name) {
    struct stat st;
    int fd = openat(os_fd_at(dir), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool ours = fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && os_own(fd);
    /* still locked: whoever creates a file makes sure that it has a name */
    bool done = ours && os_remove_at(dir, name);
    if (fd >= 0) close(fd);
    return done;
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
