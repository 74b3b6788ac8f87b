#include "latents.h"

/* The VAE's own number. */
static float unscaled(const VaeConfig *k, int64_t channel, float x) {
    return x * (float)k->std[channel] / (float)k->scale + (float)k->mean[channel];
}

void latents_to_vae(const VaeConfig *k, float *pixels, const float *planes, int64_t count) {
    for (int64_t c = 0; c < k->latent; c++)
        for (int64_t i = 0; i < count; i++) {
            float x = planes[c * count + i];
            pixels[i * k->latent + c] = k->statistics ? unscaled(k, c, x) : x;
        }
}

float latent_in_scale(const VaeConfig *k, int channel, float x, double scale) {
    return k->statistics ? unscaled(k, channel, x) * (float)scale : x;
}

float latent_of_vae(const VaeConfig *k, int64_t channel, float z) {
    if (!k->statistics) return (float)k->scale * z;
    return (z - (float)k->mean[channel]) * (float)k->scale / (float)k->std[channel];
}
