/* picture_text.h: the text that a picture carries, from the request that made it. */
#ifndef SD_PIPELINE_PICTURE_TEXT_H
#define SD_PIPELINE_PICTURE_TEXT_H

#include "networks.h"
#include "sd/pipeline/text/text_states.h"
#include "sd/sampling/scheduler.h"

/* What the model computes in, of PRECISION_WORDS, or NULL for f32. Not what was requested where the processor cannot do
 * that. */
const char *picture_precision(const SdModel *m);

/* The webui's text of parameters, which the caller frees; NULL on ERR_MEMORY. refiner: the one that drew part of this
 * picture, or NULL. states: its prompts'; embeddings_before: what another pass said of embeddings, or NULL; networks:
 * those that the prompts name, and the request's. scheduler NULL: Automatic. seed and variation_seed are the picture's
 * own. */
char *picture_text(SdModel *m, SdModel *refiner, const SdRequest *r, const TextStates *states,
                   const char *embeddings_before, const NetworkList *networks, const Sampler *sampler,
                   const Scheduler *scheduler, uint64_t seed, uint64_t variation_seed, Error *e);

#endif
