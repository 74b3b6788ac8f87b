/* generate.h: a whole request on the model's own device. */
#ifndef SD_PIPELINE_GENERATE_H
#define SD_PIPELINE_GENERATE_H

#include "generation.h"

/* A request that is drawn in one pass. pass NULL: the only one. */
bool generate(SdModel *m, const SdRequest *r, const Pass *pass, SdResult *out, Error *e);
/* What that takes. */
bool generate_plan(SdModel *m, const SdRequest *r, const Pass *pass, SdPlan *out, Error *e);
/* The text alone (sd_parameters); *text NULL: the pass makes no picture, only what is said of embeddings. */
bool generate_tell(SdModel *m, const SdRequest *r, const Pass *pass, char **text, Error *e);
/* Gives back what calls with request.keep left with the request's models. */
void generate_release(SdModel *m, const SdRequest *r);

#endif
