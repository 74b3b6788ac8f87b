/* picture_noise.h: all noise of a batch, as in the webui's ImageRNG (modules/rng.py): every picture has a generator of
 * its own, so that a picture in a batch is the one that its seed makes alone. */
#ifndef SD_NOISE_PICTURE_NOISE_H
#define SD_NOISE_PICTURE_NOISE_H

#include "tensor/error.h"
#include "brownian.h"

typedef struct {
    SdRng kind;
    uint64_t seed;                         /* of the first picture; the others count up, unless there is a variation */
    uint64_t variation_seed;               /* of the first picture's variation; the others count up */
    double variation;                      /* strength: 0 none .. 1 the variation seed's noise alone */
    int64_t ensd;                          /* eta noise seed delta: every draw but the first is from seed + ensd */
    int resize_height, resize_width;       /* "resize seed from", in latent rows and columns; 0: off */
    int pictures, channels, height, width; /* latents */
} PictureNoiseOptions;

typedef struct PictureNoise PictureNoise;

/* NULL on ERR_MEMORY. */
PictureNoise *picture_noise_open(const PictureNoiseOptions *o, Error *e);
void picture_noise_close(PictureNoise *p); /* NULL is fine */

/* Picture i's seed, as its file records it. */
uint64_t picture_noise_seed(const PictureNoise *p, int i);

/* out [channels][height][width]: picture i's first noise; call it once, before picture_noise_next. */
void picture_noise_first(PictureNoise *p, int i, float *out);
void picture_noise_next(PictureNoise *p, int i, float *out);

/* Noise for the step between two sigmas, for SDE samplers. First call picture_noise_path with the smallest sigma above
 * 0 and the largest of the whole list; false: ERR_MEMORY. */
bool picture_noise_path(PictureNoise *p, float low, float high, Error *e);
void picture_noise_brownian(PictureNoise *p, int i, float *out, float from, float to);

#endif
