/* noise_levels.h: how noisy a picture is at a time t, and the times that a sampler visits.
 *
 * x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) noise, for t = 0..999, where a is "alphas_cumprod". k-diffusion's samplers work
 * in the scaled space x = x_0 + sigma noise, sigma_t = sqrt((1 - a_t) / a_t), and ask for sigmas between the 1000:
 * log sigma is interpolated linearly in t. Numbers are float where the original has float32 tensors. */
#ifndef SD_SAMPLING_NOISE_LEVELS_H
#define SD_SAMPLING_NOISE_LEVELS_H

#include "tensor/error.h"

enum { TRAIN_STEPS = 1000, LCM_STEPS = 50, LCM_STRIDE = TRAIN_STEPS / LCM_STEPS };

typedef struct NoiseLevels {
    float alphas[TRAIN_STEPS];     /* a_t, not increasing */
    float sigmas[TRAIN_STEPS];     /* .0292 .. 14.61 */
    float log_sigmas[TRAIN_STEPS]; /* natural logarithms */
} NoiseLevels;

/* alphas [1000]: a checkpoint's own alphas_cumprod; NULL: Stable Diffusion's "scaled linear" betas, .00085 .. .012.
 * ERR_FORMAT unless all are within (0, 1) and none is above the one before. */
bool noise_levels_init(NoiseLevels *s, const float *alphas, Error *e);

/* sigma at a time t in [0, 999], fractions included; and the time in [0, 999] of a sigma > 0 (beyond the ends: the
 * end), which is the fractional t that the U-Net receives. */
float noise_levels_sigma(const NoiseLevels *s, float t);
float noise_levels_time(const NoiseLevels *s, float sigma);

/* The same over the 50 times 19, 39, .. 999 that LCM is distilled to; the time is one of them, the closest. */
float noise_levels_lcm_sigma(const NoiseLevels *s, float t);
float noise_levels_lcm_time(const NoiseLevels *s, float sigma);

/* Element i of torch.linspace(first, last, n) in float32, to the bit (torch 2.14 on x86). */
float linspace_f32(float first, float last, int n, int i);

/* The default list of k-diffusion samplers in the webui ("Automatic", "Uniform"): out[steps + 1], sigmas at
 * linspace(999, 0, steps), then 0. ERR_ARGUMENT unless 1 <= steps <= 1000. */
bool schedule_sigmas(const NoiseLevels *s, int steps, float *out, Error *e);

/* The webui's times for DDIM and its kin, ascending: 1, 1 + d, ... with d = 1000 / steps rounded down, hence often more
 * than `steps` of them; count tells how many, out has room for 1000. ERR_ARGUMENT unless 1 <= steps <= 1000. */
bool schedule_timesteps(int steps, int out[TRAIN_STEPS], int *count, Error *e);

#endif
