/* detect.h: a checkpoint's configuration: from its metadata (`sdc convert`), from a diffusers folder's configurations,
 * or from the names and shapes of a single file's tensors. */
#ifndef SD_MODELS_FAMILIES_H
#define SD_MODELS_FAMILIES_H

#include "weights/checkpoint.h"
#include "config.h"

/* Sets the checkpoint's numbers for names too. False, with a line that says what the file looks like instead. */
bool detect_config(Checkpoint *c, SdConfig *out, Error *e);

#endif
