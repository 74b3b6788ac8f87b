/* make_model_json.h: the JSON files of a diffusers folder, with the fields that diffusers writes. */
#ifndef SD_MAKE_MODEL_JSON_H
#define SD_MAKE_MODEL_JSON_H

#include "../sd/config.h"

/* part: "unet", "vae", "text_encoder", "scheduler", or "" for the folder's index. */
bool write_model_json(const char *path, const char *part, const SdConfig *k);

#endif
