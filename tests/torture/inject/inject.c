/* inject.c: makes the Nth call of a kind fail in sdc itself. It is linked with sdc's objects as the program
 * sdc-torture, with -Wl,--wrap=NAME for every function here (TORTURE_WRAP in the Makefile), and steered by the
 * environment:
 *
 * SDC_FAIL="open:3": the third call that opens something fails, with the usual error of that kind (OF)
 *
 * SDC_FAIL="write:7:EIO": with this one (ERRORS)
 *
 * SDC_FAIL="write:7+:ENOSPC": and so do all after it
 *
 * SDC_FAIL="read:2:short": reads or writes half of what was wanted, which is no error
 *
 * SDC_FAIL="rename:1:TERM": sends itself that signal before the call
 *
 * SDC_FAIL="write:1:cut" SDC_VICTIM=FILE: cuts that file to half before the call, or does what else ACTS names
 *
 * SDC_NAMED=1: there are no files without a name (O_TMPFILE), as on some file systems
 *
 * SDC_COUNT=FILE: appends a line "KIND CALLS" for each kind when the program ends
 *
 * Calls are those of sdc's own code. Streams are made of its reads and writes by fopencookie, so that stdio's own
 * calls count as well. Standard error stays as it is: that is where the line goes. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum {
    MALLOC,
    OPEN,
    READ,
    WRITE,
    STAT,
    MAP,
    FSYNC,
    RENAME,
    CLOSE,
    LIST,
    MAKE,
    REMOVE,
    LOCK,
    THREAD,
    KINDS
} Kind;

static const struct {
    const char *name;
    int usual; /* errno */
} OF[KINDS] = {{"malloc", ENOMEM}, {"open", EMFILE},   {"read", EIO},    {"write", ENOSPC}, {"stat", EACCES},
               {"map", ENOMEM},    {"fsync", EIO},     {"rename", EIO},  {"close", EIO},    {"list", EIO},
               {"make", EACCES},   {"remove", EACCES}, {"lock", ENOLCK}, {"thread", EAGAIN}};

enum { SHORT = -1 };

static const struct {
    const char *name;
    int error, signal;
} ERRORS[] = {{"ENOSPC", ENOSPC, 0}, {"EIO", EIO, 0},       {"EMFILE", EMFILE, 0}, {"EACCES", EACCES, 0},
              {"EINTR", EINTR, 0},   {"ENOMEM", ENOMEM, 0}, {"EAGAIN", EAGAIN, 0}, {"EOPNOTSUPP", EOPNOTSUPP, 0},
              {"EXDEV", EXDEV, 0},   {"EROFS", EROFS, 0},   {"short", SHORT, 0},   {"INT", 0, SIGINT},
              {"TERM", 0, SIGTERM},  {"HUP", 0, SIGHUP},    {"PIPE", 0, SIGPIPE},  {"QUIT", 0, SIGQUIT},
              {"KILL", 0, SIGKILL}};

/* What others may do to a file or folder while sdc uses it. */
static void cut_it(const char *path) {
    struct stat st;
    if (!stat(path, &st) && !truncate(path, st.st_size / 2)) return;
}

static void write_over(const char *path, int flags, off_t at) {
    static const char BYTES[4096] = "other bytes";
    int fd = open(path, O_WRONLY | flags, 0666);
    if (fd >= 0 && pwrite(fd, BYTES, sizeof BYTES, at) == sizeof BYTES) close(fd);
}

static void grow_it(const char *path) {
    struct stat st;
    if (!stat(path, &st)) write_over(path, 0, st.st_size);
}

static void rewrite_it(const char *path) { write_over(path, 0, 0); }

static void move_it(const char *path) {
    char to[1100];
    snprintf(to, sizeof to, "%s.moved", path);
    if (!rename(path, to)) return;
}

static void swap_it(const char *path) {
    move_it(path);
    write_over(path, O_CREAT | O_EXCL, 0);
}

