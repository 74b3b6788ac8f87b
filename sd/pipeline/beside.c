#include "beside.h"

#include "inpaint.h"
#include "planes.h"
#include "sd/image/pixels.h"
#include "sd/noise/noise.h"

#include <math.h>
#include <stdlib.h>

int64_t beside_channels(const SdModel *m) { return m->config.unet.in_channels - m->config.vae.latent; }

/* 0 or 1 as the mask says of a pixel, or with soft inpainting between them (not SDXL, in the webui); 1 without a mask.
 */
static float repaints(const Generation *g, const uint8_t *mask, int64_t pixel) {
    if (!mask) return 1;
    uint8_t v = mask[pixel];
    if (g->r->soft && !g->m->config.unet.label) return (float)v / 255;
    return v > 127;
}

static const uint8_t *mask_of(const Generation *g, int index) { return g->inpaint ? inpaint_mask(g, index) : NULL; }

void beside_picture(const Generation *g, int index, const uint8_t *of, float *pixels) {
    const uint8_t *mask = mask_of(g, index);
    int64_t n = (int64_t)g->r->width * g->r->height;
    float weight = (float)g->r->mask_weight;
    if (of) pixels_to_floats(pixels, of, 3 * n);
    for (int64_t i = 0; i < 3 * n; i++) {
        float is = of ? pixels[i] : 0, masked = is * (1 - repaints(g, mask, i / 3));
        pixels[i] =
            weight < 0.5f ? is + weight * (masked - is) : masked - (masked - is) * (1 - weight); /* torch.lerp */
    }
}

void beside_mask(const Generation *g, int index, float *out) {
    const uint8_t *mask = mask_of(g, index);
    int64_t step = g->r->width / g->w;
    for (int64_t i = 0; i < g->h * g->w; i++) out[i] = repaints(g, mask, (i / g->w * g->r->width + i % g->w) * step);
}

double beside_image_cfg(const SdRequest *r) { return r->image_cfg < 0 ? 1.5 : r->image_cfg; }

int beside_noise_level(const SdRequest *r) { return r->noise_level < 0 ? 20 : r->noise_level; }

bool beside_edits(const SdModel *m, const SdRequest *r) {
    return config_input(&m->config) == INPUT_PIX2PIX && beside_image_cfg(r) != 1;
}

bool beside_upscales(const SdModel *m) { return config_input(&m->config) == INPUT_UPSCALING; }

bool beside_small(Generation *g, Error *e) {
    const int64_t n = 3 * g->h * g->w, room = n > g->latent ? n : g->latent;
    const float alpha = g->m->small_alphas[beside_noise_level(g->r)], scale = sqrtf(alpha), sigma = sqrtf(1 - alpha);
    float *noise = malloc((size_t)room * sizeof *noise), *pixels = malloc((size_t)n * sizeof *pixels);
    g->beside = malloc((size_t)(g->batch * n) * sizeof *g->beside);
    bool ok = (noise && pixels && g->beside) || error_set(e, ERR_MEMORY, "out of memory for the small picture");
    if (ok) pixels_to_floats(pixels, g->image, n);
    for (int i = 0; ok && i < g->batch; i++) {
        float *to = g->beside + i * n;
        Noise own;
        noise_init(&own, g->r->rng, g->seed + (g->r->variation_strength != 0 ? 0 : (uint64_t)i));
        noise_fill(&own, noise, g->latent);
        noise_fill(&own, noise, n);
        pixels_to_planes(to, pixels, 3, g->h * g->w);
        for (int64_t k = 0; k < n; k++) to[k] = scale * to[k] + sigma * noise[k];
    }
    free(noise);
    free(pixels);
    return ok && (!g->taps || !taps_wants(g->taps, "image.noisy") ||
                  taps_add(g->taps, "image.noisy", 4, SHAPE(g->batch, 3, g->h, g->w), g->beside, e));
}
