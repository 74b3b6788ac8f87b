#include "planes.h"

#include <math.h>

void planes_to_pixels(float *pixels, int64_t wide, const float *planes, int64_t channels, int64_t count, float scale) {
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < count; i++) pixels[i * wide + c] = planes[c * count + i] * scale;
}

void pixels_to_planes(float *planes, const float *pixels, int64_t channels, int64_t count) {
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < count; i++) planes[c * count + i] = pixels[i * channels + c];
}

bool all_finite(const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}
