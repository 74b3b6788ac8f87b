/* color_match.h: the webui's colour correction: a picture gets the colours of another, and keeps its own lightness.
 * Source: AUTOMATIC1111, modules/processing.py, apply_color_correction. */
#ifndef SD_IMAGE_COLOR_MATCH_H
#define SD_IMAGE_COLOR_MATCH_H

#include <stdint.h>

/* rgb[n][3]: each channel of L*a*b* is brought to the distribution that it has in like[n_like][3]; then each pixel's
 * luminosity to what it was. */
void color_match(uint8_t *rgb, int64_t n, const uint8_t *like, int64_t n_like);

#endif
