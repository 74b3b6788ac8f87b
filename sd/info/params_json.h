/* params_json.h: the settings of a request as a JSON object, under the names of Param.json:
 *
 *     {"prompt":"a cat","negative_prompt":"","width":512,...,"sampler_name":"Euler a","scheduler":"Automatic",...}
 *
 * Nothing but the settings: files (taps, noise) and the picture of img2img are the caller's. */
#ifndef SD_INFO_PARAMS_JSON_H
#define SD_INFO_PARAMS_JSON_H

#include "params.h"
#include "weights/files/json.h"

/* Every setting, also one that has its default, so that a later version's defaults change nothing; those of img2img
 * (Param.of_image) where there is a picture. r has passed params_check. The caller frees it; NULL on ERR_MEMORY, and on
 * ERR_ARGUMENT for a `tap` that is not UTF-8. */
char *params_json(const SdRequest *r, Error *e);

/* Sets r to what the object says; what it leaves out stays. Strings are j's, which must outlive r. ERR_ARGUMENT, with a
 * line that begins with the key, for an unknown key, another type than the setting's, a value out of range, and a
 * setting of img2img without a picture in r. Left to the caller: params_check. */
bool params_from_json(const Json *j, const JsonNode *object, SdRequest *r, Error *e);

#endif
