/* inpaint.h: img2img that repaints what a mask says and keeps the rest of the picture, as the webui does.
 *
 * The picture as it was is kept three times: its pixels, which lie over the finished ones; what the encoder is given,
 * filled where it is repainted; and its latents z, which take the place of what a step predicts, where the mask keeps
 * them. Source: AUTOMATIC1111, modules/processing.py, StableDiffusionProcessingImg2Img, and
 * modules/sd_samplers_cfg_denoiser.py. */
#ifndef SD_PIPELINE_INPAINT_H
#define SD_PIPELINE_INPAINT_H

#include "generation.h"
#include "sd/image/mask.h"

struct Inpaint {
    MaskBox box;         /* only_masked: the part of the picture that is drawn */
    int width, height;   /* of the finished picture */
    const uint8_t *kept; /* [height][width][3] */
    uint8_t *overlay;    /* [height][width], 0: kept */
    uint8_t *mask;       /* of the picture that is drawn, 255: repainted */
    float *repaint;      /* [h][w] of the latents: 0 kept, 1 repainted */
    float *blended;      /* [group][latent]: what the network is shown in time space; NULL: what there is */
    uint8_t *owned;      /* `kept`, unless it is the request's picture */
};

/* Makes g->inpaint and g->image for a request with a mask. ERR_ARGUMENT: the mask keeps everything. */
bool inpaint_begin(Generation *g, Error *e);
void inpaint_end(Generation *g);
/* What it takes beside the arena. */
size_t inpaint_bytes(const Generation *g);

/* g->z becomes what sampling begins with, where the fill is of latents. */
bool inpaint_fill_latents(Generation *g, Error *e);
/* out = x where the mask repaints, z where it keeps; of the group that begins with the batch's picture `first`. x may
 * be out. level: as soft_blend has it; at 0, and so after the last step, soft inpainting has x. */
void inpaint_blend(const Generation *g, int first, float *out, const float *x, float level);
/* The drawn picture, the batch's `index`, becomes the finished one. */
bool inpaint_finish(const Generation *g, int index, SdPicture *p, Error *e);

#endif
