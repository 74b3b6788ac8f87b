/* conditioning.h: what guides the U-Net: texts and time. */
#ifndef SD_PIPELINE_CONDITIONING_H
#define SD_PIPELINE_CONDITIONING_H

#include "generation.h"

/* Allocates Generation.cond on the arena, which must be empty. */
void conditioning_place(Generation *g);
/* Makes the cross-attention keys and values current for denoiser call `call`, counted from 0: those of texts that
 * differ from the call before. The U-Net's weights must be in use. */
void update_prompts(Generation *g, int call);
/* Makes the time shifts current. */
void update_time(Generation *g, float time);

#endif
