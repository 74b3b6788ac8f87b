/* soft.h: soft inpainting: the more a mask repaints of a latent, and the less noise there is, the more of what is drawn
 * is taken; and pixels are kept where the latents changed little. Source: AUTOMATIC1111,
 * extensions-builtin/soft-inpainting/scripts/soft_inpainting.py. */
#ifndef SD_PIPELINE_SOFT_H
#define SD_PIPELINE_SOFT_H

#include "generation.h"

/* out = x and z [channels][pixels] mixed: by repaint[pixels] to the power of level^bias times preservation, with the
 * length of what is mixed brought towards the longer one. level: the sigma, or in time space the time. x may be out. */
void soft_blend(const SdRequest *r, float *out, const float *x, const float *z, const float *repaint, int64_t channels,
                int64_t pixels, float level);
/* mask[h][w]: how much of the drawn pixels is shown, from how far latents x [channels][h][w] are from z. False on
 * ERR_MEMORY. */
bool soft_mask(const SdRequest *r, uint8_t *mask, const float *x, const float *z, const float *repaint,
               int64_t channels, int h, int w, Error *e);

#endif
