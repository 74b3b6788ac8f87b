/* vae.h: the autoencoder between pictures and latents. Source: CompVis, model.py Encoder, Decoder; autoencoder.py. */
#ifndef SD_MODELS_VAE_H
#define SD_MODELS_VAE_H

#include "nn/resblock.h"
#include "nn/transformer.h"
#include "config.h"

/* A level of the encoder or decoder: ResBlocks, then a change of resolution (except at the last). */
typedef struct {
    ResBlock *res; /* owned, [Vae.blocks] */
    Conv resample;
    bool has_resample;
    int64_t out; /* channels */
} VaeLevel;

/* Encoder and decoder have the same parts, with the levels in a different order. */
typedef struct {
    VaeConfig config;
    bool decoder;
    int blocks; /* ResBlocks a level */
    Conv conv_in, conv_out;
    ResBlock middle1, middle2;
    PixelAttention middle;
    VaeLevel levels[MAX_LEVELS]; /* in the order of computation */
    Norm norm_out;
    Linear quant; /* quant_conv after the encoder, post_quant_conv before the decoder */
} Vae;

bool vae_bind_decoder(Vae *v, const VaeConfig *config, WeightList *l);
bool vae_bind_encoder(Vae *v, const VaeConfig *config, WeightList *l);
void vae_free(Vae *v); /* also of one that was bound in part, or all zero */

/* image[N,8H,8W,3], about -1..1, from latents z[N,H,W,4], which are divided by vae_scale.
 * Taps: conv_in, mid_block, up_blocks.I, conv_norm_out, conv_out under the taps' prefix. */
void vae_decode(Ctx *c, Tensor image, const Vae *v, Tensor z);
/* moments[N,H/8,W/8,8] (mean, then log variance, unscaled) from image[N,H,W,3] in -1..1; H, W multiples of 8.
 * Taps: conv_in, down_blocks.I, mid_block, conv_norm_out, conv_out. */
void vae_encode(Ctx *c, Tensor moments, const Vae *v, Tensor image);
/* The same bits in less memory and more time: the `strips` levels nearest the picture are made strip by strip, without
 * taps. */
void vae_decode_in_strips(Ctx *c, Tensor image, const Vae *v, Tensor z, int strips);
void vae_encode_in_strips(Ctx *c, Tensor moments, const Vae *v, Tensor image, int strips);
/* VaeConfig.scale; 1 where latents have statistics, which are not applied here (sd/pipeline/latents.h). */
double vae_scale(const VaeConfig *k);
/* Pixels per latent along one side: 8 for four levels. */
int vae_factor(const VaeConfig *k);

#endif
