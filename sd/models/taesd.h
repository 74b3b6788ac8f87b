/* taesd.h: tiny autoencoders between pictures and latents: TAESD (SD 1.x, 2.x) and TAESDXL. Source: madebyollin,
 * taesd.py; diffusers, AutoencoderTiny. */
#ifndef SD_MODELS_TAESD_H
#define SD_MODELS_TAESD_H

#include "nn/relublock.h"
#include "config.h"

enum { MAX_TAESD_BLOCKS = 8 };

/* An encoder or a decoder. */
typedef struct {
    int channels;           /* of every map: 64 */
    int latent;             /* of a latent: 4 */
    int levels;             /* resolutions: 4 */
    int blocks[MAX_LEVELS]; /* of a level, in the order of computation: 3, 3, 3, 1; the encoder's 1, 3, 3, 3 */
} TaesdConfig;

typedef struct {
    TaesdConfig config;
    bool decoder;
    Conv conv_in, conv_out, resample[MAX_LEVELS]; /* resample: after a level, but the last */
    ReluBlock blocks[MAX_LEVELS][MAX_TAESD_BLOCKS];
} Taesd;

/* The published ones. */
TaesdConfig taesd_decoder_config(void);
TaesdConfig taesd_encoder_config(void);
/* Pixels per latent along one side: 8. */
int taesd_factor(const TaesdConfig *k);

/* Names are those of taesd_decoder.pth and taesd_encoder.pth: numbers of layers in an nn.Sequential. */
bool taesd_bind_decoder(Taesd *m, const TaesdConfig *k, WeightList *l);
bool taesd_bind_encoder(Taesd *m, const TaesdConfig *k, WeightList *l);

/* image[N,8H,8W,3], about -1..1, from latents z[N,H,W,4] in the U-Net's scale. The `strips` levels nearest the picture
 * are made strip by strip: the same bits in less memory. Taps: layers.I, diffusers' numbers; a convolution that a ReLU
 * follows under the ReLU's. */
void taesd_decode(Ctx *c, Tensor image, const Taesd *m, Tensor z, int strips);
/* latents z[N,H/8,W/8,4] in the U-Net's scale from image[N,H,W,3] in -1..1; H, W multiples of 8. */
void taesd_encode(Ctx *c, Tensor z, const Taesd *m, Tensor image, int strips);

#endif
