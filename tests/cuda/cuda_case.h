/* cuda_case.h: an op case (tools/ledger/op_cases.h) on a GPU or a CPU, in several ways. */
#ifndef SD_TESTS_CUDA_CUDA_CASE_H
#define SD_TESTS_CUDA_CUDA_CASE_H

#include "tools/ledger/op_cases.h"

typedef enum { PLAINLY, STRIDED, BATCH, IN_PLACE } Way;

/* The results of the first k->N pictures, dense, malloc'ed; NULL: not applicable to this case. on: the table, its type,
 * arena, pool and precision. Outputs start as NaN, surrounded by NaNs, and nothing else is written. */
float *case_run(const Ctx *on, const OpCase *k, const OpData *all, Way way);

/* Whether results of the first `pictures` pictures have the same bits. */
bool case_same(const float *a, const float *b, const OpData *d, int64_t pictures);

/* Whether a case takes long on the stand-in. */
bool case_large(const OpCase *k);

#endif
