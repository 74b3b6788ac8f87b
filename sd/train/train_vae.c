/* train_vae.c: a microbatch of the VAE's training: encode, sample, decode, compare. */
#include "sd/noise/math64.h"
#include "sd/image/pixels.h"
#include "train_internal.h"

#include <math.h>
#include <stdlib.h>

static bool crops(const Trainer *t, int64_t step) {
    return t->o->crop > 0 && (double)step < t->o->crop_share * (double)t->o->steps;
}

int64_t train_batch(const Trainer *t, int64_t step) {
    return !t->o->vae || crops(t, step) || !t->o->whole_batch ? t->o->batch : t->o->whole_batch;
}

/* Whether colours change within the crop: a flat one teaches nothing. */
static bool has_edge(const uint8_t *rgb, int size, int row, int column, int side) {
    const uint8_t *first = rgb + (row * size + column) * 3;
    for (int y = row; y < row + side; y++)
        for (int x = column; x < column + side; x++)
            for (int k = 0; k < 3; k++)
                if (abs(rgb[(y * size + x) * 3 + k] - first[k]) > 8) return true;
    return false;
}

static bool fill(const Trainer *t, float *out, int64_t first, int64_t n, int side, Error *e) {
    int size = t->d->size;
    uint8_t *rgb = malloc((size_t)size * (size_t)size * 3);
    bool ok = rgb || error_set(e, ERR_MEMORY, "out of memory for a picture");
    for (int64_t i = 0; ok && i < n; i++) {
        int64_t stream = t->step * t->o->batch + first + i;
        int64_t picture = (int64_t)(train_random(t->o->seed, FOR_PICTURE, t->step, first + i) % (uint64_t)t->d->count);
        int row = 0, column = 0;
        ok = t->d->picture(t->d->user, picture, rgb, e);
        for (int k = 0; ok && side < size && k < 16; k++) {
            row = (int)(train_uniform(t->o->seed, FOR_CROP, stream, 2 * k) * (size - side + 1));
            column = (int)(train_uniform(t->o->seed, FOR_CROP, stream, 2 * k + 1) * (size - side + 1));
            if (has_edge(rgb, size, row, column, side)) break;
        }
        float *to = out + i * side * side * 3;
        for (int y = 0; ok && y < side; y++)
            pixels_to_floats(to + y * side * 3, rgb + ((row + y) * size + column) * 3, 3 * side);
    }
    free(rgb);
    return ok;
}

/* The loss of decoded pictures, and its gradient. */
static void compare(Trainer *t, const float *y, const float *x, float *g, int64_t count, double share) {
    double squares = 0, sizes = 0;
    float l1 = (float)(t->o->l1 * share), l2 = (float)(2 * share);
    for (int64_t i = 0; i < count; i++) {
        float d = y[i] - x[i];
        squares += (double)d * d;
        sizes += fabs((double)d);
        g[i] = l2 * d + (d > 0 ? l1 : d < 0 ? -l1 : 0);
    }
    t->loss += share * (squares + t->o->l1 * sizes);
}

/* The posterior's divergence from standard normals, and its gradient. */
static void compare_moments(Trainer *t, const float *moments, float *g, int64_t pixels, int64_t channels,
                            double share) {
    double sum = 0;
    float kl = (float)(t->o->kl * share);
    for (int64_t p = 0; p < pixels; p++, moments += 2 * channels, g += 2 * channels)
        for (int64_t c = 0; c < channels; c++) {
            float mu = moments[c], lv = moments[channels + c];
            bool within = lv > -30 && lv < 20;
            double variance = exp64(within ? (double)lv : lv < 0 ? -30.0 : 20.0);
            sum += 0.5 * ((double)mu * mu + variance - 1 - (within ? (double)lv : 0));
            g[c] = kl * mu;
            g[channels + c] = within ? kl * 0.5f * ((float)variance - 1) : 0;
        }
    t->loss += t->o->kl * share * sum;
}

void train_vae_microbatch(Trainer *t, int64_t first, int64_t n, int64_t all) {
    Ctx *c = &t->ctx;
    const VaeConfig *k = &t->m->config.vae;
    int64_t side = crops(t, t->step) ? t->o->crop : t->d->size, small = side / vae_factor(k), latent = k->latent;
    size_t scope = scope_begin(c);
    Tensor image = tensor_new(c, 4, SHAPE(n, side, side, 3)), noise = tensor_new(c, 4, SHAPE(n, small, small, latent));
    if (!t->planning) {
        fill(t, image.data, first, n, (int)side, &c->err);
        int64_t each = small * small * latent;
        for (int64_t i = 0; i < n; i++)
            train_normal((float *)noise.data + i * each, each, t->o->seed, FOR_POSTERIOR,
                         t->step * t->o->batch + first + i);
    }
    tape_start(t->tape, c);
    Tensor moments = tensor_new(c, 4, SHAPE(n, small, small, 2 * latent)), z = tensor_new(c, 4, noise.n);
    Tensor out = tensor_new(c, 4, image.n);
    vae_encode(c, moments, &t->m->encoder, image);
    op_gaussian(c, z, moments, noise, (float)k->scale);
    vae_decode(c, out, &t->m->decoder, z);
    tape_stop(t->tape, c);
    float *g = c->err.code ? NULL : tape_gradient(t->tape, c, out).data,
          *gm = g ? tape_gradient(t->tape, c, moments).data : NULL;
    if (gm) {
        int64_t count = tensor_count(image), pixels = n * small * small;
        if (!t->planning) {
            compare(t, out.data, image.data, g, count, 1.0 / (double)(all * side * side * 3));
            compare_moments(t, moments.data, gm, pixels, latent, 1.0 / (double)(all * small * small * latent));
        }
        tape_backward(t->tape, c);
    }
    scope_end(c, scope);
}
