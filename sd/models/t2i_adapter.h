/* t2i_adapter.h: a T2I-Adapter, which adds to a U-Net's way down what a hint asks for: a small network that sees the
 * hint alone, once for a picture.
 *
 *     hint [1,8H,8W,3] ──> blocks of 8x8 pixels as channels ──> conv ──> level 0 ──> half the size, level 1 ──> ...
 *                                                                          │                        │
 *                                                                       feature 0               feature 1
 *
 * Feature i is added to what the last ResBlock (and its transformer) of the U-Net's level i makes. Source: TencentARC,
 * T2I-Adapter, ldm/modules/encoders/adapter.py, Adapter; diffusers, FullAdapter. */
#ifndef SD_MODELS_T2I_ADAPTER_H
#define SD_MODELS_T2I_ADAPTER_H

#include "unet.h"

enum { ADAPTER_BLOCKS = 2, ADAPTER_FACTOR = 8 };

typedef struct {
    Conv conv1;   /* 3x3, then ReLU */
    Linear conv2; /* 1x1 */
} AdapterBlock;

typedef struct {
    int levels;
    int64_t channels[MAX_LEVELS]; /* those of the U-Net's levels */
    Conv conv_in;                 /* from 3 x 8 x 8 channels */
    Linear in[MAX_LEVELS];        /* where the channels change */
    bool has_in[MAX_LEVELS];
    AdapterBlock blocks[MAX_LEVELS][ADAPTER_BLOCKS];
} Adapter;

/* Names are those of the original, under the list's path: conv_in, body.0.block1, ... */
bool adapter_bind(Adapter *m, const UnetConfig *of, WeightList *l);
/* features[i] [1,H >> i,W >> i,channels[i]] from shuffled [1,H,W,192] (adapter_shuffle); H and W are multiples of
 * 2^(levels - 1). */
void adapter_forward(Ctx *c, Tensor *features, const Adapter *m, Tensor shuffled);
/* out[h][w][192] from rgb[8h][8w][3], in 0..1: channel c 64 + y 8 + x of a pixel is channel c of pixel x, y of its
 * block (torch's pixel_unshuffle). */
void adapter_shuffle(float *out, const uint8_t *rgb, int64_t h, int64_t w);

#endif
