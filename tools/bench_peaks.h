/* bench_peaks.h: what this machine can do at most, measured: multiply-adds in registers, and copying. */
#ifndef SD_BENCH_PEAKS_H
#define SD_BENCH_PEAKS_H

#include "../tensor/device.h"

#include <stdbool.h>

enum { MOST_PEAKS = 4 };

typedef struct {
    const char *name;     /* "f32", in the widest vectors of an instruction set, or "bf16" */
    const char *isa;      /* the instruction set, as tables of ops are called: "base", "v3", "v4", "avx512bf16" */
    double one, together; /* FLOP a second: of one thread, of all threads at once */
} Peak;

typedef struct {
    Peak of[MOST_PEAKS];            /* those that this machine has: f32 from narrow to wide, then bf16 */
    int count;                      /* at least 1 */
    int threads;                    /* of `together` */
    double copy_one, copy_together; /* bytes a second, read and written */
} Peaks;

/* A second or so. False on ERR_MEMORY. */
bool bench_peaks(Device *all, Peaks *out, Error *e);
const Peak *peak_f32(const Peaks *p);  /* of the instruction set that has most */
const Peak *peak_bf16(const Peaks *p); /* NULL: no such instructions */
/* f32 in the widest vectors on this thread, FLOP a second; some milliseconds. */
double peak_now(void);

/* Seconds that this thread has computed: others on the machine cost caches, not this clock. */
double thread_seconds(void);

#endif
