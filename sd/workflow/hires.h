/* hires.h: pictures that are drawn twice: small, then enlarged and redrawn in part, as the webui's hires fix does.
 * Source: AUTOMATIC1111, modules/processing.py, StableDiffusionProcessingTxt2Img.
 *
 *     first   r at width x height, by the base alone ──> latents x
 *     between latents: interpolated (interpolate.h); or decoded, enlarged by an upscaler or a filter, and encoded
 *     second  img2img of that with the same seeds' noise of the new size, in exactly hires_steps steps
 *
 * Each pass is a request of its own with a plan of its own. */
#ifndef SD_WORKFLOW_HIRES_H
#define SD_WORKFLOW_HIRES_H

#include "sd/sd.h"

bool hires_draw(SdModel *m, const SdRequest *r, SdResult *out, Error *e);
bool hires_plan(SdModel *m, const SdRequest *r, SdPlan *out, Error *e);
/* sd_parameters. */
bool hires_tell(SdModel *m, const SdRequest *r, char **text, Error *e);
/* Of the finished pictures. */
void hires_size(const SdRequest *r, int *width, int *height);

#endif
