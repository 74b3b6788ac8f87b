/* drawing.h: the models and pictures that requests need, which stay open as long as the next one needs the same. */
#ifndef SD_TOOLS_CLI_DRAWING_H
#define SD_TOOLS_CLI_DRAWING_H

#include "tools/cli/options/picture_options.h"
#include "picture_start.h"

/* All zero: nothing is open. */
typedef struct {
    SdModel *model, *refiner, *hires_model;
    SdUpscaler *upscaler;
    OpenControls controls;
    Image image, mask;
    char called[UPSCALER_NAME];
    PictureArguments of; /* what it was opened for, whose strings must last; of.of 0: nothing */
} Drawing;

/* Opens what these arguments name and is not open yet, and makes *r their request, which lasts until the next call.
 * What was open for others is closed first, so that no two models are. False: e says why. drawing_close in any case. */
bool drawing_set(Drawing *d, const PictureArguments *a, SdRequest *r, Error *e);
/* Draws it: by sd_img2img if it begins with a picture. */
bool drawing_run(Drawing *d, const SdRequest *r, SdResult *out, Error *e);
void drawing_close(Drawing *d);

#endif
