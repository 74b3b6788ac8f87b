/* noise_levels.c: betas, alphas and sigmas.
 *
 *   beta_i = (sqrt .00085 + i/999 (sqrt .012 - sqrt .00085))^2,   a_t = product over i <= t of (1 - beta_i)
 *
 * in double, rounded to float at the end (CompVis ldm, ldm/modules/diffusionmodules/util.py and
 * models/diffusion/ddpm.py; diffusers multiplies in float and differs in the last bits). Then, in float with one
 * rounding per operation, k-diffusion's external.py: DiscreteSchedule.t_to_sigma and sigma_to_t. Square roots,
 * logarithms and exponentials are correctly rounded here; torch's are on some machines only (MKL's differ between
 * processors: its sigmas were up to 7 units in the last place from these).
 *
 * Left out: zero terminal SNR and quantised times. */
#include "noise_levels.h"

#include "sd/noise/math64.h"

#include <math.h> /* fmaf, sqrt, sqrtf: exact by IEEE 754 */

static void default_alphas(float *out) {
    double first = sqrt(0.00085), last = sqrt(0.012), step = (last - first) / (TRAIN_STEPS - 1), product = 1;
    for (int i = 0; i < TRAIN_STEPS; i++) {
        /* torch.linspace works from both ends */
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
                             "alphas_cumprod[%d] is %g, not between 0 and 1; the model's noise levels are broken", t,
                             (double)a);
        if (t && a > s->alphas[t - 1])
            return error_set(e, ERR_FORMAT,
                             "alphas_cumprod[%d] is above the value before it; the model's noise levels are broken", t);
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
