/* thread_pool.h: the CPU's threads and their scratch memory.
 *
 * Scratch belongs to the pool, one piece per thread, so that ops never allocate. thread_pool.c is the only file that
 * knows about threads; results are the same for any number of them. */
#ifndef SD_TENSOR_THREAD_POOL_H
#define SD_TENSOR_THREAD_POOL_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

/* One thread's scratch: blocks of weights, gathered pixels, attention scores. Where ops may use less of it, down to
 * what the largest layer needs (sd/load/scratch.h), they cut their work into smaller blocks: slower, and the same bits.
 * What nobody touches costs nothing. */
enum { SCRATCH_BYTES = 8 << 20, SCRATCH_FASTEST = 4608 << 10, SCRATCH_LEAST = 148 << 10 };

typedef struct ThreadPool ThreadPool;

/* threads 0: as many processors as this process may use. NULL on ERR_MEMORY. */
ThreadPool *pool_new(int threads, Error *e);
/* How many bytes of each thread's scratch forward ops may use: SCRATCH_FASTEST, or what pool_set_scratch said last. Not
 * during a run. False on ERR_MEMORY, where scratch that is not used is not there (sd/core/one_thread.c). */
size_t pool_scratch(const ThreadPool *p);
bool pool_set_scratch(ThreadPool *p, size_t bytes, Error *e);
/* Memory that so many bytes of all threads' scratch take once they are used, by whole pages. */
size_t pool_scratch_memory(const ThreadPool *p, size_t bytes);
void pool_free(ThreadPool *p);         /* NULL is fine */
int pool_threads(const ThreadPool *p); /* at least 1; fewer than requested if the system refused some */

/* Calls fn(arg, i, scratch) for every i in [0, n), on any thread in any order, and returns when all are done. What an
 * index stands for must depend only on the layer and the size of one picture, never on the number of threads: then
 * results do not depend on it either. */
void pool_run(ThreadPool *p, int64_t n, void (*fn)(void *arg, int64_t i, void *scratch), void *arg);

/* Units [at, at + n) of an op's work; n = 0: none are left. */
typedef struct {
    int64_t at, n;
} PoolShare;

/* For an op whose threads cut its work as they go, so that none waits long for another that was held up: pool_run calls
 * fn once a thread, which takes shares until none are left. A share is an equal part of what is left of `all` units,
 * but `least` to `most`, and not more than what is left of a row of `row` units. *taken: 0 before the run. What a
 * unit's result is must not depend on which are taken together. */
PoolShare pool_take(int64_t *taken, int64_t all, int64_t row, int64_t least, int64_t most, int threads);

#endif
