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
    int masks;           /* one for all pictures, or one for each (Pass.masks) */
    MaskBox box;         /* only_masked: the part of the picture that is drawn */
    int width, height;   /* of the finished picture */
    const uint8_t *kept; /* [height][width][3]; NULL: each picture's (Pass.kept) */
    uint8_t *overlay;    /* [masks][height][width], 0: kept */
    uint8_t *mask;       /* [masks] of the picture that is drawn, 255: repainted */
    float *repaint;      /* [masks][h][w] of the latents: 0 kept, 1 repainted */
    float *blended;      /* [group][latent]: what the network is shown in time space; NULL: what there is */
    uint8_t *unfilled;   /* what is drawn, before it is filled: it is `kept`, or what SD_HINT_INPAINT shows; NULL:
                            neither */
};

/* The request's mask, inverted and blurred, [mask_height][mask_width]; NULL on ERR_MEMORY, and on ERR_ARGUMENT: it
 * keeps everything. The caller frees it. */
uint8_t *inpaint_blurred(const SdRequest *r, Error *e);

/* Makes g->inpaint, and g->image unless the pass has pictures of its own, for a request with a mask. ERR_ARGUMENT: the
 * mask keeps everything. */
bool inpaint_begin(Generation *g, Error *e);
void inpaint_end(Generation *g);
/* What is repainted of the batch's picture `index`, [height][width], and that as the ControlNets of an inpainting see
 * it, before it is filled, [height][width][3]. NULL while it is only planned. */
const uint8_t *inpaint_mask(const Generation *g, int index);
const uint8_t *inpaint_unfilled(const Generation *g, int index);
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
