/* decode.h: previews. The decoding stage itself is a row of stages.h. */
#ifndef SD_PIPELINE_DECODE_H
#define SD_PIPELINE_DECODE_H

#include "generation.h"

/* Decodes clean latents, [count][C][h][w] as the sampler predicts them after `step`, and hands each picture to the
 * request's preview. first: the batch's index of the first one. */
bool show_previews(Generation *g, const float *denoised, int first, int count, int step, int steps, Error *e);

/* The text of the batch's picture `index` of this seed, which the caller frees. refined: the refiner took it over. */
char *picture_told(const Generation *g, int index, bool refined, int64_t seed, Error *e);

#endif
