/* thread_pool.c: the only file that knows about threads.
 *
 * Between runs workers wait: awake for a moment, because ops follow each other within microseconds, then asleep,
 * because a machine may have other things to do. (Where cores are shared, OpenMP's way of waiting is ten times slower.)
 */
#include "thread_pool.h"
#include "large.h"
#include "os.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { LOOKS = 4000 }; /* how often a waiting thread looks before it sleeps: about 20 us */

/* A run's state in one word: its number, whether workers may still join it, and how many are in it. Nobody waits for a
 * worker that the system has not woken in time to find work. */
#define OPEN ((uint64_t)1 << 31)
#define RUN ((uint64_t)1 << 32)
static uint64_t number_of(uint64_t state) { return state / RUN; }
static uint64_t inside(uint64_t state) { return state % OPEN; }

struct ThreadPool {
    int threads;      /* including the caller's */
    uint8_t *scratch; /* threads x SCRATCH_BYTES; pages a thread never touches cost nothing */
    size_t used;      /* of each */
    struct Worker {
        OsThread *thread;
        struct ThreadPool *pool;
        int number; /* 1..threads - 1; the caller is 0 */
    } * workers;
    int started;

    OsLock *lock;
    OsCondition *wake, *rest;
    _Atomic uint64_t state; /* a new number is the signal to work */
    atomic_bool stop;

    void (*fn)(void *arg, int64_t i, void *scratch);
    void *arg;
    int64_t n;
    _Atomic int64_t next; /* the first index that nobody has taken yet */
};

static void look_again(void) {
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("isb"); /* waits as long as x86's pause; on most processors `yield` does nothing */
#endif
}

static void work(ThreadPool *p, int number) {
    void *scratch = p->scratch + (size_t)number * SCRATCH_BYTES;
    int64_t i;
    while ((i = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed)) < p->n) p->fn(p->arg, i, scratch);
}

static bool join(ThreadPool *p, uint64_t number) {
    uint64_t state = atomic_load(&p->state);
    while (number_of(state) == number && state & OPEN)
        if (atomic_compare_exchange_weak(&p->state, &state, state + 1)) return true;
    return false;
}

static void leave(ThreadPool *p) {
    uint64_t state = atomic_fetch_sub(&p->state, 1);
    if (inside(state) != 1 || state & OPEN) return;
    os_lock(p->lock);
    os_condition_wake(p->rest);
    os_unlock(p->lock);
}

static void worker(void *arg) {
    const struct Worker *w = arg;
    ThreadPool *p = w->pool;
    for (uint64_t seen = 0;;) {
        for (int k = 0; k < LOOKS && number_of(atomic_load(&p->state)) == seen; k++) look_again();
        if (number_of(atomic_load(&p->state)) == seen) {
            os_lock(p->lock);
            while (number_of(atomic_load(&p->state)) == seen) os_condition_wait(p->wake, p->lock);
            os_unlock(p->lock);
        }
        if (atomic_load(&p->stop)) return;
        seen = number_of(atomic_load(&p->state));
        if (!join(p, seen)) continue;
        work(p, w->number);
        leave(p);
    }
}

/* Begins a run that workers may join, or, open 0, only wakes them. */
static void next_run(ThreadPool *p, uint64_t open) {
    if (!p->started) return;
    os_lock(p->lock);
    atomic_store(&p->state, (number_of(atomic_load(&p->state)) + 1) * RUN | open);
    os_condition_wake(p->wake);
    os_unlock(p->lock);
}

ThreadPool *pool_new(int threads, Error *e) {
    ThreadPool *p = calloc(1, sizeof *p);
    if (threads <= 0) threads = os_processors();
    if (p) {
        p->threads = threads;
        p->used = SCRATCH_FASTEST;
        p->scratch = large_new((size_t)threads * SCRATCH_BYTES);
        p->workers = calloc((size_t)threads, sizeof *p->workers);
        p->lock = os_lock_new();
        p->wake = os_condition_new();
        p->rest = os_condition_new();
    }
    if (!p || !p->scratch || !p->workers || !p->lock || !p->wake || !p->rest) {
        error_set(e, ERR_MEMORY, "out of memory for the scratch of %d threads; use fewer --threads", threads);
        pool_free(p);
        return NULL;
    }
    for (int i = 1; i < threads; i++) {
        struct Worker *w = &p->workers[i];
        *w = (struct Worker){.pool = p, .number = i};
        w->thread = os_thread_start(worker, w);
        if (!w->thread) break; /* fewer threads, same results */
        p->started++;
    }
    return p;
}

void pool_free(ThreadPool *p) {
    if (!p) return;
    atomic_store(&p->stop, true);
    next_run(p, 0);
    for (int i = 1; i <= p->started; i++) os_thread_join(p->workers[i].thread);
    os_condition_free(p->rest);
    os_condition_free(p->wake);
    os_lock_free(p->lock);
    free(p->workers);
    large_free(p->scratch);
    free(p);
}

int pool_threads(const ThreadPool *p) { return p->started + 1; }
size_t pool_scratch(const ThreadPool *p) { return p->used; }

/* The system gives scratch in huge pages (large.h). */
static size_t in_pages(size_t bytes) {
    enum { HUGE = 2 << 20 };
    return bytes < SCRATCH_BYTES ? (bytes + HUGE - 1) / HUGE * HUGE : SCRATCH_BYTES;
}

bool pool_set_scratch(ThreadPool *p, size_t bytes, Error *e) {
    size_t keep = in_pages(bytes);
    (void)e;
    for (int i = 0; i < p->threads && keep < SCRATCH_BYTES; i++)
        os_drop_pages(p->scratch + (size_t)i * SCRATCH_BYTES + keep, SCRATCH_BYTES - keep);
    p->used = bytes;
    return true;
}

size_t pool_scratch_memory(const ThreadPool *p, size_t bytes) { return (size_t)pool_threads(p) * in_pages(bytes); }

void pool_run(ThreadPool *p, int64_t n, void (*fn)(void *arg, int64_t i, void *scratch), void *arg) {
    if (n <= 1 || !p->started) {
        for (int64_t i = 0; i < n; i++) fn(arg, i, p->scratch);
        return;
    }
    p->fn = fn;
    p->arg = arg;
    p->n = n;
    atomic_store(&p->next, 0);
    next_run(p, OPEN);
    work(p, 0);
    atomic_fetch_and(&p->state, ~OPEN);
    for (int k = 0; k < LOOKS && inside(atomic_load(&p->state)); k++) look_again();
    if (inside(atomic_load(&p->state))) {
        os_lock(p->lock);
        while (inside(atomic_load(&p->state))) os_condition_wait(p->rest, p->lock);
        os_unlock(p->lock);
    }
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

PoolShare pool_take(int64_t *taken, int64_t all, int64_t row, int64_t least, int64_t most, int threads) {
    int64_t at = __atomic_load_n(taken, __ATOMIC_RELAXED), n;
    do {
        if (at >= all) return (PoolShare){0};
        n = (all - at) / threads;
        n = smaller(n < least ? least : n, smaller(most, row - at % row));
    } while (!__atomic_compare_exchange_n(taken, &at, at + n, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return (PoolShare){at, n};
}
