/* mask.h: which part of a picture is made anew, as the webui has it: a byte for each pixel, 0 keeps it, 255 repaints
 * it.
 *
 * Everything is integers, or double made of math64.h, so that a mask is the same on every machine. Sources:
 * AUTOMATIC1111, modules/masking.py and StableDiffusionProcessingImg2Img.init in modules/processing.py; the arithmetic
 * is OpenCV's GaussianBlur of bytes, and Pillow's GaussianBlur, paste and alpha_composite. */
#ifndef SD_IMAGE_MASK_H
#define SD_IMAGE_MASK_H

#include "sd/sd.h"
#include "tensor/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Blurs mask[h][w] by Gaussians of sigma x across and y down, 0: not at all. Kernels of 2 int(2.5 sigma + 0.5) + 1,
 * weights in 8 fractional bits, edges mirrored without repeating them. False on ERR_MEMORY. */
bool mask_blur(uint8_t *mask, int w, int h, int x, int y, Error *e);

typedef struct {
    int left, top, right, bottom; /* right and bottom lie outside */
} MaskBox;

/* The smallest box with everything that is not 0 in mask[h][w], enlarged by padding within the mask; false: all is 0.
 */
bool mask_box(const uint8_t *mask, int w, int h, int padding, MaskBox *out);
/* The box enlarged to the ratio of to_w to to_h, as far as it fits into w x h: around its middle, moved back inside. */
MaskBox mask_box_expand(MaskBox box, int to_w, int to_h, int w, int h);
/* out[..][..][channels] = the box of from[..][w][channels]. */
void mask_box_cut(const uint8_t *from, int w, int channels, MaskBox box, uint8_t *out);

/* to[h][w] from mask[from_h][from_w], by resize_picture. False on ERR_MEMORY. */
bool mask_resize(const uint8_t *mask, int from_w, int from_h, uint8_t *to, int w, int h, SdResize mode, Error *e);
/* latents[h][w] from mask[from_h][from_w]: bicubic, 0..1, with `round` 0 or 1. False on ERR_MEMORY. */
bool mask_of_latents(const uint8_t *mask, int from_w, int from_h, float *latents, int w, int h, bool round, Error *e);

/* Fills what the mask repaints of rgb[h][w][3] with the colours around it, blurred the more the farther away. False on
 * ERR_MEMORY. */
bool mask_fill(uint8_t *rgb, const uint8_t *mask, int w, int h, Error *e);

/* Blurs mask[h][w] as Pillow's GaussianBlur of this radius does, edges repeated. False on ERR_MEMORY. */
bool mask_soften(uint8_t *mask, int w, int h, int radius, Error *e);

/* rgb[i] of n pixels becomes the kept picture's, as far as the mask keeps it: its very bytes where the mask is 0. */
void mask_overlay(uint8_t *rgb, const uint8_t *kept, const uint8_t *mask, int64_t n);

#endif
