/* os_fd.c: os.h for systems whose files are file descriptors: POSIX (os_posix*.c) and WASI (os_wasi.c): what both do
 * alike with files and directories. */
#define _GNU_SOURCE /* a POSIX of 2008 */
#include "os_fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef __APPLE__
#define st_mtim st_mtimespec
#endif

/* --- chance --- */

void os_random_by_clock(void *bytes, size_t size, uint64_t process) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t x = (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 30 ^ process << 40;
    for (unsigned char *p = bytes, *end = p + size; p < end; *p++ = (unsigned char)(x >> 56))
        x = x * 6364136223846793005u + 1442695040888963407u;
}

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

/* --- open files --- */

OsFile os_open(const char *path) { return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); }

OsFile os_open_end(const char *path) { return open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); }

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

/* --- directories --- */

int os_fd_at(OsFile dir) { return dir == OS_HERE ? AT_FDCWD : (int)dir; }

OsFile os_open_directory(const char *path) { return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); }

bool os_info_at(OsFile dir, const char *name, OsInfo *info) {
    struct stat st;
    return fstatat(os_fd_at(dir), name, &st, AT_SYMLINK_NOFOLLOW) == 0 && fill(&st, info);
}

/* With the umask's permissions, like any new file (mkstemp would give it 0600). */
OsFile os_create_at(OsFile dir, const char *name) {
    return openat(os_fd_at(dir), name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
}

bool os_replace_at(OsFile dir, const char *from, const char *name) {
    return renameat(os_fd_at(dir), from, os_fd_at(dir), name) == 0;
}

bool os_remove_at(OsFile dir, const char *name) { return unlinkat(os_fd_at(dir), name, 0) == 0; }

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
