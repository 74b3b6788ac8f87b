/* bench_kernels.h: the machine's peaks and the rate of every product, on standard output. runs: turns of each. */
#ifndef SD_BENCH_KERNELS_H
#define SD_BENCH_KERNELS_H

#include "../tensor/device.h"

#include <stdbool.h>

bool bench_kernels(int runs, int threads, Error *e);

#endif
