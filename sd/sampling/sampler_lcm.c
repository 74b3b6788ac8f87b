/* sampler_lcm.c: LCM (S. Luo et al., "Latent Consistency Models" 2023), as the webui has it: the model, distilled to
 * jump to the end from each of 50 levels, is told the nearest one's time; then noise of the next sigma is added. */
#include "lcm_levels.h"
#include "sampler_steps.h"

bool sample_lcm(const Sampling *s, float *x, Error *e) {
    float *denoised = s->work, *noise = s->work + s->n;
    for (int i = 0; i + 1 < s->count; i++) {
        float sigma = s->points[i], next = s->points[i + 1];
        Ask ask = {.x = x, .sigma = sigma, .time = lcm_time(s->levels, sigma), .step = i};
        if (!s->denoise(s->user, &ask, denoised, e)) return steps_stopped(e);
        float scaled = ask.time * 10, square = scaled * scaled + 0.25f;
        float skip = 0.25f / square, out = scaled / sqrtf(square);
        for (int64_t k = 0; k < s->n; k++) denoised[k] = out * denoised[k] + skip * x[k];
        for (int64_t k = 0; k < s->n; k++) x[k] = denoised[k];
        if (next > 0) {
            s->draw(s->user, noise);
            for (int64_t k = 0; k < s->n; k++) x[k] = x[k] + next * noise[k];
        }
        if (!done(s, x, denoised, i, e)) return false;
    }
    return true;
}
