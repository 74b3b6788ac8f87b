/* lcm_levels.h: the noise levels that LCM is distilled to: those of the 50 times 19, 39, .. 999. */
#ifndef SD_SAMPLING_LCM_LEVELS_H
#define SD_SAMPLING_LCM_LEVELS_H

#include "noise_levels.h"

enum { LCM_LEVELS = 50, LCM_STRIDE = TRAIN_STEPS / LCM_LEVELS };

/* The time of level i, 0..49: 19, 39, .. 999. */
static inline int lcm_level_time(int i) { return LCM_STRIDE - 1 + i * LCM_STRIDE; }

/* noise_levels_sigma and noise_levels_time over these levels alone: sigma at a time t, interpolated between the levels
 * and constant beyond their ends; and of a sigma > 0 the nearest level's time. */
float lcm_sigma(const NoiseLevels *s, float t);
float lcm_time(const NoiseLevels *s, float sigma);

/* The times of n steps as diffusers' LCMScheduler and TCDScheduler have them (original_inference_steps 50), falling:
 * of the 50, the ones at floor(50 i / n) from the top. Writes and returns how many there are: n, at most 50. */
int lcm_steps(int n, int out[LCM_LEVELS]);

#endif
