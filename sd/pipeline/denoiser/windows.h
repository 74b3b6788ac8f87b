/* windows.h: tiled diffusion: latents larger than what the U-Net is given at once. In each of its calls it answers for
 * overlapping windows of them, and the answers are averaged: evenly (MultiDiffusion), or by a gaussian bell over each
 * window (Mixture of Diffusers). Samplers, guidance and all else see the latents as a whole.
 *
 *     x [C][H][W] ── windows_cut ──> [w h][C] of each window ── U-Net ──> windows_add, in the windows' order
 *                                                                         windows_finish ──> as if of the whole
 *
 * Windows stand where they stand, and are added in their order, however many are computed at once: the same bits.
 * Sources: Bar-Tal and others 2023, MultiDiffusion, equation 5; Barbero 2023, Mixture of Diffusers, and its
 * mixdiff/tiling.py; where windows stand: multidiffusion-upscaler-for-automatic1111, tile_utils/utils.py, split_bboxes.
 */
#ifndef SD_PIPELINE_WINDOWS_H
#define SD_PIPELINE_WINDOWS_H

#include "sd/image/draw/grid.h"
#include "sd/sd.h"

typedef struct {
    Grid grid;      /* of latents */
    int count;      /* 1: the whole, and nothing below */
    float *weights; /* [h][w] of a window; NULL: 1 */
    float *total;   /* [H][W]: the sum of all windows' weights */
} Windows;

/* Those of a request over latents of w x h. ERR_MEMORY. windows_end in any case. */
bool windows_begin(Windows *k, const SdRequest *r, int w, int h, Error *e);
void windows_end(Windows *k);
/* What they take in memory. */
size_t windows_bytes(const Windows *k);
/* A window's sides, and how many latents those are. */
int64_t windows_area(const Windows *k);

/* pixels[h w][wide] = scale * planes[channels][H][W] of window i. */
void windows_cut(const Windows *k, int i, float *pixels, int64_t wide, const float *planes, int64_t channels,
                 float scale);
/* planes[channels][H][W] += pixels[h w][channels], times the window's share of what is there; where there is one
 * window, =. */
void windows_add(const Windows *k, int i, float *planes, const float *pixels, int64_t channels);
/* Once all windows have been added to zeros. */
void windows_finish(const Windows *k, float *planes, int64_t channels);

#endif
