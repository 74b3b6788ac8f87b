/* exif_write.h: a text as EXIF has it, where the webui puts its parameters in JPEG and WebP files. */
#ifndef SD_IMAGE_EXIF_WRITE_H
#define SD_IMAGE_EXIF_WRITE_H

#include "tensor/error.h"

#include <stddef.h>
#include <stdint.h>

/* The text as the UserComment of an EXIF block from its TIFF header on, in a new buffer: "UNICODE", then UTF-16,
 * big-endian, as piexif writes it; what is not valid UTF-8 becomes U+FFFD. text: less than 1 GiB. ERR_MEMORY. */
bool exif_make(const char *text, uint8_t **out, size_t *size, Error *e);

#endif
