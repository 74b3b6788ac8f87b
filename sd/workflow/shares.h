/* shares.h: a batch shared out among several GPUs. */
#ifndef SD_WORKFLOW_SHARES_H
#define SD_WORKFLOW_SHARES_H

#include "sd/sd.h"

/* As generate, with the batch shared out among the model and its peers; the same pictures in any split. Without peers,
 * or for one picture, it is generate. ERR_ARGUMENT for taps and noise files, which are for one GPU. */
bool share_out(SdModel *m, const SdRequest *r, SdResult *out, Error *e);

#endif
