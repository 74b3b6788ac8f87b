/* exif.h: the fields of EXIF that matter here: a picture's orientation, and those where programs put their texts. */
#ifndef SD_IMAGE_EXIF_H
#define SD_IMAGE_EXIF_H

#include "sd/image/image_text.h"

/* 1 to 8, as TIFF numbers them; 1 when exif[size] has no valid one. exif begins with "II" or "MM", with or without
 * "Exif\0\0" before. */
int exif_orientation(const uint8_t *exif, size_t size);

/* Adds UserComment (the webui's), and Make, Model (ComfyUI's), Software and ImageDescription. A UserComment says its
 * character set in eight bytes: UNICODE is UTF-16, big-endian as piexif writes it, unless a byte-order mark or its zero
 * bytes say otherwise, or it is UTF-8 after all; ASCII, an undefined set and none at all are UTF-8. ERR_FORMAT for JIS
 * that is not ASCII; ERR_MEMORY. What is broken is left out. */
bool exif_texts(const uint8_t *exif, size_t size, ImageTexts *out, Error *e);

#endif
