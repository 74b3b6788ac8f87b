/* besides.h: what a checkpoint holds that its networks do not need. */
#ifndef SD_LOAD_BESIDES_H
#define SD_LOAD_BESIDES_H

#include "model.h"

enum { BESIDES_SIZE = 400 };
/* "686 EMA weights, position_ids, 2 others (global_step, ...)", or "". False when out of memory. */
bool model_besides(const SdModel *m, char out[BESIDES_SIZE]);

#endif
