/* hint.h: what a ControlNet is shown of a picture: the preprocessors that need no network. */
#ifndef SD_IMAGE_HINT_H
#define SD_IMAGE_HINT_H

#include "sd/sd.h"

/* Replaces rgb[h][w][3] by the preprocessor's picture of it. low, high: canny's thresholds; low: the luminance's gamma.
 * False on ERR_MEMORY. Source: Mikubill, sd-webui-controlnet, scripts/preprocessor. */
bool hint_make(uint8_t *rgb, int w, int h, SdHint by, double low, double high, Error *e);
/* Each preprocessor's defaults; 0 where it takes none. */
double hint_low(SdHint by);
double hint_high(SdHint by);

#endif
