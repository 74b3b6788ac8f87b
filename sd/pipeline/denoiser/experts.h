/* experts.h: the models that take turns at a picture: the base, and the refiner that takes over from it. The weights of
 * one at a time are in memory, unless the request keeps them. */
#ifndef SD_PIPELINE_EXPERTS_H
#define SD_PIPELINE_EXPERTS_H

#include "sd/pipeline/generation.h"

/* The arena's bottom becomes this expert's (conditioning_turn), and the other's weights are released. Does nothing if
 * it is at work already. */
void expert_put_to_work(Generation *g, Expert *d);
/* It gets memory and weights for its share of `stage`, in which `nested` runs; -1: none does. */
bool expert_enter(Generation *g, Expert *d, int stage, int nested, Error *e);
/* It goes on with the stage that was entered last, if another was at work. No scope may be open. */
bool expert_take_over(Generation *g, Expert *d, Error *e);

/* Who draws the batch's picture `index` now: the refiner, if it has taken it over. */
Expert *expert_for(Generation *g, int index);
/* "refiner " while it is at work, for messages; else "". */
const char *expert_shown(const Generation *g);

#endif