static const struct {
    const char *name;
    void (*act)(const char *path);
} ACTS[] = {{"cut", cut_it}, {"grow", grow_it}, {"rewrite", rewrite_it}, {"move", move_it}, {"swap", swap_it}};

static struct {
    bool ready, named;
    int kind; /* that fails; KINDS: none */
    long from, to;
    int error, signal;
    void (*act)(const char *path);
    char count[1024], victim[1024];
    atomic_long calls[KINDS];
} state = {.kind = KINDS};

/* Reads SDC_FAIL; what it does not understand ends the program, lest a test believe that it injected something. */
static void begin(void) {
    state.ready = true;
    const char *count = getenv("SDC_COUNT"), *fail = getenv("SDC_FAIL"), *victim = getenv("SDC_VICTIM");
    state.named = getenv("SDC_NAMED") != NULL;
    if (victim) snprintf(state.victim, sizeof state.victim, "%s", victim);
    if (count) snprintf(state.count, sizeof state.count, "%s", count);
    if (!fail || !*fail) return;
    char *end = NULL;
    size_t n = strcspn(fail, ":");
    for (int i = 0; i < KINDS; i++)
        if (strlen(OF[i].name) == n && !strncmp(OF[i].name, fail, n)) state.kind = i;
    if (state.kind < KINDS && fail[n]) {
        state.from = state.to = strtol(fail + n + 1, &end, 10);
        if (*end == '+') state.to = INT32_MAX, end++;
        state.error = OF[state.kind].usual;
        bool known = !*end;
        for (size_t i = 0; *end == ':' && i < sizeof ERRORS / sizeof *ERRORS; i++)
            if (!strcmp(ERRORS[i].name, end + 1))
                known = true, state.error = ERRORS[i].error, state.signal = ERRORS[i].signal;
        for (size_t i = 0; *end == ':' && victim && i < sizeof ACTS / sizeof *ACTS; i++)
            if (!strcmp(ACTS[i].name, end + 1)) known = true, state.error = 0, state.act = ACTS[i].act;
        if (known && state.from > 0) return;
    }
    fprintf(stderr, "SDC_FAIL: cannot be understood\n");
    _exit(125);
}

/* Counts a call. What it is to do: 0: work; SHORT; or fail with this errno, which is set. */
static int next(Kind k) {
    if (!state.ready) begin();
    long n = atomic_fetch_add(&state.calls[k], 1) + 1;
    if ((int)k != state.kind || n < state.from || n > state.to) return 0;
    if (state.signal) raise(state.signal);
    if (state.act) {
        state.kind = KINDS; /* once is enough */
        state.act(state.victim);
        return 0;
    }
    if (state.error > 0) errno = state.error;
    return state.error;
}

#define REAL(type, name, ...)                                                                                          \
    extern type __real_##name(__VA_ARGS__);                                                                            \
    type __wrap_##name(__VA_ARGS__);                                                                                   \
    type __wrap_##name(__VA_ARGS__)

/* --- memory --- */

REAL(void *, malloc, size_t size) { return next(MALLOC) > 0 ? NULL : __real_malloc(size); }
REAL(void *, calloc, size_t n, size_t size) { return next(MALLOC) > 0 ? NULL : __real_calloc(n, size); }
REAL(void *, realloc, void *p, size_t size) { return next(MALLOC) > 0 ? NULL : __real_realloc(p, size); }
REAL(void *, aligned_alloc, size_t unit, size_t size) {
    return next(MALLOC) > 0 ? NULL : __real_aligned_alloc(unit, size);
}

/* --- files --- */

static bool unnamed(int flags) {
#ifdef O_TMPFILE
    return (flags & O_TMPFILE) == O_TMPFILE;
#else
    return false;
#endif
}

/* As next(OPEN), for flags. */
static int next_open(int flags) {
    int how = next(OPEN);
    if (how || !state.named || !unnamed(flags)) return how;
    return errno = EOPNOTSUPP;
}

