/* pool.c: threads. The only file that knows OpenMP. */
#include "device.h"

#include <stdlib.h>
#ifdef _OPENMP
#include <omp.h>
#endif

struct Device {
    int threads;
    uint8_t *scratch; /* threads x SCRATCH_BYTES; pages a thread never touches cost nothing */
};

Device *device_new(int threads, Error *e) {
    Device *d = calloc(1, sizeof *d);
    if (!d) {
        error_set(e, ERR_MEMORY, "out of memory for a device");
        return NULL;
    }
#ifdef _OPENMP
    d->threads = threads > 0 ? threads : omp_get_num_procs();
#else
    (void)threads;
    d->threads = 1;
#endif
    d->scratch = aligned_alloc(4096, (size_t)d->threads * SCRATCH_BYTES);
    if (!d->scratch) {
        error_set(e, ERR_MEMORY, "out of memory for the scratch of %d threads; give fewer --threads", d->threads);
        free(d);
        return NULL;
    }
    return d;
}

void device_free(Device *d) {
    if (!d) return;
    free(d->scratch);
    free(d);
}

int device_threads(const Device *d) { return d->threads; }

void device_run(Device *d, int64_t n, void (*fn)(void *arg, int64_t i, void *scratch), void *arg) {
#ifdef _OPENMP
#pragma omp parallel for schedule(dynamic, 1) num_threads(d->threads) if (n > 1 && d->threads > 1)
    for (int64_t i = 0; i < n; i++) fn(arg, i, d->scratch + (size_t)omp_get_thread_num() * SCRATCH_BYTES);
#else
    for (int64_t i = 0; i < n; i++) fn(arg, i, d->scratch);
#endif
}
