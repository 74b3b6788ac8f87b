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

struct ThreadPool {
    int threads;      /* including the caller's */
    uint8_t *scratch; /* threads x SCRATCH_BYTES; pages a thread never touches cost nothing */
    struct Worker {
        OsThread *thread;
        struct ThreadPool *pool;
        int number; /* 1..threads - 1; the caller is 0 */
    } * workers;
    int started;

    OsLock *lock;
    OsCondition *wake, *rest;
    atomic_uint run; /* counts runs; a change is the signal to work */
    atomic_int busy; /* workers that have not finished this run */
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

static void worker(void *arg) {
    const struct Worker *w = arg;
    ThreadPool *p = w->pool;
    for (unsigned seen = 0;; seen++) {
        for (int k = 0; k < LOOKS && atomic_load(&p->run) == seen; k++) look_again();
        if (atomic_load(&p->run) == seen) {
            os_lock(p->lock);
            while (atomic_load(&p->run) == seen) os_condition_wait(p->wake, p->lock);
            os_unlock(p->lock);
        }
        if (atomic_load(&p->stop)) return;
        work(p, w->number);
        if (atomic_fetch_sub(&p->busy, 1) == 1) {
            os_lock(p->lock);
            os_condition_wake(p->rest);
            os_unlock(p->lock);
        }
    }
}

static void next_run(ThreadPool *p) {
    if (!p->started) return;
    os_lock(p->lock);
    atomic_fetch_add(&p->run, 1);
    os_condition_wake(p->wake);
    os_unlock(p->lock);
}

ThreadPool *pool_new(int threads, Error *e) {
    ThreadPool *p = calloc(1, sizeof *p);
    if (threads <= 0) threads = os_processors();
    if (p) {
        p->threads = threads;
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
    next_run(p);
    for (int i = 1; i <= p->started; i++) os_thread_join(p->workers[i].thread);
    os_condition_free(p->rest);
    os_condition_free(p->wake);
    os_lock_free(p->lock);
    free(p->workers);
    large_free(p->scratch);
    free(p);
}

int pool_threads(const ThreadPool *p) { return p->started + 1; }

void pool_run(ThreadPool *p, int64_t n, void (*fn)(void *arg, int64_t i, void *scratch), void *arg) {
    if (n <= 1 || !p->started) {
        for (int64_t i = 0; i < n; i++) fn(arg, i, p->scratch);
        return;
    }
    p->fn = fn;
    p->arg = arg;
    p->n = n;
    atomic_store(&p->next, 0);
    atomic_store(&p->busy, p->started);
    next_run(p);
    work(p, 0);
    for (int k = 0; k < LOOKS && atomic_load(&p->busy); k++) look_again();
    if (atomic_load(&p->busy)) {
        os_lock(p->lock);
        while (atomic_load(&p->busy)) os_condition_wait(p->rest, p->lock);
        os_unlock(p->lock);
    }
}
