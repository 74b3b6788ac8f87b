#include "scratch.h"

#include "tensor/pieces.h"

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* Channels of the widest attention head. The VAE has one head. */
static int widest_head(const SdConfig *k) {
    int widest = 1;
    for (int i = 0; i < k->vae.levels; i++)
        if (k->vae.channels * k->vae.mult[i] > widest) widest = k->vae.channels * k->vae.mult[i];
    for (int i = 0; i < k->unet.levels; i++) {
        int width = k->unet.heads ? k->unet.channels * k->unet.mult[i] / k->unet.heads : k->unet.head_dim;
        if (width > widest) widest = width;
    }
    for (int i = 0; i < k->encoders; i++)
        if (k->clip[i].width / k->clip[i].heads > widest) widest = k->clip[i].width / k->clip[i].heads;
    return widest;
}

size_t model_least_scratch(const SdModel *m) {
    enum { PREPARED_FILTERS = 416 << 10, SCORES = 16 << 10, A_HEAD = 208, CHANNELS = 3, PANEL = 33 }; /* floats */
    if (!m->ops->rows_independent) return SCRATCH_FASTEST;
    size_t least = m->ops->prepared_bytes && !m->as_in_files ? PREPARED_FILTERS : SCRATCH_LEAST;
    least = larger(least, (size_t)widest_head(&m->config) * A_HEAD * sizeof(float) + SCORES);
    for (int part = 0; part < PART_COUNT; part++)
        for (int64_t i = 0; i < m->lists[part].count; i++) {
            const Weight *w = m->lists[part].w[i];
            int64_t inputs = w->t.n[w->t.nd - 1], row = tensor_count(w->t) / w->t.n[0];
            bool few = w->kind == WEIGHT_CONV && w->t.n[0] <= FEW_OUTPUTS; /* a panel, and filters in rows */
            least =
                larger(least, (size_t)(few ? PANEL * inputs + FEW_OUTPUTS * row : CHANNELS * inputs) * sizeof(float));
        }
    return least;
}
