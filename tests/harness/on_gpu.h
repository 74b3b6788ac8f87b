/* on_gpu.h: running tests on a GPU: a real one in a build with CUDA, else the shim (cuda/shim/shim.h), where it
 * could be compiled. */
#ifndef SD_TESTS_HARNESS_ON_GPU_H
#define SD_TESTS_HARNESS_ON_GPU_H

#include "tools/ledger/ledger.h"
#include "tools/ledger/on_gpu.h"

/* False, and the suite counts as skipped, without either. */
bool gpu_or_skip(const char *suite);
bool gpu_is_shim(const Gpu *gpu);

/* The blocks of test_blocks.c on this table. */
void check_blocks(const LedgerTable *t);

#endif
