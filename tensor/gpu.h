/* gpu.h: memory that only a GPU reaches, and the door to it.
 *
 * A table of ops that has a GpuMemory works in its GPU's memory: prepared weights and the arena lie there. Beside
 * such an arena stands a shadow in the host's memory, where the host reads and writes what goes in and out
 * (tensor_host, tensor_push and tensor_pull in ctx.h). Everything on a GPU happens in the order in which it was asked
 * for. */
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
    bool (*pull)(Gpu *gpu, void *to, const void *from, size_t bytes, Error *e); /* once what was asked for is done */
    size_t (*available)(Gpu *gpu);                                              /* bytes that are free */
    void (*enter)(Gpu *gpu); /* what this thread prepares from here on is this GPU's */
    /* Work with the same addresses every time: what is asked for between begin and end is not done but recorded, to be
     * played as one. end gives NULL where it could not be recorded. */
    bool (*record_begin)(Gpu *gpu);
    void *(*record_end)(Gpu *gpu);
    bool (*play)(Gpu *gpu, void *recording, Error *e);
    void (*forget)(Gpu *gpu, void *recording);
} GpuMemory;

/* Without CUDA in this build, or without a driver or a GPU: 0. */
int gpu_count(void);
/* Whether it is 0 though there is a GPU, as far as one can tell; with the reason. */
bool gpu_idle(Error *why);
/* False, with ERR_DEVICE and a reason, where there is none of that number. */
bool gpu_there(int number, Error *e);
/* NULL on an error. */
Gpu *gpu_open(int number, Error *e);
void gpu_close(Gpu *gpu);             /* NULL is fine */
const char *gpu_name(const Gpu *gpu); /* "cuda:0 (NVIDIA H100)" */
/* The GPU's table whose activations are of that type: F32, F16 or BF16. */
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

/* What the GPU can do at most, measured. */
bool gpu_peaks(Gpu *gpu, GpuPeaks *out, Error *e);
/* Mark number i, from 0 on, on the GPU's own clock: where the work that was asked for so far ends. A GPU with nothing
 * to do is held back some milliseconds first: work gathers behind the mark, so that the time between marks is the
 * GPU's and not the host's. */
bool gpu_mark(Gpu *gpu, int i, Error *e);
/* Seconds from one mark to another, once both are past. */
bool gpu_between(Gpu *gpu, int from, int to, double *seconds, Error *e);
size_t gpu_used(Gpu *gpu); /* bytes of its memory that are taken, by whomever */

#endif
