/* os_posix.c: os.h for Linux, macOS and the BSDs. */
#define _XOPEN_SOURCE 700
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

static double seconds_of(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double os_clock(void) { return seconds_of(CLOCK_MONOTONIC); }
double os_thread_clock(void) { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }

void os_random(void *bytes, size_t size) {
    unsigned char *p = bytes, *end = p + size;
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && p < end) {
        ssize_t n = read(fd, p, (size_t)(end - p));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        p += n;
    }
    if (fd >= 0) close(fd);
    if (p == end) return;
    struct timespec now; /* a sandbox without /dev */
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t x = (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 30 ^ (uint64_t)getpid() << 40;
    for (; p < end; *p++ = (unsigned char)(x >> 56)) x = x * 6364136223846793005u + 1442695040888963407u;
}
