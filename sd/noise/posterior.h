/* posterior.h: one number of a sample from the VAE's posterior. */
#ifndef SD_NOISE_POSTERIOR_H
#define SD_NOISE_POSTERIOR_H

#include "math64.h"

/* mean + std noise, std = exp(log variance / 2), the log variance clamped to -30..20 (CompVis, distributions.py,
 * DiagonalGaussianDistribution). noise: standard normal. The same bits on every machine; the op `gaussian`
 * (tensor/ops.h), which a tape can record, has its backend's exp instead. */
static inline float posterior_sample(float mean, float log_variance, float noise) {
    float clamped = fminf(fmaxf(log_variance, -30.0f), 20.0f);
    return mean + (float)exp64(0.5 * (double)clamped) * noise;
}

#endif
