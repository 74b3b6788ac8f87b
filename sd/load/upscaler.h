/* upscaler.h: an upscaler is a model that has nothing but PART_UPSCALER. */
#ifndef SD_LOAD_UPSCALER_H
#define SD_LOAD_UPSCALER_H

#include "model.h"

struct SdUpscaler {
    SdModel *m;
};

/* As sd_upscaler_open, of a file in memory, which must outlive it; name is what messages call it. */
SdUpscaler *upscaler_open_memory(const char *name, const void *bytes, size_t size, const SdOptions *options, Error *e);

#endif
