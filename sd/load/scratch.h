/* scratch.h: how little of a thread's scratch a model's layers can do with. */
#ifndef SD_LOAD_SCRATCH_H
#define SD_LOAD_SCRATCH_H

#include "model.h"

/* Bytes that the largest layer takes in the smallest blocks (tensor/cpu), at least SCRATCH_LEAST; SCRATCH_FASTEST where
 * ops cannot take less (OpenBLAS). */
size_t model_least_scratch(const SdModel *m);

#endif
