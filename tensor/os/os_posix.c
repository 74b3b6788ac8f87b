/* os_posix.c: os.h for Linux, macOS and the BSDs: time, memory, threads. Files are in os_posix_files.c, streams and
 * signals in os_posix_program.c. */
#define _GNU_SOURCE /* sched_getaffinity, madvise */
#include "os_fd.h"
#include "tensor/sizes.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* --- time and chance --- */

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
    if (p < end) os_random_by_clock(p, (size_t)(end - p), (uint64_t)getpid()); /* a sandbox without /dev */
}

/* --- memory --- */

size_t os_page_size(void) {
    long size = sysconf(_SC_PAGESIZE);
    return size > 0 ? (size_t)size : 4096;
}

void os_huge_pages(void *p, size_t size) {
#ifdef MADV_HUGEPAGE
    (void)madvise(p, size, MADV_HUGEPAGE);
#else
    (void)p, (void)size;
#endif
}

void os_drop_pages(const void *p, size_t size) { (void)madvise((void *)(uintptr_t)p, size, MADV_DONTNEED); }
void os_expect_pages(const void *p, size_t size) { (void)madvise((void *)(uintptr_t)p, size, MADV_WILLNEED); }

#if defined __linux__ && !defined MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#endif

/* Touching pages would end the process where one cannot be read. Those that the system has already stay unmapped, which
 * is cheaper; who may not know that (mincore) is told that it has all, and waits for the last one. */
void os_read_pages(const void *p, size_t size) {
#ifdef MADV_POPULATE_READ
    enum { SOME = 256 };
    unsigned char there[SOME];
    char *at = (char *)(uintptr_t)p;
    size_t page = os_page_size(), n;
    os_expect_pages(p, size);
    for (; size >= page; at += n, size -= n) {
        n = size < SOME * page ? size / page * page : SOME * page;
        bool all = mincore(at, n, there) == 0;
        for (size_t i = 0; i < n / page; i++) all = all && there[i] & 1;
        (void)madvise(all ? at + n - page : at, all ? page : n, MADV_POPULATE_READ);
    }
#else
    os_expect_pages(p, size);
#endif
}

/* On Linux, getrusage also counts what the process was before exec: its peak could be that of a large program that
 * started this one. */
static size_t linux_peak(void) {
    char line[128];
    unsigned long long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && !kib && fgets(line, sizeof line, f)) (void)sscanf(line, "VmHWM: %llu kB", &kib);
    if (f) fclose(f);
    return (size_t)kib << 10;
}

size_t os_memory(void) {
    unsigned long long pages = 0, all = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%llu %llu", &all, &pages) != 2) pages = 0;
    if (f) fclose(f);
    return (size_t)pages * os_page_size();
}

/* The largest range of addresses in which nothing lies, but no more than malloc can give. */
static size_t largest_gap(void) {
    unsigned long long begin, end, last = os_page_size(), gap = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    if (!f) return PTRDIFF_MAX;
    while (fscanf(f, "%llx-%llx%*[^\n]", &begin, &end) == 2) {
        if (begin > last && begin - last > gap) gap = begin - last;
        last = end;
    }
    fclose(f);
    return gap < PTRDIFF_MAX ? (size_t)gap : PTRDIFF_MAX;
}

size_t os_physical_memory(void) {
    long pages = sysconf(_SC_PHYS_PAGES);
    size_t page = os_page_size(), all = pages > 0 ? size_of((uint64_t)pages * page) : SIZE_MAX;
    size_t gap = sizeof(void *) > 4 ? SIZE_MAX : size_sum(largest_gap(), os_memory());
    if (gap < all) all = gap;
    return all < SIZE_MAX ? all : SIZE_MAX - 1;
}

bool os_lazy_memory(void) { return true; }

/* Plans at their least took up to 14 MiB beside what they count, and a margin. */
size_t os_program_memory(size_t counted) { return (void)counted, (size_t)18 << 20; }
bool os_maps_program(void) { return true; }
size_t os_counted_memory(const void *p, size_t size) { return (void)p, size; }

size_t os_peak_memory(void) {
    struct rusage use;
    size_t bytes = linux_peak();
    if (bytes || getrusage(RUSAGE_SELF, &use)) return bytes;
#ifdef __APPLE__
    return (size_t)use.ru_maxrss;
#else
    return (size_t)use.ru_maxrss << 10;
#endif
}

/* --- threads --- */

int os_processors(void) {
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

bool os_threads_share_libc(void) { return true; }

struct OsThread {
    pthread_t id;
    void (*run)(void *arg);
    void *arg;
};

struct OsLock {
    pthread_mutex_t mutex;
};

struct OsCondition {
    pthread_cond_t cond;
};

static void *run_thread(void *arg) {
    const OsThread *t = arg;
    t->run(t->arg);
    return NULL;
}

OsThread *os_thread_start(void (*run)(void *arg), void *arg) {
    OsThread *t = malloc(sizeof *t);
    if (!t) return NULL;
    t->run = run, t->arg = arg;
    if (pthread_create(&t->id, NULL, run_thread, t) == 0) return t;
    free(t);
    return NULL;
}

void os_thread_join(OsThread *t) {
    pthread_join(t->id, NULL);
    free(t);
}

OsLock *os_lock_new(void) {
    OsLock *l = malloc(sizeof *l);
    if (l) pthread_mutex_init(&l->mutex, NULL);
    return l;
}

void os_lock_free(OsLock *l) {
    if (l) pthread_mutex_destroy(&l->mutex);
    free(l);
}

void os_lock(OsLock *l) { pthread_mutex_lock(&l->mutex); }
void os_unlock(OsLock *l) { pthread_mutex_unlock(&l->mutex); }

/* Waiting for some time goes by the clock that nobody sets, where a condition can: macOS' cannot. */
#if defined _POSIX_CLOCK_SELECTION && _POSIX_CLOCK_SELECTION > 0
enum { CONDITION_CLOCK = CLOCK_MONOTONIC };
static void set_clock(pthread_condattr_t *how) { pthread_condattr_setclock(how, CONDITION_CLOCK); }
#else
enum { CONDITION_CLOCK = CLOCK_REALTIME };
static void set_clock(pthread_condattr_t *how) { (void)how; }
#endif

OsCondition *os_condition_new(void) {
    OsCondition *c = malloc(sizeof *c);
    pthread_condattr_t how;
    if (!c) return NULL;
    pthread_condattr_init(&how);
    set_clock(&how);
    pthread_cond_init(&c->cond, &how);
    pthread_condattr_destroy(&how);
    return c;
}

void os_condition_free(OsCondition *c) {
    if (c) pthread_cond_destroy(&c->cond);
    free(c);
}

void os_condition_wait(OsCondition *c, OsLock *l) { pthread_cond_wait(&c->cond, &l->mutex); }

void os_condition_wait_for(OsCondition *c, OsLock *l, double seconds) {
    struct timespec t;
    clock_gettime(CONDITION_CLOCK, &t);
    double until = (double)t.tv_nsec + 1e9 * seconds;
    t.tv_sec += (time_t)(until / 1e9), t.tv_nsec = (long)(until - 1e9 * (double)(time_t)(until / 1e9));
    pthread_cond_timedwait(&c->cond, &l->mutex, &t);
}

void os_condition_wake(OsCondition *c) { pthread_cond_broadcast(&c->cond); }
