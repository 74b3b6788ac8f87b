/* picture_noise.h: all noise of a batch, as the webui's ImageRNG (modules/rng.py) gives it: every picture has a
 * generator of its own, so that a picture of a batch is what its seed alone makes. */
#ifndef SD_NOISE_PICTURE_NOISE_H
#define SD_NOISE_PICTURE_NOISE_H

#include "tensor/error.h"
#include "brownian.h"

typedef struct {
    SdRng kind;
    uint64_t seed;                         /* of the first picture; the others count up, unless there is a variation */
    uint64_t variation_seed;               /* of the first picture's variation; the others count up */
    double variation;                      /* strength, 0: none .. 1: the variation seed's noise alone */
    int64_t ensd;                          /* eta noise seed delta: all draws but the first come from seed + ensd */
    int resize_height, resize_width;       /* latent rows and columns to resize the seed from; 0: none */
    int pictures, channels, height, width; /* latents */
} PictureNoiseOptions;

typedef struct PictureNoise PictureNoise;

/* NULL on ERR_MEMORY. */
PictureNoise *picture_noise_open(const PictureNoiseOptions *o, Error *e);
void picture_noise_close(PictureNoise *p); /* NULL is fine */

/* The seed that picture i's file is to carry. */
uint64_t picture_noise_seed(const PictureNoise *p, int i);

/* out [channels][height][width]: picture i's first noise, to be asked for once and before the draws that follow. */
void picture_noise_first(PictureNoise *p, int i, float *out);
void picture_noise_next(PictureNoise *p, int i, float *out);

/* Noise of the way between two sigmas, for SDE samplers; low and high are the ends of the whole list of sigmas, to be
 * given once before. False on ERR_MEMORY. */
bool picture_noise_path(PictureNoise *p, float low, float high, Error *e);
void picture_noise_brownian(PictureNoise *p, int i, float *out, float from, float to);

#endif
