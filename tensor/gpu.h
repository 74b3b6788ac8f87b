/* gpu.h: GPUs, and memory that only they can reach.
 *
 * A table of ops with a GpuMemory works in its GPU's memory: prepared weights and the arena are there. Such an arena
 * has a copy in host memory, where the host reads and writes what goes out and in (tensor_host, tensor_push and
 * tensor_pull in ctx.h). A GPU does everything in the order in which it was requested. */
#ifndef SD_TENSOR_GPU_H
#define SD_TENSOR_GPU_H

#include "error.h"
#include "tensor.h"

#include <stddef.h>

typedef struct Gpu Gpu;
typedef struct Ops Ops;

typedef struct {
    void *(*reserve)(Gpu *gpu, size_t bytes, Error *e); /* 256-byte aligned; NULL on ERR_MEMORY */
    void (*release)(Gpu *gpu, void *memory);
    bool (*push)(Gpu *gpu, void *to, const void *from, size_t bytes, Error *e);
    bool (*pull)(Gpu *gpu, void *to, const void *from, size_t bytes, Error *e); /* waits for all that was requested */
    size_t (*available)(Gpu *gpu);                                              /* bytes that are free */
    void (*enter)(Gpu *gpu); /* from now on, weights that this thread prepares are for this GPU */
    /* For work with the same addresses every time: what is requested between begin and end is not done but recorded, to
     * be played as a whole. end returns NULL if it could not be recorded. */
    bool (*record_begin)(Gpu *gpu);
    void *(*record_end)(Gpu *gpu);
    bool (*play)(Gpu *gpu, void *recording, Error *e);
    void (*forget)(Gpu *gpu, void *recording);
} GpuMemory;

/* 0 without a GPU, without its driver, or in a build without CUDA. */
int gpu_count(void);
/* Whether gpu_count is 0 although, as far as one can tell, there is a GPU; why: the reason. */
bool gpu_unusable(Error *why);
/* Whether GPU `number` exists; if not, ERR_DEVICE with the reason. */
bool gpu_exists(int number, Error *e);
/* NULL on an error. */
Gpu *gpu_open(int number, Error *e);
void gpu_close(Gpu *gpu);             /* NULL is fine */
const char *gpu_name(const Gpu *gpu); /* "cuda:0 (NVIDIA H100)" */
/* The GPU's table for activations of this type: F32, F16 or BF16. */
const Ops *gpu_ops(const Gpu *gpu, DType type);

/* For benchmarks (cuda/bench.cu). */

enum { MOST_GPU_PEAKS = 5 };

typedef struct {
    struct {
        const char *name, *unit; /* "f16" by "mma": instructions of one unit of the GPU */
        double rate;             /* FLOP a second */
    } of[MOST_GPU_PEAKS];
    int count;
    double copy; /* bytes a second, read and written */
} GpuPeaks;

/* The most that the GPU can do, measured. */
bool gpu_peaks(Gpu *gpu, GpuPeaks *out, Error *e);
/* Sets mark i (from 0) on the GPU's clock: the time when all work requested so far ends. An idle GPU is first kept
 * waiting for some milliseconds: work then queues up after the mark, so that the time between marks is the GPU's and
 * not the host's. */
bool gpu_mark(Gpu *gpu, int i, Error *e);
/* Seconds from one mark to another; waits for both. */
bool gpu_between(Gpu *gpu, int from, int to, double *seconds, Error *e);
size_t gpu_used(Gpu *gpu); /* bytes of its memory in use, by anyone */

#endif
