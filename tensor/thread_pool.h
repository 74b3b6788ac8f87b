/* thread_pool.h: the CPU's threads and their scratch memory.
 *
 * Scratch belongs to the device, one piece a thread, so that ops never allocate. thread_pool.c is the only file that
 * knows threads; the result is the same for any number of them. */
#ifndef SD_TENSOR_THREAD_POOL_H
#define SD_TENSOR_THREAD_POOL_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

enum { SCRATCH_BYTES = 8 << 20 }; /* a thread's scratch: blocks of weights, gathered pixels, attention scores */

typedef struct ThreadPool ThreadPool;

/* threads 0: as many as this process may use. NULL on ERR_MEMORY. */
ThreadPool *pool_new(int threads, Error *e);
void pool_free(ThreadPool *d);
int pool_threads(const ThreadPool *d);

/* Calls fn(arg, i, scratch) for every i in [0, n), on any thread in any order, and returns when all are done. What an
 * index means must depend on the layer and one picture's size only, never on threads: then results do not either. */
void pool_run(ThreadPool *d, int64_t n, void (*fn)(void *arg, int64_t i, void *scratch), void *arg);

#endif