#define MODE(flags)                                                                                                    \
    mode_t mode = 0;                                                                                                   \
    va_list args;                                                                                                      \
    va_start(args, flags);                                                                                             \
    if (unnamed(flags) || flags & O_CREAT) mode = (mode_t)va_arg(args, unsigned);                                      \
    va_end(args)

extern int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...) {
    MODE(flags);
    return next_open(flags) > 0 ? -1 : __real_open(path, flags, mode);
}

extern int __real_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...) {
    MODE(flags);
    return next_open(flags) > 0 ? -1 : __real_openat(dir, path, flags, mode);
}

REAL(int, mkstemp, char *name) { return next(OPEN) > 0 ? -1 : __real_mkstemp(name); }
REAL(DIR *, opendir, const char *path) { return next(OPEN) > 0 ? NULL : __real_opendir(path); }
REAL(struct dirent *, readdir, DIR *d) { return next(LIST) > 0 ? NULL : __real_readdir(d); }

static size_t cut(int how, size_t size) { return how == SHORT && size > 1 ? size / 2 : size; }

REAL(ssize_t, read, int fd, void *p, size_t size) {
    int how = next(READ);
    return how > 0 ? -1 : __real_read(fd, p, cut(how, size));
}

REAL(ssize_t, pread, int fd, void *p, size_t size, off_t at) {
    int how = next(READ);
    return how > 0 ? -1 : __real_pread(fd, p, cut(how, size), at);
}

REAL(ssize_t, write, int fd, const void *p, size_t size) {
    int how = fd == 2 ? 0 : next(WRITE);
    return how > 0 ? -1 : __real_write(fd, p, cut(how, size));
}

REAL(ssize_t, pwrite, int fd, const void *p, size_t size, off_t at) {
    int how = next(WRITE);
    return how > 0 ? -1 : __real_pwrite(fd, p, cut(how, size), at);
}

/* The descriptor is gone even so, as on Linux. */
REAL(int, close, int fd) {
    int how = next(CLOSE), done = __real_close(fd);
    if (how > 0) errno = how;
    return how > 0 ? -1 : done;
}

REAL(int, fsync, int fd) { return next(FSYNC) > 0 ? -1 : __real_fsync(fd); }
REAL(int, fdatasync, int fd) { return next(FSYNC) > 0 ? -1 : __real_fdatasync(fd); }
REAL(int, rename, const char *a, const char *b) { return next(RENAME) > 0 ? -1 : __real_rename(a, b); }
REAL(int, renameat, int d, const char *a, int to, const char *b) {
    return next(RENAME) > 0 ? -1 : __real_renameat(d, a, to, b);
}
REAL(int, linkat, int d, const char *a, int to, const char *b, int flags) {
    return next(RENAME) > 0 ? -1 : __real_linkat(d, a, to, b, flags);
}
REAL(int, unlink, const char *path) { return next(REMOVE) > 0 ? -1 : __real_unlink(path); }
REAL(int, unlinkat, int d, const char *path, int flags) {
    return next(REMOVE) > 0 ? -1 : __real_unlinkat(d, path, flags);
}
REAL(int, flock, int fd, int how) { return next(LOCK) > 0 ? -1 : __real_flock(fd, how); }
REAL(int, access, const char *path, int how) { return next(STAT) > 0 ? -1 : __real_access(path, how); }
REAL(int, mkdir, const char *path, mode_t mode) { return next(MAKE) > 0 ? -1 : __real_mkdir(path, mode); }
REAL(int, stat, const char *path, struct stat *st) { return next(STAT) > 0 ? -1 : __real_stat(path, st); }
REAL(int, fstat, int fd, struct stat *st) { return next(STAT) > 0 ? -1 : __real_fstat(fd, st); }
REAL(int, fstatat, int d, const char *path, struct stat *st, int flags) {
    return next(STAT) > 0 ? -1 : __real_fstatat(d, path, st, flags);
}
REAL(int, faccessat, int d, const char *path, int how, int flags) {
    return next(STAT) > 0 ? -1 : __real_faccessat(d, path, how, flags);
}
REAL(char *, realpath, const char *path, char *out) { return next(STAT) > 0 ? NULL : __real_realpath(path, out); }
REAL(void *, mmap, void *p, size_t size, int protect, int flags, int fd, off_t at) {
    return next(MAP) > 0 ? MAP_FAILED : __real_mmap(p, size, protect, flags, fd, at);
}
REAL(int, pthread_create, pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *arg) {
    int how = next(THREAD);
    return how > 0 ? how : __real_pthread_create(t, a, run, arg);
}

