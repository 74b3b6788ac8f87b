/* conditioning.h: what guides the U-Net: texts and time. */
#ifndef SD_PIPELINE_CONDITIONING_H
#define SD_PIPELINE_CONDITIONING_H

#include "sd/pipeline/generation.h"

/* Allocates the texts of all experts on the arena, which must be empty, and above them what conditioning_turn does. */
void conditioning_place(Generation *g);
/* Allocates what the U-Net at work makes of its texts and the time, in place of what was there; it is not made yet. */
void conditioning_turn(Generation *g);
/* Makes the cross-attention keys and values current for denoiser call `call`, counted from 0: those of texts that
 * differ from the call before. The U-Net's weights must be in use. */
void update_prompts(Generation *g, int call);
/* Makes the time shifts current. */
void update_time(Generation *g, float time);
/* The time shifts of a call's pictures, some for each of some texts of a context: one row for all, or with labels each
 * text's for each of its pictures. */
Tensor call_time_shifts(Generation *g, const UnetTexts *k, int context, int text, int texts, int pictures);

#endif
