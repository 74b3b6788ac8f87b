/* bench_kernels.h: a model's products, one at a time, on one thread, with every table of ops that this machine can run
 * in the precision. */
#ifndef SD_TOOLS_BENCH_BENCH_KERNELS_H
#define SD_TOOLS_BENCH_BENCH_KERNELS_H

#include "bench_record.h"

enum { MOST_TABLES = 5 };

typedef struct {
    const Call *call;          /* of the record */
    double share[MOST_TABLES]; /* its rate as a fraction of the peak measured right before it */
} Kernel;

typedef struct {
    const char *tables[MOST_TABLES];
    int table_count, count;
    Kernel *at; /* owned */
    /* Shares of all products of a stage together (indexed by SD_STAGE_TEXT...), and of its linear layers. */
    double whole[SD_STAGE_DECODE + 1][MOST_TABLES], linear[SD_STAGE_DECODE + 1][MOST_TABLES];
} Kernels;

/* mixed: also the table for that precision, last, if the machine has one. runs: how often each is measured; the best
 * counts. `seen` is called after each kernel; may be NULL. */
bool bench_kernels(const Record *r, Precision precision, bool mixed, int runs,
                   void (*seen)(const Kernels *k, const Kernel *one), Kernels *out, Error *e);
void kernels_free(Kernels *k);

#endif
