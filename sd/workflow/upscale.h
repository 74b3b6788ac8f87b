/* upscale.h: what an upscaler takes. */
#ifndef SD_WORKFLOW_UPSCALE_H
#define SD_WORKFLOW_UPSCALE_H

#include "sd/sd.h"

/* The most that the process is planned to have in memory in sd_upscale of a picture of how's size, whose bytes are not
 * looked at. ERR_MEMORY where the limit does not allow it. */
bool upscale_plan(SdUpscaler *u, const SdUpscale *how, size_t *process, Error *e);

#endif
