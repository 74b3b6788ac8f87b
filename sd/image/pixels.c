/* pixels.c: see pixels.h. */
#include "pixels.h"

void pixels_to_floats(float *out, const uint8_t *bytes, int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = (float)bytes[i] / 127.5f - 1.0f;
}

void pixels_to_bytes(uint8_t *out, const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        float v = (x[i] + 1.0f) / 2.0f;
        v = v < 0.0f ? 0.0f : v > 1.0f ? 1.0f : v;
        out[i] = (uint8_t)(255.0f * v);
    }
}
