/* train_fold.c: after training a VAE, gives each channel of its latents mean 0 and standard deviation 1 / scale, so
 * that 0.18215 serves any VAE. For latents z with mean m and standard deviation s, quant_conv then yields z' = (z - m)
 * / (s scale), and post_quant_conv undoes that. */
#include "sd/noise/math64.h"
#include "sd/image/pixels.h"
#include "train_internal.h"

#include <stdlib.h>
#include <string.h>

enum { PICTURES = 512, CHANNELS = 64 };

typedef struct {
    double sum[CHANNELS], squares[CHANNELS], variance[CHANNELS], count;
} Spread;

/* The moments of a picture, on the arena. rgb NULL: while planning. */
static Tensor moments_of(Trainer *t, const uint8_t *rgb) {
    Ctx *c = &t->ctx;
    const VaeConfig *k = &t->m->config.vae;
    int64_t size = t->d->size, side = size / vae_factor(k);
    Tensor image = tensor_new(c, 4, SHAPE(1, size, size, 3)),
           moments = tensor_new(c, 4, SHAPE(1, side, side, 2 * k->latent));
    if (rgb) pixels_to_floats(image.data, rgb, size * size * 3);
    vae_encode(c, moments, &t->m->encoder, image);
    return moments;
}

void train_fold_plan(Trainer *t) {
    size_t scope = scope_begin(&t->ctx);
    moments_of(t, NULL);
    scope_end(&t->ctx, scope);
}

static bool measure(Trainer *t, int64_t pictures, Spread *s, Error *e) {
    Ctx *c = &t->ctx;
    const VaeConfig *k = &t->m->config.vae;
    int64_t size = t->d->size, side = size / vae_factor(k), each = size * size * 3, channels = k->latent;
    uint8_t *rgb = malloc((size_t)each);
    bool ok = rgb || error_set(e, ERR_MEMORY, "out of memory for a picture");
    for (int64_t p = 0; ok && p < pictures && p < t->d->count; p++) {
        ok = t->d->picture(t->d->user, p, rgb, e);
        if (!ok) break;
        size_t scope = scope_begin(c);
        const float *m = moments_of(t, rgb).data;
        ok = train_check_moments(t, m, side * side * 2 * channels, e);
        for (int64_t i = 0; ok && i < side * side; i++, m += 2 * channels, s->count++)
            for (int64_t j = 0; j < channels; j++) {
                double lv = m[channels + j] < -30 ? -30 : m[channels + j] > 20 ? 20 : m[channels + j];
                s->sum[j] += m[j], s->squares[j] += (double)m[j] * m[j], s->variance[j] += exp64(lv);
            }
        scope_end(c, scope);
    }
    free(rgb);
    return ok;
}

bool train_check_latents(Trainer *t, Error *e) { return measure(t, 1, &(Spread){0}, e); }

static float *values_of(const Trainer *t, float *values, const Weight *w) {
    for (int64_t i = 0; i < t->p.count; i++)
        if (t->p.w[i] == w) return values + t->p.at[i];
    return NULL;
}

bool train_fold(Trainer *t, float *values, Error *e) {
    SdModel *m = t->m;
    size_t bytes = (size_t)t->p.floats * sizeof *values;
    float *kept = malloc(bytes);
    int64_t channels = m->config.vae.latent;
    Spread s = {0};
    if (!kept || channels > CHANNELS) return free(kept), error_set(e, ERR_MEMORY, "out of memory for folding the VAE");
    memcpy(kept, t->p.values, bytes); /* measure what is written: the average, if there is one */
    memcpy(t->p.values, values, bytes);
    parameters_changed(&t->p, m->ops, m->pool);
    bool ok = measure(t, PICTURES, &s, e);
    memcpy(t->p.values, kept, bytes);
    parameters_changed(&t->p, m->ops, m->pool);
    free(kept);
    float *w = values_of(t, values, &m->encoder.quant.w), *b = values_of(t, values, &m->encoder.quant.b);
    float *pw = values_of(t, values, &m->decoder.quant.w), *pb = values_of(t, values, &m->decoder.quant.b);
    for (int64_t c = 0; ok && c < channels; c++) {
        double mean = s.sum[c] / s.count, variance = s.squares[c] / s.count - mean * mean + s.variance[c] / s.count;
        double wide = sqrt(variance) * m->config.vae.scale;
        if (!(wide > 1e-30 && wide < 1e30)) {
            ok = error_set(
                e, ERR_NUMERIC,
                "%s: channel %d of its latents varies by %g, which cannot be brought to 1; train the VAE anew",
                m->checkpoint->path, (int)c, wide);
            break;
        }
        for (int64_t i = 0; i < 2 * channels; i++) w[c * 2 * channels + i] = (float)(w[c * 2 * channels + i] / wide);
        b[c] = (float)((b[c] - mean) / wide);
        b[channels + c] = (float)(b[channels + c] - 2 * log64(wide));
        for (int64_t o = 0; o < channels; o++) {
            pb[o] = (float)(pb[o] + mean * pw[o * channels + c]);
            pw[o * channels + c] = (float)(pw[o * channels + c] * wide);
        }
    }
    return ok;
}
