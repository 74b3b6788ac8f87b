/* test_threads.c: what thread_pool.c and read_ahead.c rely on of os.h's threads, on systems whose libc knows none, too.
 */
#include "tensor/os.h"
#include "tests/harness/test.h"

#include <stdlib.h>
#include <string.h>

/* Two threads count to 1000, alternating. */
typedef struct {
    OsLock *lock;
    OsCondition *changed;
    int count;
} Counter;

static void count_odd(Counter *c, int odd) {
    os_lock(c->lock);
    while (c->count < 1000) {
        if (c->count % 2 == odd) c->count++, os_condition_wake(c->changed);
        else os_condition_wait(c->changed, c->lock);
    }
    os_unlock(c->lock);
}

static void other_thread(void *counter) { count_odd(counter, 1); }

static void alternating(Counter *c) {
    OsThread *t = os_thread_start(other_thread, c);
    if (t) count_odd(c, 0), os_thread_join(t);
    test_check(t && c->count == 1000, "two alternating threads");
}

static void waiting(Counter *c) {
    double from = os_clock();
    os_lock(c->lock);
    for (int i = 0; i < 5; i++) os_condition_wait_for(c->changed, c->lock, 0.01);
    os_unlock(c->lock);
    double took = os_clock() - from;
    test_check(took > 0.02 && took < 5, "waiting for some time ends, and not at once (%.3f s)", took);
}

/* Threads allocate all at once, and find what they wrote: malloc is theirs in a thread that may call nothing else. */
enum { THREADS = 4, KEPT = 64, TURNS = 300000 };

typedef struct {
    unsigned seed;
    long lost;
} Allocating;

static void allocate(void *arg) {
    Allocating *a = arg;
    unsigned char *kept[KEPT] = {0};
    size_t sizes[KEPT] = {0};
    uint32_t x = a->seed;
    for (int i = 0; i < TURNS; i++) {
        x = x * 1664525 + 1013904223;
        int k = (int)(x >> 16) % KEPT;
        for (size_t j = 0; j < sizes[k]; j++) a->lost += kept[k][j] != (unsigned char)(a->seed + (unsigned)k);
        size_t size = 1 + (x >> 8) % 200;
        if (x >> 31) kept[k] = realloc(kept[k], size);
        else free(kept[k]), kept[k] = malloc(size);
        sizes[k] = kept[k] ? size : 0;
        a->lost += !kept[k];
        if (kept[k]) memset(kept[k], (int)(a->seed + (unsigned)k), size);
    }
    for (int k = 0; k < KEPT; k++) free(kept[k]);
}

static void allocating(void) {
    Allocating a[THREADS];
    OsThread *threads[THREADS] = {0};
    long lost = 0, started = 0;
    for (int i = 0; i < THREADS; i++) a[i] = (Allocating){.seed = 77u * (unsigned)i};
    for (int i = 1; i < THREADS; i++) started += (threads[i] = os_thread_start(allocate, &a[i])) != NULL;
    allocate(&a[0]);
    for (int i = 1; i < THREADS; i++)
        if (threads[i]) os_thread_join(threads[i]);
    for (int i = 0; i < THREADS; i++) lost += a[i].lost;
    test_check(started == THREADS - 1 && !lost, "%ld threads allocate side by side: %ld bytes lost", started, lost);
}

static void nothing(void *arg) { (void)arg; }

SUITE(threads, .seconds = 1) {
    Counter c = {os_lock_new(), os_condition_new(), 0};
    OsThread *t = os_thread_start(nothing, NULL);
    if (t) os_thread_join(t);
    if (!test_check(c.lock && c.changed, "a lock and a condition")) return;
    if (!t && os_processors() == 1) {
        test_skip("a system without threads");
    } else {
        alternating(&c);
        waiting(&c);
        allocating();
    }
    os_condition_free(c.changed);
    os_lock_free(c.lock);
    os_condition_free(NULL);
    os_lock_free(NULL);
}
