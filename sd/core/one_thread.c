/* one_thread.c: a pool of one thread, the caller's, in place of tensor/thread_pool.c. It has no more scratch than plans
 * say. */
#include "tensor/thread_pool.h"

#include "tensor/large.h"

#include <stdlib.h>

struct ThreadPool {
    uint8_t *scratch;
    size_t bytes;
};

ThreadPool *pool_new(int threads, Error *e) {
    (void)threads;
    ThreadPool *p = calloc(1, sizeof *p);
    if (!p) error_set(e, ERR_MEMORY, "out of memory for scratch");
    return p;
}

void pool_free(ThreadPool *p) {
    if (p) large_free(p->scratch);
    free(p);
}

int pool_threads(const ThreadPool *p) { return (void)p, 1; }
size_t pool_scratch(const ThreadPool *p) { return p->bytes; }

bool pool_set_scratch(ThreadPool *p, size_t bytes, Error *e) {
    if (bytes == p->bytes) return true;
    large_free(p->scratch);
    p->scratch = bytes ? large_new(bytes) : NULL;
    p->bytes = p->scratch ? bytes : 0;
    return p->bytes == bytes || error_set(e, ERR_MEMORY, "out of memory for scratch");
}

size_t pool_scratch_memory(const ThreadPool *p, size_t bytes) { return (void)p, bytes; }

void pool_run(ThreadPool *p, int64_t n, void (*fn)(void *arg, int64_t i, void *scratch), void *arg) {
    for (int64_t i = 0; i < n; i++) fn(arg, i, p->scratch);
}

PoolShare pool_take(int64_t *taken, int64_t all, int64_t row, int64_t least, int64_t most, int threads) {
    (void)least, (void)threads;
    int64_t at = *taken, n = all - at < most ? all - at : most;
    if (n > row - at % row) n = row - at % row;
    if (n <= 0) return (PoolShare){0};
    *taken = at + n;
    return (PoolShare){at, n};
}
