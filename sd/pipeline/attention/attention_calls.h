/* attention_calls.h: what a U-Net call adds to attention maps. */
#ifndef SD_PIPELINE_ATTENTION_CALLS_H
#define SD_PIPELINE_ATTENTION_CALLS_H

#include "sd/pipeline/control/control_calls.h"

/* Who looks on while the U-Net at work runs over the n pictures of a call, and allocates its maps; NULL: nobody. */
const CrossListener *attention_place(Generation *g, const ControlCall *call, int64_t n);
/* Adds what it saw to the sums. group: the batch's number of the group's first picture. */
void attention_take(Generation *g, const ControlCall *call, int group);

#endif
