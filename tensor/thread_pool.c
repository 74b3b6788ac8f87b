/* thread_pool.c: threads. The only file that knows them.
 *
 * Workers wait between runs: awake for a moment, because ops follow each other within microseconds, then asleep,
 * because a machine may have other things to do. (OpenMP's own waiting costs a factor of ten where cores are shared.)
 */
#define _GNU_SOURCE
#include "thread_pool.h"
#include "large.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#endif

enum { LOOKS = 4000 }; /* how often a waiting thread looks before it sleeps: some 20 us */

struct ThreadPool {
    int threads;      /* the caller's among them */
    uint8_t *scratch; /* threads x SCRATCH_BYTES; pages a thread never touches cost nothing */
    struct Worker {
        pthread_t id;
        struct ThreadPool *d;
        int number; /* 1..threads - 1; the caller is 0 */
    } * workers;
    int started;

    pthread_mutex_t lock;
    pthread_cond_t wake, rest;
    atomic_uint turn; /* counts runs; a change is the signal to work */
    atomic_int busy;  /* workers that have not finished this run */
    atomic_bool stop;

    void (*fn)(void *arg, int64_t i, void *scratch);
    void *arg;
    int64_t n;
    _Atomic int64_t next; /* the first index that nobody took yet */
};

static void look_again(void) {
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("isb"); /* waits as long as x86's pause; `yield` does nothing on most */
#endif
}

static int available(void) {
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

static void work(ThreadPool *d, int number) {
    void *scratch = d->scratch + (size_t)number * SCRATCH_BYTES;
    int64_t i;
    while ((i = atomic_fetch_add_explicit(&d->next, 1, memory_order_relaxed)) < d->n) d->fn(d->arg, i, scratch);
}

static void *worker(void *arg) {
    const struct Worker *w = arg;
    ThreadPool *d = w->d;
    for (unsigned seen = 0;; seen++) {
        for (int k = 0; k < LOOKS && atomic_load(&d->turn) == seen; k++) look_again();
        if (atomic_load(&d->turn) == seen) {
            pthread_mutex_lock(&d->lock);
            while (atomic_load(&d->turn) == seen) pthread_cond_wait(&d->wake, &d->lock);
            pthread_mutex_unlock(&d->lock);
        }
        if (atomic_load(&d->stop)) return NULL;
        work(d, w->number);
        if (atomic_fetch_sub(&d->busy, 1) == 1) {
            pthread_mutex_lock(&d->lock);
            pthread_cond_signal(&d->rest);
            pthread_mutex_unlock(&d->lock);
        }
    }
}

static void next_turn(ThreadPool *d) {
    pthread_mutex_lock(&d->lock);
    atomic_fetch_add(&d->turn, 1);
    pthread_cond_broadcast(&d->wake);
    pthread_mutex_unlock(&d->lock);
}

ThreadPool *pool_new(int threads, Error *e) {
    ThreadPool *d = calloc(1, sizeof *d);
    if (d) {
        d->threads = threads > 0 ? threads : available();
        d->scratch = large_new((size_t)d->threads * SCRATCH_BYTES);
        d->workers = calloc((size_t)d->threads, sizeof *d->workers);
    }
    if (!d || !d->scratch || !d->workers) {
        error_set(e, ERR_MEMORY, "out of memory for the scratch of %d threads; give fewer --threads",
                  d ? d->threads : 1);
        if (d) free(d->scratch), free(d->workers);
        free(d);
        return NULL;
    }
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->wake, NULL);
    pthread_cond_init(&d->rest, NULL);
    for (int i = 1; i < d->threads; i++) {
        struct Worker *w = &d->workers[i];
        *w = (struct Worker){.d = d, .number = i};
        if (pthread_create(&w->id, NULL, worker, w) != 0) break; /* as many as the system gives: results are the same */
        d->started++;
    }
    return d;
}

void pool_free(ThreadPool *d) {
    if (!d) return;
    atomic_store(&d->stop, true);
    next_turn(d);
    for (int i = 1; i <= d->started; i++) pthread_join(d->workers[i].id, NULL);
    pthread_cond_destroy(&d->rest);
    pthread_cond_destroy(&d->wake);
    pthread_mutex_destroy(&d->lock);
    free(d->workers);
    free(d->scratch);
    free(d);
}

int pool_threads(const ThreadPool *d) { return d->started + 1; }

void pool_run(ThreadPool *d, int64_t n, void (*fn)(void *arg, int64_t i, void *scratch), void *arg) {
    if (n <= 1 || !d->started) {
        for (int64_t i = 0; i < n; i++) fn(arg, i, d->scratch);
        return;
    }
    d->fn = fn;
    d->arg = arg;
    d->n = n;
    atomic_store(&d->next, 0);
    atomic_store(&d->busy, d->started);
    next_turn(d);
    work(d, 0);
    for (int k = 0; k < LOOKS && atomic_load(&d->busy); k++) look_again();
    if (atomic_load(&d->busy)) {
        pthread_mutex_lock(&d->lock);
        while (atomic_load(&d->busy)) pthread_cond_wait(&d->rest, &d->lock);
        pthread_mutex_unlock(&d->lock);
    }
}
