/* bench_peaks.h: the most that this machine or a GPU can do, measured: multiply-adds in registers, and copying. */
#ifndef SD_TOOLS_BENCH_BENCH_PEAKS_H
#define SD_TOOLS_BENCH_BENCH_PEAKS_H

#include "tensor/gpu.h"
#include "tensor/thread_pool.h"

#include <stdbool.h>

enum { MOST_PEAKS = MOST_GPU_PEAKS };

typedef struct {
    const char *name;     /* "f32", in an instruction set's widest vectors, or "bf16"; of a GPU also "f16" */
    const char *isa;      /* the instruction set, named as tables of ops are: "base", "v3", "v4", "avx512bf16"; or a
                           * GPU's instruction */
    double one, together; /* FLOP/s: of one thread, of all threads at once; of a GPU: 0, the whole GPU */
} Peak;

typedef struct {
    Peak of[MOST_PEAKS];            /* f32 from narrow to wide, then bf16 if there is one */
    int count;                      /* at least 1 */
    int threads;                    /* in `together`; 0: a GPU */
    double copy_one, copy_together; /* bytes per second, read and written */
} Peaks;

/* Takes about a second. False on ERR_MEMORY. */
bool bench_peaks(ThreadPool *all, Peaks *out, Error *e);
/* Seconds in which all threads copy so many bytes to memory that was never touched. False on ERR_MEMORY. */
bool bench_first_copy(ThreadPool *all, size_t bytes, double *seconds, Error *e);
bool bench_gpu_peaks(Gpu *gpu, Peaks *out, Error *e);
/* The highest peak of that name; NULL: there is none. "f32" always exists. */
const Peak *peak_named(const Peaks *p, const char *name);
/* f32 in the widest vectors on this thread, FLOP/s; takes some milliseconds. */
double peak_now(void);

#endif
