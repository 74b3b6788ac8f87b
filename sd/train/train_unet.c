/* train_unet.c: a microbatch of the U-Net's training, and of the text encoder's if it learns too. */
#include "sd/noise/posterior.h"
#include "train_internal.h"

#include <math.h>
#include <string.h>

int train_time(const TrainOptions *o, int64_t step, int64_t i) {
    double u = ((double)i + train_uniform(o->seed, FOR_TIME, step, i)) / (double)o->batch;
    u = o->shift * u / (1 + (o->shift - 1) * u);
    return u < 1 ? (int)(u * TRAIN_STEPS) : TRAIN_STEPS - 1; /* u may be rounded to 1 */
}

static double snr_weight(const Trainer *t, double a) {
    if (t->o->min_snr <= 0) return 1;
    double snr = a / (1 - a), least = snr < t->o->min_snr ? snr : t->o->min_snr;
    return t->m->config.prediction == PREDICT_V ? least / (snr + 1) : least / snr;
}

typedef struct {
    float *x, *target, *times, *weights; /* [n][each] twice, [n] twice */
    int32_t *ids[MAX_ENCODERS];
} Batch;

static void make_batch(const Trainer *t, int64_t first, int64_t n, const Batch *b) {
    const VaeConfig *k = &t->m->config.vae;
    int64_t channels = k->latent, each = t->cache.moments_each / 2, pixels = each / channels;
    bool v = t->m->config.prediction == PREDICT_V;
    for (int64_t i = 0; i < n; i++) {
        int64_t index = first + i, picture = train_picture(t, t->step, index);
        int64_t stream = t->step * t->o->batch + index; /* one per picture and step */
        const float *moments = t->cache.moments + picture * t->cache.moments_each;
        float *x = b->x + i * each, *target = b->target + i * each, offset[64];
        int time = train_time(t->o, t->step, index);
        double a = t->m->noise_levels.alphas[time];
        float keep = (float)sqrt(a), noisy = (float)sqrt(1 - a);
        train_normal(target, each, t->o->seed, FOR_NOISE, stream);
        train_normal(x, each, t->o->seed, FOR_POSTERIOR, stream);
        train_normal(offset, channels, t->o->seed, FOR_OFFSET, stream);
        for (int64_t p = 0; p < pixels; p++)
            for (int64_t c = 0; c < channels; c++) {
                int64_t at = p * channels + c;
                const float *m = moments + p * 2 * channels;
                float z = (float)k->scale * posterior_sample(m[c], m[channels + c], x[at]);
                float noise = target[at] + (float)t->o->noise_offset * offset[c];
                x[at] = keep * z + noisy * noise;
                target[at] = v ? keep * noise - noisy * z : noise;
            }
        b->times[i] = (float)time;
        b->weights[i] = (float)snr_weight(t, a);
        for (int encoder = 0; encoder < t->m->config.encoders; encoder++)
            train_put_ids(t, b->ids[encoder] + i * TRAIN_TOKENS, encoder, picture, index);
    }
}

void train_unet_microbatch(Trainer *t, int64_t first, int64_t n, int64_t all) {
    Ctx *c = &t->ctx;
    const SdConfig *k = &t->m->config;
    int64_t side = t->d->size / vae_factor(&k->vae), each = side * side * k->vae.latent;
    size_t scope = scope_begin(c);
    Tensor x = tensor_new(c, 4, SHAPE(n, side, side, k->vae.latent)), target = tensor_new(c, 4, x.n);
    Tensor times = tensor_new(c, 1, &n), weights = tensor_new(c, 1, &n);
    Tensor ids[MAX_ENCODERS], states, told, label;
    bool labels = k->unet.label != 0;
    Batch batch = {x.data, target.data, times.data, weights.data, {0}};
    for (int i = 0; i < k->encoders; i++) {
        ids[i] = tensor_new_typed(c, I32, 2, SHAPE(n, TRAIN_TOKENS));
        batch.ids[i] = ids[i].data;
    }
    if (!t->planning) make_batch(t, first, n, &batch);
    if (t->o->text) tape_start(t->tape, c);
    states = train_states(t, ids, first, labels ? &told : NULL);
    if (!t->o->text) tape_start(t->tape, c);
    Tensor out = tensor_new(c, 4, x.n);
    const Unet *u = &t->m->unet;
    if (labels) label = tensor_new(c, 2, SHAPE(n, unet_width(u)));
    Tensor shifts = tensor_new(c, 2, SHAPE(n, u->time_shifts)),
           keys = tensor_new(c, 3, SHAPE(n, TRAIN_TOKENS, u->cross_kv));
    if (labels) unet_label(c, label, u, told);
    unet_time_shifts(c, shifts, u, times, labels ? &label : NULL, NULL);
    unet_cross_kv(c, keys, u, states);
    unet_forward(c, out, u, &(UnetInput){.x = x, .time_shifts = shifts, .cross_kv = keys});
    tape_stop(t->tape, c);
    float *g = c->err.code ? NULL : tape_gradient(t->tape, c, out).data;
    if (g) {
        const float *y = out.data, *wanted = target.data, *w = weights.data;
        for (int64_t i = 0; !t->planning && i < n; i++) {
            double sum = 0;
            float slope = 2 * w[i] / (float)(all * each);
            for (int64_t j = i * each; j < (i + 1) * each; j++) {
                float d = y[j] - wanted[j];
                sum += (double)d * d;
                g[j] = slope * d;
            }
            t->loss += w[i] * sum / (double)(all * each);
        }
        tape_backward(t->tape, c);
    }
    scope_end(c, scope);
}
