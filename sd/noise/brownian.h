/* brownian.h: the noise of the SDE samplers: increments of a Brownian path over sigma that the seed alone determines,
 * wherever a sampler steps. Bit for bit that of k-diffusion's BrownianTreeNoiseSampler over torchsde's BrownianTree
 * (with numpy's SeedSequence), which the webui runs with one tree a picture. */
#ifndef SD_NOISE_BROWNIAN_H
#define SD_NOISE_BROWNIAN_H

#include "noise.h"

typedef struct {
    SdRng kind;      /* the generator of each node */
    uint64_t seed;   /* the picture's, without variation seed and eta noise seed delta */
    float low, high; /* the path's ends: smallest sigma above 0 and largest of the whole list */
} Brownian;

/* Floats of work for noise of n floats. */
int64_t brownian_work(const Brownian *b, int64_t n);

/* out[n] = noise of variance 1 for the step from one sigma to another, both clamped to the ends: the path's increment
 * over the step divided by the square root of its length, negated when from > to. Zeros for a step of no length. */
void brownian_noise(const Brownian *b, float *out, int64_t n, float from, float to, float *work);

#endif
