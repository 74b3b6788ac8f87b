/* In sd/guide/plain.c: log_sigmas(). */
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
 * Left out: quantised times. */
#include "noise_levels.h"

#include "sd/noise/math64.h"

#include <string.h>
#include <math.h> /* fmaf, sqrt, sqrtf: exact by IEEE 754 */

/* Alphas whose betas' (or their square roots') lie on a line. torch.linspace works from both ends. */
static void on_a_line(float *out, double first, double last, bool roots) {
    double step = (last - first) / (TRAIN_STEPS - 1), product = 1;
    for (int i = 0; i < TRAIN_STEPS; i++) {
        double beta = i < TRAIN_STEPS / 2 ? first + step * i : last - step * (TRAIN_STEPS - 1 - i);
        product *= 1 - (roots ? beta * beta : beta);
        out[i] = (float)product;
    }
}

/* A. Nichol and P. Dhariwal, "Improved Denoising Diffusion Probabilistic Models" 2021, with betas of at most .999. */
static double cosine_bar(int i) {
    double sine, cosine;
    sincos64(((double)i / TRAIN_STEPS + 0.008) / 1.008 * (0x1.921fb54442d18p+1 / 2), &sine, &cosine);
    return cosine * cosine;
}

static void squared_cosine(float *out) {
    double product = 1;
    for (int i = 0; i < TRAIN_STEPS; i++) {
        double beta = 1 - cosine_bar(i + 1) / cosine_bar(i);
        product *= 1 - (beta < 0.999 ? beta : 0.999);
        out[i] = (float)product;
    }
}

bool noise_alphas(float alphas[TRAIN_STEPS], const char *schedule, double first, double last) {
    if (!strcmp(schedule, "linear")) on_a_line(alphas, first, last, false);
    else if (!strcmp(schedule, "scaled_linear")) on_a_line(alphas, sqrt(first), sqrt(last), true);
    else if (!strcmp(schedule, "squaredcos_cap_v2")) squared_cosine(alphas);
    else return false;
    return true;
}

bool noise_alphas_of_betas(float alphas[TRAIN_STEPS], const double betas[TRAIN_STEPS]) {
    double product = 1;
    for (int i = 0; i < TRAIN_STEPS; i++) {
        if (!(betas[i] > 0 && betas[i] < 1)) return false;
        product *= 1 - betas[i];
        alphas[i] = (float)product;
    }
    return true;
}

void noise_alphas_to_zero(float alphas[TRAIN_STEPS], float least) {
    double first = sqrt((double)alphas[0]), last = sqrt((double)alphas[TRAIN_STEPS - 1]);
    for (int i = 0; i < TRAIN_STEPS; i++) {
        double root = (sqrt((double)alphas[i]) - last) * first / (first - last);
        alphas[i] = (float)(root * root);
    }
    float before = alphas[TRAIN_STEPS - 2]; /* of betas that end low, below `least` */
    alphas[TRAIN_STEPS - 1] = least < before ? least : before / 2;
}

#define LEAST_ALPHA 1e-12f /* a sigma of a million: far more noise than any model's */

bool noise_levels_init(NoiseLevels *s, const float *alphas, const char *what, Error *e) {
    if (alphas) memcpy(s->alphas, alphas, sizeof s->alphas);
    else noise_alphas(s->alphas, "scaled_linear", 0.00085, 0.012);
    for (int t = 0; t < TRAIN_STEPS; t++) {
        float a = s->alphas[t];
        if (!(a > LEAST_ALPHA && a < 1))
            return error_set(e, ERR_FORMAT,
                             "%s: alphas_cumprod[%d] is %g, not between 1e-12 and 1; its noise levels are broken, use "
                             "another copy of the model",
                             what, t, (double)a);
        if (t && !(a < s->alphas[t - 1]))
            return error_set(e, ERR_FORMAT,
                             "%s: alphas_cumprod[%d] is %g, not below the value before it; its noise levels are "
                             "broken, use another copy of the model",
                             what, t, (double)a);
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
