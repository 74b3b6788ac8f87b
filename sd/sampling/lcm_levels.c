/* lcm_levels.c: see lcm_levels.h; sigmas and times as in the webui's sd_samplers_lcm.py. */
#include "lcm_levels.h"

#include "sd/noise/math64.h"

#include <math.h>

static float log_sigma(const NoiseLevels *s, int i) { return s->log_sigmas[lcm_level_time(i)]; }

float lcm_sigma(const NoiseLevels *s, float t) {
    float i = (t - (LCM_STRIDE - 1)) / LCM_STRIDE;
    i = i < 0 ? 0 : i > LCM_LEVELS - 1 ? LCM_LEVELS - 1 : i;
    int low = (int)i, high = low + (i > (float)low);
    float w = i - (float)low;
    return (float)exp64((1 - w) * log_sigma(s, low) + w * log_sigma(s, high));
}

float lcm_time(const NoiseLevels *s, float sigma) {
    float x = (float)log64(sigma);
    int best = 0;
    for (int i = 1; i < LCM_LEVELS; i++)
        if (fabsf(x - log_sigma(s, i)) < fabsf(x - log_sigma(s, best))) best = i;
    return (float)lcm_level_time(best);
}

int lcm_steps(int n, int out[LCM_LEVELS]) {
    if (n > LCM_LEVELS) n = LCM_LEVELS;
    for (int i = 0; i < n; i++) /* numpy.linspace without its end: i times the rounded step */
        out[i] = lcm_level_time(LCM_LEVELS - 1 - (int)(i * ((double)LCM_LEVELS / n)));
    return n;
}
