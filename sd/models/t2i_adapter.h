/* t2i_adapter.h: a T2I-Adapter, which adds to a U-Net's way down what a hint asks for: a small network that sees the
 * hint alone, once for a picture.
 *
 *     hint [1,8H,8W,3] ──> blocks of 8x8 pixels as channels ──> conv ──> level 0 ──> half the size, level 1 ──> ...
 *                                                                          │                        │
 *                                                                       feature 0               feature 1
 *
 * Feature i is added to what the last ResBlock (and its transformer) of the U-Net's level i makes. SDXL's reads blocks
 * of 16x16 pixels, halves once, before feature 2, and adds feature 0 after the first halving of the U-Net, features 1
 * and 2 to the last ResBlocks of levels 1 and 2, and feature 3 to the middle. Sources: TencentARC, T2I-Adapter,
 * ldm/modules/encoders/adapter.py, Adapter; diffusers, FullAdapter, FullAdapterXL and UNet2DConditionModel. */
#ifndef SD_MODELS_T2I_ADAPTER_H
#define SD_MODELS_T2I_ADAPTER_H

#include "unet.h"
#include "weights/checkpoint.h"

enum { ADAPTER_BLOCKS = 2 };

typedef struct {
    Conv conv1;   /* 3x3, then ReLU */
    Linear conv2; /* 1x1 */
} AdapterBlock;

typedef struct {
    int factor; /* pixels a side of a block: 8, SDXL's 16 */
    int hint;   /* channels of the hint that it reads: 3, or the first one alone */
    bool xl;
} AdapterConfig;

typedef struct {
    AdapterConfig config;
    int levels;                   /* of features: the U-Net's, or SDXL's 4 */
    int64_t channels[MAX_LEVELS]; /* of each */
    int place[MAX_LEVELS];        /* of the U-Net that it is added to: input block, or `inputs`: the middle */
    bool halves[MAX_LEVELS];      /* the one before it */
    Conv conv_in;                 /* from hint x factor x factor channels */
    Linear in[MAX_LEVELS];        /* where the channels change */
    bool has_in[MAX_LEVELS];
    AdapterBlock blocks[MAX_LEVELS][ADAPTER_BLOCKS];
} Adapter;

/* What the shapes of its file (GIVEN_CONTROL) tell. False, with a line that begins with its path, where it is for
 * another family than the U-Net's, or reads what is no picture. */
bool adapter_from_shapes(const Checkpoint *c, const UnetConfig *of, const char *family, AdapterConfig *out, Error *e);
/* Names are those of the original, under the list's path: conv_in, body.0.block1, ... */
bool adapter_bind(Adapter *m, const AdapterConfig *k, const UnetConfig *of, WeightList *l);
/* The picture's sides, in pixels, are multiples of this. */
int adapter_unit(const Adapter *m);
/* What it reads of a picture of w x h pixels: [1,h / factor,w / factor,channels]; and the shape of feature i. */
void adapter_input_shape(const Adapter *m, int64_t h, int64_t w, int64_t shape[4]);
void adapter_feature_shape(const Adapter *m, int i, int64_t h, int64_t w, int64_t shape[4]);
/* All features from the hint, which adapter_shuffle has made. */
void adapter_forward(Ctx *c, Tensor *features, const Adapter *m, Tensor shuffled);
/* out of the input's shape from rgb[h][w][3], in 0..1: channel (c f + y) f + x of a pixel is channel c of pixel x, y of
 * its block of f x f (torch's pixel_unshuffle). */
void adapter_shuffle(const Adapter *m, float *out, const uint8_t *rgb, int64_t h, int64_t w);

#endif
