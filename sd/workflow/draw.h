/* draw.h: how often a request draws: once (generate.h); twice (hires.h); or once for each batch of tiles
 * (tiles.h) or part of an extension (outpaint.h). */
#ifndef SD_WORKFLOW_DRAW_H
#define SD_WORKFLOW_DRAW_H

#include "sd/sd.h"

/* sd_txt2img and sd_img2img on one device, once they have looked at the request. */
bool draw_passes(SdModel *m, const SdRequest *r, SdResult *out, Error *e);
/* What the pass takes that takes most. */
bool plan_passes(SdModel *m, const SdRequest *r, SdPlan *out, Error *e);
/* sd_parameters. */
bool tell_passes(SdModel *m, const SdRequest *r, char **text, Error *e);

#endif
