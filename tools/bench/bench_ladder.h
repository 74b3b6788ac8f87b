/* bench_ladder.h: `sdc bench --ladder`: one convolution and one attention, from three loops to the kernels, each rung
 * measured. The guide's page on kernels reads it. */
#ifndef SD_TOOLS_BENCH_BENCH_LADDER_H
#define SD_TOOLS_BENCH_BENCH_LADDER_H

#include "tensor/error.h"

typedef struct {
    const char *name, *what;
    double rate;  /* FLOP/s of one thread; of Winograd those that a direct convolution would need */
    double share; /* of the peak of the widest vectors, measured right before it */
    double error; /* largest difference from the first rung of the same work, over the RMS of that */
} Rung;

enum { RUNGS = 7 };
/* The convolution is 3x3 over 32 x 32 pixels, 128 channels to 128: a product of 1024 rows of 1152 with 128 outputs. The
 * attention has 1024 queries, 1024 keys, one head of 64. On one thread, in its processor time; the best of so many runs
 * counts. False on ERR_MEMORY. */
bool bench_ladder(int runs, Rung out[RUNGS], Error *e);

#endif
