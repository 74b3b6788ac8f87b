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
    float alphas[TRAIN_STEPS];     /* a_t, falling */
    float sigmas[TRAIN_STEPS];     /* .0292 .. 14.61 */
    float log_sigmas[TRAIN_STEPS]; /* natural logarithms */
} NoiseLevels;

/* alphas [1000]: a checkpoint's own alphas_cumprod; NULL: Stable Diffusion's "scaled linear" betas, .00085 .. .012.
 * ERR_FORMAT, with a line that begins with `what`, unless they fall from below 1 to 1e-12 at least, where everything
 * that is computed from them is finite. */
bool noise_levels_init(NoiseLevels *s, const float *alphas, const char *what, Error *e);

/* alphas [1000] from betas as diffusers' schedulers make them: "linear", "scaled_linear" or "squaredcos_cap_v2";
 * false for any other name. first and last: of the first two, within (0, 1). */
bool noise_alphas(float alphas[TRAIN_STEPS], const char *schedule, double first, double last);
/* The same from trained betas; false unless all are within (0, 1). */
bool noise_alphas_of_betas(float alphas[TRAIN_STEPS], const double betas[TRAIN_STEPS]);
/* Rescales them so that the last step is all but pure noise (Lin et al. 2024, algorithm 1); the last one is `least`,
 * the webui's or diffusers' number, instead of 0, or half of the one before it. */
void noise_alphas_to_zero(float alphas[TRAIN_STEPS], float least);
#define LEAST_WEBUI 4.8973451890853435e-08f
#define LEAST_DIFFUSERS 0x1p-24f

/* sigma at a time t in [0, 999], which may be fractional; and the time of a sigma > 0, clamped to [0, 999], which is
 * the t that the U-Net receives. */
float noise_levels_sigma(const NoiseLevels *s, float t);
float noise_levels_time(const NoiseLevels *s, float sigma);

#endif
