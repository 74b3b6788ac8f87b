/* upscaler.h: an upscaler is a model that has nothing but PART_UPSCALER. */
#ifndef SD_LOAD_UPSCALER_H
#define SD_LOAD_UPSCALER_H

#include "model.h"

struct SdUpscaler {
    SdModel *m;
};

#endif
