/* generate.h: a whole request on the model's own device. */
#ifndef SD_PIPELINE_GENERATE_H
#define SD_PIPELINE_GENERATE_H

#include "sd/sd.h"

/* sd_txt2img and sd_img2img, once they have looked at the request. */
bool generate(SdModel *m, const SdRequest *r, SdResult *out, Error *e);

#endif
