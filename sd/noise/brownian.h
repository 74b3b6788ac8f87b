/* brownian.h: the noise of the SDE samplers: increments of a Brownian path over sigma that a seed fixes, so that it
 * does not depend on where a sampler steps. Bit for bit that of k-diffusion's BrownianTreeNoiseSampler over torchsde's
 * BrownianTree (with numpy's SeedSequence), which the webui runs with one tree a picture. */
#ifndef SD_NOISE_BROWNIAN_H
#define SD_NOISE_BROWNIAN_H

#include "noise.h"

typedef struct {
    SdRng kind;      /* the generator of each node */
    uint64_t seed;   /* the picture's: neither variation seed nor eta noise seed delta count */
    float low, high; /* the path's ends: smallest sigma above 0 and largest of the whole list */
} Brownian;

/* Floats of work that brownian_noise needs for n floats. */
int64_t brownian_work(const Brownian *b, int64_t n);

/* out[n] = the noise for a step between two sigmas (clamped to the ends), of variance 1: minus the increment divided by
 * the square root of the distance, when from is above to. Zeros for a step of no length. */
void brownian_noise(const Brownian *b, float *out, int64_t n, float from, float to, float *work);

#endif
