/* denoiser.h: what samplers ask of the model, answered by the U-Net under guidance: the base's, and from some call on
 * the refiner's. */
#ifndef SD_PIPELINE_DENOISER_H
#define SD_PIPELINE_DENOISER_H

#include "unet_calls.h"

typedef struct {
    Generation *g;
    Cursor at;
    float *sides; /* [sides][group][C][h][w]: each side's prediction, the negative prompt's first when guided;
                     at last, where a picture is edited, its beside an empty picture */
} Denoiser;

/* Starts on the group of pictures that begins with the batch's picture `first`. g->refined, which is allocated, says
 * from then on whether the refiner has taken the group over. sides: where the predictions go. */
Denoiser denoiser_begin(Generation *g, int first, float *sides);
/* A DenoiseFn; user: a Denoiser. */
bool denoiser_evaluate(void *user, const Ask *ask, float *out, Error *e);

#endif
