/* pixels.h: colours as bytes and as the VAE has them, -1..1. */
#ifndef SD_IMAGE_PIXELS_H
#define SD_IMAGE_PIXELS_H

#include <stdint.h>

/* out[n] = bytes / 127.5 - 1 */
void pixels_to_floats(float *out, const uint8_t *bytes, int64_t n);
/* out[n] = 255 (x + 1) / 2, clamped and truncated, as the original scripts and the webui do */
void pixels_to_bytes(uint8_t *out, const float *x, int64_t n);

#endif
