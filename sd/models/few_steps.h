/* few_steps.h: the settings that a model was made for, where its file says what it is. */
#ifndef SD_MODELS_FEW_STEPS_H
#define SD_MODELS_FEW_STEPS_H

#include "config_detect.h"

/* Sets sampler, schedule type, steps, guidance and size in *out, and why in *notes, by the first of: the file's or
 * folder's name and "modelspec.title" (sd_turbo, sdxl_lightning_4step, LCM ...), the family, a guidance embedding, a
 * folder's scheduler_config.json (LCMScheduler, TCDScheduler, trailing times). Sets nothing where none of them says it.
 */
void few_steps_of(const Checkpoint *c, SdConfig *out, ConfigNotes *notes);

#endif
