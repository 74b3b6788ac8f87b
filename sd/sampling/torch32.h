/* torch32.h: functions of torch's float32 tensors, the same bits on every machine. */
#ifndef SD_SAMPLING_TORCH32_H
#define SD_SAMPLING_TORCH32_H

#include "sd/noise/math64.h"

#include <math.h> /* fmaf, sqrt, sqrtf: exact by IEEE 754; isfinite, INFINITY */

/* Correctly rounded but for about one case in 10^9; defined for every float. */
static inline float log32(float x) {
    if (!(x > 0)) return x == 0 ? -INFINITY : NAN;
    return isfinite(x) ? (float)log64(x) : x;
}
static inline float exp32(float x) {
    if (!(x > -200 && x < 200)) return x <= -200 ? 0 : x >= 200 ? INFINITY : NAN;
    return (float)exp64(x);
}
static inline float expm1_32(float x) {
    if (!(x > -200 && x < 200)) return x <= -200 ? -1 : x >= 200 ? INFINITY : NAN;
    return (float)expm1_64(x);
}

/* Element i of torch.linspace(first, last, n), to the bit: from both ends, fused (torch 2.14 on x86, and CUDA's kernel;
 * torch 1.13 had vectors of 8, whose last bits differ). */
static inline float linspace_f32(float first, float last, int n, int i) {
    float step = n > 1 ? (last - first) / (float)(n - 1) : 0;
    return i < n / 2 || n == 1 ? fmaf(step, (float)i, first) : fmaf(-step, (float)(n - 1 - i), last);
}

#endif
