/* bench_peaks.h: what this machine or a GPU can do at most, measured: multiply-adds in registers, and copying. */
#ifndef SD_TOOLS_BENCH_BENCH_PEAKS_H
#define SD_TOOLS_BENCH_BENCH_PEAKS_H

#include "tensor/gpu.h"
#include "tensor/thread_pool.h"

#include <stdbool.h>

enum { MOST_PEAKS = MOST_GPU_PEAKS };

typedef struct {
    const char *name;     /* "f32", in the widest vectors of an instruction set, or "bf16"; a GPU's also "f16" */
    const char *isa;      /* the instruction set, as tables of ops are called: "base", "v3", "v4", "avx512bf16"; or a
                           * GPU's instruction */
    double one, together; /* FLOP a second: of one thread, of all threads at once; a GPU's: 0, the whole GPU's */
} Peak;

typedef struct {
    Peak of[MOST_PEAKS];            /* those that this machine has: f32 from narrow to wide, then bf16 */
    int count;                      /* at least 1 */
    int threads;                    /* of `together`; 0: a GPU's */
    double copy_one, copy_together; /* bytes a second, read and written */
} Peaks;

/* A second or so. False on ERR_MEMORY. */
bool bench_peaks(ThreadPool *all, Peaks *out, Error *e);
bool bench_gpu_peaks(Gpu *gpu, Peaks *out, Error *e);
/* Of the instruction set that has most of that name, NULL: no such instructions. f32 is always there. */
const Peak *peak_named(const Peaks *p, const char *name);
/* f32 in the widest vectors on this thread, FLOP a second; some milliseconds. */
double peak_now(void);

#endif
