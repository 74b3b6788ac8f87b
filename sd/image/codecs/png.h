/* png.h: pictures as PNG files in memory, with the text that says how they were made. */
#ifndef SD_IMAGE_PNG_H
#define SD_IMAGE_PNG_H

#include "tensor/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *keyword; /* 1 to 79 characters of printable ASCII; the webui's is "parameters" */
    const char *text;    /* UTF-8; what is not valid UTF-8 becomes U+FFFD */
} PngText;

/* rgb[h,w,3], rows from the top, as a PNG of 8-bit RGB in a new buffer *out of *size bytes, which the caller frees.
 * texts[n] are written as by Pillow: tEXt where Latin-1 can hold the text, else uncompressed iTXt. The same bytes for
 * the same input everywhere. ERR_ARGUMENT on w or h below 1, too large a picture or a bad keyword; ERR_MEMORY. */
bool png_encode(const uint8_t *rgb, int w, int h, const PngText *texts, int n, uint8_t **out, size_t *size, Error *e);
/* The same of rgba[h,w,4]. */
bool png_encode_rgba(const uint8_t *rgba, int w, int h, const PngText *texts, int n, uint8_t **out, size_t *size,
                     Error *e);

#endif
