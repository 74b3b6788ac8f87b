/* resize.h: pictures resized, with the same bits as Pillow's, which is what the webui uses. */
#ifndef SD_IMAGE_RESIZE_H
#define SD_IMAGE_RESIZE_H

#include "sd/sd.h"
#include "tensor/error.h"

#include <stddef.h>
#include <stdint.h>

typedef enum { RESIZE_NEAREST, RESIZE_BILINEAR, RESIZE_BICUBIC, RESIZE_LANCZOS } ResizeFilter;

/* to[h][w][3] from from[from_h][from_w][3], all sizes >= 1: Pillow's Image.resize((w, h), filter). False on ERR_MEMORY
 * and for sizes below 1. */
bool resize_rgb(const uint8_t *from, int from_w, int from_h, uint8_t *to, int w, int h, ResizeFilter filter, Error *e);
/* The most bytes that it takes beside both pictures. */
size_t resize_bytes(int from_w, int from_h, int w, int h, ResizeFilter filter);

/* The same by one of the webui's resize modes, with Lanczos: its resize_image without an upscaler. */
bool resize_picture(const uint8_t *from, int from_w, int from_h, uint8_t *to, int w, int h, SdResize mode, Error *e);
/* What SD_RESIZE_CROP cuts off on the left and above, in pixels of the scaled picture. */
void resize_cut(int from_w, int from_h, int w, int h, int *left, int *top);

#endif
