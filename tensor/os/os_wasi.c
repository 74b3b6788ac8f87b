/* os_wasi.c: os.h for WebAssembly, by WASI's functions (preview 1) and wasi-libc. Whatever has a file descriptor is in
 * os_fd.c; threads, signals and the like, which there are none of, in os_single.c. */
#define _GNU_SOURCE
#include "os_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- time and chance --- */

double os_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double os_thread_clock(void) { return os_clock(); }

void os_sleep(double seconds) {
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    (void)nanosleep(&t, NULL);
}

void os_random(void *bytes, size_t size) {
    enum { MOST = 256 }; /* of one call */
    for (char *p = bytes; size;) {
        size_t n = size < MOST ? size : MOST;
        if (getentropy(p, n)) { /* a host without chance */
            os_random_by_clock(p, size, 0);
            return;
        }
        p += n, size -= n;
    }
}

/* --- memory --- */

bool os_lazy_memory(void) { return true; } /* by the host */
size_t os_physical_memory(void) { return SIZE_MAX - 1; }
size_t os_program_memory(size_t counted) { return (void)counted, (size_t)24 << 20; }
bool os_maps_program(void) { return false; }
size_t os_counted_memory(const void *p, size_t size) { return (void)p, size; }
/* Memory grows and is never given back, so that its size is its peak. */
size_t os_memory(void) { return __builtin_wasm_memory_size(0) << 16; }
size_t os_peak_memory(void) { return os_memory(); }

/* --- files --- */

bool os_real_path(const char *path, char out[OS_PATH_SIZE]) {
    (void)path, (void)out;
    errno = ENOTSUP;
    return false;
}

/* A descriptor cannot be doubled: the handle is the stream itself. */
OsFile os_handed(const char *path) {
    static const char *const NAMES[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
    for (int i = 0; i < 3; i++)
        if (!strcmp(path, NAMES[i])) return i;
    errno = 0;
    return OS_NO_FILE;
}

/* There is no mapping. */
const void *os_map(OsFile f, size_t size, const char *name) {
    (void)name;
    void *map = malloc(size);
    if (map && os_read(f, map, size, 0) == (int64_t)size) return map;
    if (map) errno = EIO;
    free(map);
    return NULL;
}

void os_unmap(const void *map, size_t size) {
    (void)size;
    free((void *)(uintptr_t)map);
}

bool os_flush(OsFile f) { return !fsync((int)f) || errno == EINVAL || errno == ENOTSUP; }

bool os_own(OsFile f) {
    (void)f;
    errno = ENOTSUP;
    return false;
}

void os_copy_permissions(OsFile f, const OsInfo *from) { (void)f, (void)from; }

bool os_flush_directory(OsFile dir) {
    (void)dir;
    return true;
}

OsFile os_create_unnamed(OsFile dir) {
    (void)dir;
    errno = ENOTSUP;
    return OS_NO_FILE;
}

bool os_name_at(OsFile f, OsFile dir, const char *name) {
    (void)f, (void)dir, (void)name;
    errno = ENOTSUP;
    return false;
}

bool os_remove_abandoned(OsFile dir, const char *name) {
    (void)dir, (void)name;
    return false;
}

FILE *os_scratch_file(const char *path) {
    char name[OS_PATH_SIZE + 24];
    uint64_t number;
    os_random(&number, sizeof number);
    snprintf(name, sizeof name, "%.*s.%016llx", OS_PATH_SIZE - 1, path, (unsigned long long)number);
    FILE *f = fopen(name, "w+xb");
    if (f) unlink(name); /* now without a name, it disappears when it is closed */
    return f;
}

/* --- streams --- */

bool os_is_terminal(FILE *f) { return isatty(fileno(f)) == 1; }
bool os_file_is_terminal(OsFile f) { return isatty((int)f) == 1; }

int os_terminal_width(FILE *f) { return os_is_terminal(f) ? 80 : 0; }

bool os_divert_stdout(void) {
    errno = ENOTSUP;
    return false;
}
