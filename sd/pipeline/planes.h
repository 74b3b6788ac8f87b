/* planes.h: pictures and latents on the host. Samplers, noise and taps have planes [C][pixels], as torch does; networks
 * have pixels [pixels][C]. */
#ifndef SD_PIPELINE_PLANES_H
#define SD_PIPELINE_PLANES_H

#include <stdbool.h>
#include <stdint.h>

/* pixels[count][channels] = scale * planes[channels][count] */
void planes_to_pixels(float *pixels, int64_t wide, const float *planes, int64_t channels, int64_t count, float scale);
/* planes[channels][count] = pixels[count][channels] */
void pixels_to_planes(float *planes, const float *pixels, int64_t channels, int64_t count);

bool all_finite(const float *x, int64_t n);

#endif
