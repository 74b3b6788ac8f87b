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

/* sd_txt2img and sd_img2img, once they have looked at the request: in one pass, or in several. */
bool draw_passes(SdModel *m, const SdRequest *r, SdResult *out, Error *e);
/* What the pass takes that takes more. */
bool plan_passes(SdModel *m, const SdRequest *r, SdPlan *out, Error *e);
/* sd_parameters, likewise. */
bool tell_passes(SdModel *m, const SdRequest *r, char **text, Error *e);

#endif
