/* make_model_json.h: the JSON files of a diffusers folder, with the fields that diffusers writes. */
#ifndef SD_TESTS_HARNESS_MAKE_MODEL_JSON_H
#define SD_TESTS_HARNESS_MAKE_MODEL_JSON_H

#include "sd/models/config.h"

/* part: "unet", "vae", "text_encoder", "text_encoder_2", "scheduler", or "" for the folder's index. */
bool write_model_json(const char *path, const char *part, const SdConfig *k);

#endif
