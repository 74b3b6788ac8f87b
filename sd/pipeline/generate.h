/* generate.h: a whole request on the model's own device. */
#ifndef SD_PIPELINE_GENERATE_H
#define SD_PIPELINE_GENERATE_H

#include "generation.h"

/* A request that is drawn in one pass. pass NULL: the only one. */
bool generate(SdModel *m, const SdRequest *r, const Pass *pass, SdResult *out, Error *e);

#endif
