/* bench_kernels.h: a model's products, one at a time, on one thread, in every table of ops that this machine has
 * for the precision. */
#ifndef SD_TOOLS_BENCH_BENCH_KERNELS_H
#define SD_TOOLS_BENCH_BENCH_KERNELS_H

#include "bench_record.h"

enum { MOST_TABLES = 5 };

typedef struct {
    const Call *call;          /* of the record */
    double share[MOST_TABLES]; /* its rate as a part of the peak measured in the same turn */
} Kernel;

typedef struct {
    const char *tables[MOST_TABLES];
    int table_count, count;
    Kernel *at; /* owned */
    /* Of all products of a stage (SD_STAGE_TEXT.. as an index), by FLOP: what the stage would reach; of its linear
     * layers alone. */
    double whole[SD_STAGE_DECODE + 1][MOST_TABLES], linear[SD_STAGE_DECODE + 1][MOST_TABLES];
} Kernels;

/* mixed: with the table of that precision, last, where the machine has one. runs: turns of each, of which the best
 * counts. `seen` is told of each kernel as it is done. */
bool bench_kernels(const Record *r, Precision precision, bool mixed, int runs,
                   void (*seen)(const Kernels *k, const Kernel *one), Kernels *out, Error *e);
void kernels_free(Kernels *k);

#endif
