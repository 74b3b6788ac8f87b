/* unet_calls.h: the U-Net over all texts and pictures of a step, in as many calls as the stage's mode says. */
#ifndef SD_PIPELINE_UNET_CALLS_H
#define SD_PIPELINE_UNET_CALLS_H

#include "sd/pipeline/generation.h"

/* Position within sampling: advanced by the denoiser; selects texts, names taps, appears in errors. */
typedef struct {
    int first;      /* batch index of the group's first picture */
    int step;       /* the sampler's, from 0 */
    int calls;      /* of the denoiser so far: prompts switch by these */
    int unet_calls; /* of this step so far, for the taps' names */
} Cursor;

/* The U-Net's output, eps or v, for every side (TextStates) of the group's pictures, and after them for the negative
 * prompt beside an empty picture, where there is one (beside_edits): out[sides][group][C][h][w] from
 * x[group][C][h][w] scaled by `scale`, at `time` (0..999), for the prompts that are current. While planning neither is
 * touched. ERR_NUMERIC, which names the first layer, where an output is not finite. */
bool unet_sides(Generation *g, const Mode *mode, Cursor *at, float *out, const float *x, float scale, float time,
                Error *e);

#endif
