/* beside.h: the channels that some U-Nets are given beside the latents. An inpainting model's: the mask, 1 where it
 * repaints, then latents of the picture that is grey there; without a mask all is repainted. Instruct-pix2pix's:
 * latents of the picture to edit, the mean of the encoder's distribution, not scaled. The x4 upscaler's: the small
 * picture itself, -1..1, with noise over it. Source: CompVis, ddpm.py; AUTOMATIC1111, modules/processing.py,
 * inpainting_image_conditioning and edit_image_conditioning; Stability AI, ldm/modules/diffusionmodules/upscaling.py.
 */
#ifndef SD_PIPELINE_BESIDE_H
#define SD_PIPELINE_BESIDE_H

#include "generation.h"

/* How many they are, of a U-Net; 0: none. */
int64_t beside_channels(const SdModel *m);
/* pixels[height][width][3], -1..1: what an inpainting model's encoder is given of a picture; NULL: there is none. */
void beside_picture(const Generation *g, int index, const uint8_t *of, float *pixels);
/* The mask's channel [h][w] of what lies beside a picture. */
void beside_mask(const Generation *g, int index, float *out);
/* Whether a step has a third side: the negative prompt beside an empty picture (image CFG). */
bool beside_edits(const SdModel *m, const SdRequest *r);
double beside_image_cfg(const SdRequest *r);
int beside_noise_level(const SdRequest *r);
/* Whether the U-Net is shown a small picture, g->image [h][w][3], and makes a larger one of it. */
bool beside_upscales(const SdModel *m);
/* Fills g->beside [batch][3][h][w] with it and the noise of the request's level: of each picture's seed what its
 * generator draws after the latents. */
bool beside_small(Generation *g, Error *e);

#endif
