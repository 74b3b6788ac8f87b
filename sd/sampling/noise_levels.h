/* noise_levels.h: how noisy a picture is at a time t. Which times a run visits: points.h.
 *
 * x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) noise, for t = 0..999, where a is "alphas_cumprod". k-diffusion's samplers work
 * in the scaled space x = x_0 + sigma noise, sigma_t = sqrt((1 - a_t) / a_t), and need sigmas between the 1000:
 * log sigma is interpolated linearly in t. Numbers are float where the original has float32 tensors. */
#ifndef SD_SAMPLING_NOISE_LEVELS_H
#define SD_SAMPLING_NOISE_LEVELS_H

#include "tensor/error.h"

enum { TRAIN_STEPS = 1000 };

typedef struct NoiseLevels {
    float alphas[TRAIN_STEPS];     /* a_t, not increasing */
    float sigmas[TRAIN_STEPS];     /* .0292 .. 14.61 */
    float log_sigmas[TRAIN_STEPS]; /* natural logarithms */
} NoiseLevels;

/* alphas [1000]: a checkpoint's own alphas_cumprod; NULL: Stable Diffusion's "scaled linear" betas, .00085 .. .012.
 * ERR_FORMAT unless all are within (0, 1) and do not increase. */
bool noise_levels_init(NoiseLevels *s, const float *alphas, Error *e);

/* sigma at a time t in [0, 999], which may be fractional; and the time of a sigma > 0, clamped to [0, 999], which is
 * the t that the U-Net receives. */
float noise_levels_sigma(const NoiseLevels *s, float t);
float noise_levels_time(const NoiseLevels *s, float sigma);

#endif
