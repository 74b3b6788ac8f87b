/* exif.h: the two fields of EXIF that matter here: a picture's orientation, and the webui's text in JPEG and WebP. */
#ifndef SD_IMAGE_EXIF_H
#define SD_IMAGE_EXIF_H

#include "tensor/error.h"

#include <stddef.h>
#include <stdint.h>

/* 1 to 8, as TIFF numbers them; 1 when exif[size] has no valid one. exif begins with "II" or "MM", with or without
 * "Exif\0\0" before. */
int exif_orientation(const uint8_t *exif, size_t size);

/* The UserComment as UTF-8 in a new string that the caller frees; *text stays NULL when there is none. UNICODE comments
 * are big-endian, as piexif writes them, unless a byte-order mark or their zero bytes say otherwise. False on
 * ERR_MEMORY. */
bool exif_user_comment(const uint8_t *exif, size_t size, char **text, Error *e);

#endif
