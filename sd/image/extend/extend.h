/* extend.h: a picture that goes on beyond its sides, part by part, as the webui's two scripts draw it: "Poor man's
 * outpainting", whose parts are tiles of the extended picture that are joined by overlapping, and "Outpainting mk2",
 * which draws one side after the other, each from noise with the spectrum of what is there (spectrum.h). Source:
 * AUTOMATIC1111, scripts/poor_mans_outpainting.py and scripts/outpainting_mk_2.py.
 *
 * A direction that is extended reaches a multiple of 64 pixels, by more on its sides; the other one keeps its pixels
 * (the webui fills it up with black). Where the masks would be blurred by 0, they end at the picture's edge (the
 * webui's, a pixel beyond). */
#ifndef SD_IMAGE_EXTEND_H
#define SD_IMAGE_EXTEND_H

#include "tensor/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int left, top, right, bottom;
} Sides;

typedef struct {
    const uint8_t *rgb; /* [height][width][3] */
    int width, height;
    Sides asked;   /* pixels; one at least is not 0 */
    bool spectrum; /* side by side, from noise; else tiles */
    int window_w,
        window_h;          /* of a tile, or how wide a side's part is, or how high one above or below; multiples of 8 */
    int blur;              /* the scripts' "Mask blur", 0..64 */
    double falloff, color; /* spectrum.h */
} Extend;

/* What is to be drawn: `image`, repainted where `mask`, blurred by the sigmas, is not 0; of its latents where
 * `latents` says so. */
typedef struct {
    int index; /* 0.. */
    int width, height, sigma_x, sigma_y;
    const uint8_t *image;          /* [height][width][3] */
    const uint8_t *mask, *latents; /* [height][width] */
} ExtendPart;

/* Writes drawn[height][width][3]. */
typedef bool (*ExtendDraw)(void *user, const ExtendPart *part, uint8_t *drawn, Error *e);

/* What is added on each side. */
Sides extend_sides(const Extend *x);
/* The extended picture, and what a window that shows all of it measures. */
void extend_size(const Extend *x, int *width, int *height);
void extend_whole(const Extend *x, int *width, int *height);
/* NULL, or what is wrong, for a line that begins with "extend: ". */
const char *extend_wrong(const Extend *x);
/* The size of part i; false: there are no more. */
bool extend_part(const Extend *x, int i, int *width, int *height);
/* out[height][width][3], by parts. False on ERR_MEMORY, and when draw is. */
bool extend_run(const Extend *x, ExtendDraw draw, void *user, uint8_t *out, Error *e);
/* What it takes while a part is drawn, and before. */
size_t extend_bytes(const Extend *x);
size_t extend_spectrum_bytes(const Extend *x);

#endif