/* --- streams --- */

enum { MOST = 64 };

static struct {
    FILE *f;
    int fd;
} streams[MOST]; /* for fileno; slots of closed streams are taken again */

static int fd_of(void *cookie) { return (int)(intptr_t)cookie; }

static ssize_t stream_read(void *cookie, char *p, size_t size) {
    ssize_t n;
    do n = __wrap_read(fd_of(cookie), p, size);
    while (n < 0 && errno == EINTR);
    return n;
}

/* As stdio does, goes on after a short write. */
static ssize_t stream_write(void *cookie, const char *p, size_t size) {
    size_t done = 0;
    while (done < size) {
        ssize_t n = __wrap_write(fd_of(cookie), p + done, size - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return done ? (ssize_t)done : 0;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

static int stream_seek(void *cookie, off64_t *to, int whence) {
    off_t at = lseek(fd_of(cookie), (off_t)*to, whence);
    if (at < 0) return -1;
    *to = at;
    return 0;
}

static int stream_close(void *cookie) {
    for (int i = 0; i < MOST; i++)
        if (streams[i].f && streams[i].fd == fd_of(cookie)) streams[i].f = NULL;
    return __wrap_close(fd_of(cookie));
}

static FILE *stream_of(int fd, const char *mode) {
    cookie_io_functions_t io = {stream_read, stream_write, stream_seek, stream_close};
    FILE *f = fopencookie((void *)(intptr_t)fd, mode, io);
    for (int i = 0; f && i < MOST; i++)
        if (!streams[i].f) {
            streams[i].f = f, streams[i].fd = fd;
            break;
        }
    return f;
}

REAL(FILE *, fopen, const char *path, const char *mode) {
    int flags = strchr(mode, '+') ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY;
    if (*mode != 'r') flags |= O_CREAT | (*mode == 'w' ? O_TRUNC : O_APPEND);
    int fd = __wrap_open(path, flags, 0666);
    (void)__real_fopen;
    FILE *f = fd < 0 ? NULL : stream_of(fd, mode);
    if (fd >= 0 && !f) __real_close(fd);
    return f;
}

REAL(FILE *, fdopen, int fd, const char *mode) {
    (void)__real_fdopen;
    return next(MALLOC) > 0 ? NULL : stream_of(fd, mode);
}

REAL(int, fileno, FILE *f) {
    for (int i = 0; i < MOST; i++)
        if (streams[i].f == f) return streams[i].fd;
    return __real_fileno(f);
}

/* Before main; standard output and input are streams like the others. A closed one stays as it is. */
__attribute__((constructor)) static void streams_begin(void) {
    if (!state.ready) begin();
    if (fcntl(1, F_GETFD) >= 0) stdout = stream_of(1, "w");
    if (fcntl(0, F_GETFD) >= 0) stdin = stream_of(0, "r");
    for (int k = 0; k < KINDS; k++) atomic_store(&state.calls[k], 0);
}

__attribute__((destructor)) static void tell(void) {
    if (!*state.count) return;
    char text[1024];
    size_t n = 0;
    for (int k = 0; k < KINDS; k++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s %ld\n", OF[k].name, atomic_load(&state.calls[k]));
    int fd = __real_open(state.count, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (fd >= 0 && __real_write(fd, text, n) == (ssize_t)n) __real_close(fd);
}
