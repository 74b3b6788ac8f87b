/* plan_other.h: of a plan, what is taken beside the arena and the weights; and which activations a listener is told. */
#ifndef SD_PIPELINE_PLAN_OTHER_H
#define SD_PIPELINE_PLAN_OTHER_H

#include "generation.h"

/* Bytes of the program, files that are not mapped, scratch (Expert.scratch), latents and pictures; of a GPU, whose
 * limit is its own memory: 0. */
size_t plan_other(const Generation *g);

/* An activation's name, as the request's listener knows it. */
const char *plan_name(const Generation *g, const char *name, char out[160]);
/* Whether the request's listener is told of this activation, in a copy of its own. */
bool plan_tells(const Generation *g, const char *name);

#endif
