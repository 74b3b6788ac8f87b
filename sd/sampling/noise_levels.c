/* noise_levels.c: betas, alphas, sigmas and lists of times.
 *
 *   beta_i = (sqrt .00085 + i/999 (sqrt .012 - sqrt .00085))^2,   a_t = product over i <= t of (1 - beta_i)
 *
 * in double, rounded to float at the end (CompVis ldm, ldm/modules/diffusionmodules/util.py and
 * models/diffusion/ddpm.py; diffusers multiplies in float and differs in the last bits). Then, in float with one
 * rounding per operation, k-diffusion's external.py: DiscreteSchedule.t_to_sigma and sigma_to_t. Square roots,
 * logarithms and exponentials are correctly rounded here. torch's are so on some machines and not on others (MKL's are
 * not, and differ from one processor to the next: its sigmas were up to 7 units in the last place from these).
 *
 * Left out here: the other lists (Karras and so on), zero terminal SNR, and quantised times. */
#include "noise_levels.h"

#include "sd/noise/math64.h"

#include <math.h> /* fmaf, sqrt, sqrtf: exact by IEEE 754 */

static void default_alphas(float *out) {
    double first = sqrt(0.00085), last = sqrt(0.012), step = (last - first) / (TRAIN_STEPS - 1), product = 1;
    for (int i = 0; i < TRAIN_STEPS; i++) {
        /* torch.linspace comes from both ends */
        double root = i < TRAIN_STEPS / 2 ? first + step * i : last - step * (TRAIN_STEPS - 1 - i);
        product *= 1 - root * root;
        out[i] = (float)product;
    }
}

bool noise_levels_init(NoiseLevels *s, const float *alphas, Error *e) {
    if (!alphas) default_alphas(s->alphas);
    for (int t = 0; t < TRAIN_STEPS; t++) {
        if (alphas) s->alphas[t] = alphas[t];
        float a = s->alphas[t];
        if (!(a > 0 && a < 1))
            return error_set(e, ERR_FORMAT,
                             "alphas_cumprod[%d] is %g, not between 0 and 1; the model's schedule is broken", t,
                             (double)a);
        if (t && a > s->alphas[t - 1])
            return error_set(e, ERR_FORMAT,
                             "alphas_cumprod[%d] is above the value before it; the model's schedule is broken", t);
        s->sigmas[t] = sqrtf((1 - a) / a);
        s->log_sigmas[t] = (float)log64(s->sigmas[t]);
    }
    return true;
}

float noise_levels_sigma(const NoiseLevels *s, float t) {
    int low = (int)t, high = low + (t > (float)low);
    float w = t - (float)low;
    return (float)exp64((1 - w) * s->log_sigmas[low] + w * s->log_sigmas[high]);
}

float noise_levels_time(const NoiseLevels *s, float sigma) {
    float x = (float)log64(sigma);
    int low = 0;
    while (low < TRAIN_STEPS - 2 && s->log_sigmas[low + 1] <= x) low++;
    float a = s->log_sigmas[low], b = s->log_sigmas[low + 1];
    float w = a == b ? 0 : (a - x) / (a - b);
    w = w < 0 ? 0 : w > 1 ? 1 : w;
    return (1 - w) * (float)low + w * (float)(low + 1);
}

static float lcm_log_sigma(const NoiseLevels *s, int i) { return s->log_sigmas[LCM_STRIDE - 1 + i * LCM_STRIDE]; }

float noise_levels_lcm_sigma(const NoiseLevels *s, float t) {
    float i = (t - (LCM_STRIDE - 1)) / LCM_STRIDE;
    i = i < 0 ? 0 : i > LCM_STEPS - 1 ? LCM_STEPS - 1 : i;
    int low = (int)i, high = low + (i > (float)low);
    float w = i - (float)low;
    return (float)exp64((1 - w) * lcm_log_sigma(s, low) + w * lcm_log_sigma(s, high));
}

float noise_levels_lcm_time(const NoiseLevels *s, float sigma) {
    float x = (float)log64(sigma);
    int best = 0;
    for (int i = 1; i < LCM_STEPS; i++)
        if (fabsf(x - lcm_log_sigma(s, i)) < fabsf(x - lcm_log_sigma(s, best))) best = i;
    return (float)(best * LCM_STRIDE + LCM_STRIDE - 1);
}

/* torch.linspace in float32: from both ends, fused (torch 2.14 on x86, and CUDA's kernel; torch 1.13 had vectors of 8,
 * whose last bits differ). */
float linspace_f32(float first, float last, int n, int i) {
    float step = n > 1 ? (last - first) / (float)(n - 1) : 0;
    return i < n / 2 || n == 1 ? fmaf(step, (float)i, first) : fmaf(-step, (float)(n - 1 - i), last);
}

static bool steps_ok(int steps, Error *e) {
    return (steps >= 1 && steps <= TRAIN_STEPS) ||
           error_set(e, ERR_ARGUMENT, "%d steps; it must be 1 to %d", steps, TRAIN_STEPS);
}

bool schedule_sigmas(const NoiseLevels *s, int steps, float *out, Error *e) {
    if (!steps_ok(steps, e)) return false;
    for (int i = 0; i < steps; i++) out[i] = noise_levels_sigma(s, linspace_f32(TRAIN_STEPS - 1, 0, steps, i));
    out[steps] = 0;
    return true;
}

bool schedule_timesteps(int steps, int out[TRAIN_STEPS], int *count, Error *e) {
    if (!steps_ok(steps, e)) return false;
    int stride = TRAIN_STEPS / steps, n = 0;
    for (int t = 0; t < TRAIN_STEPS; t += stride) out[n++] = t + 1 < TRAIN_STEPS ? t + 1 : TRAIN_STEPS - 1;
    *count = n;
    return true;
}
