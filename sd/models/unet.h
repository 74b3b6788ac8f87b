/* unet.h: the U-Net, a table of blocks laid out from the configuration.
 *
 * SD 1.x: 12 input blocks, the middle, 12 output blocks. Source: CompVis, openaimodel.py UNetModel. */
#ifndef SD_MODELS_UNET_H
#define SD_MODELS_UNET_H

#include "nn/resblock.h"
#include "nn/transformer.h"
#include "config.h"

typedef enum { UNET_CONV_IN, UNET_RES, UNET_DOWN } UnetBlockKind;

typedef struct {
    UnetBlockKind kind;
    int level, index;      /* for names: the level of resolution, and the number within it */
    int64_t in, skip, out; /* channels; skip: of the second source (output blocks) */
    ResBlock res;
    Transformer transformer; /* depth 0: none */
    Conv conv;               /* conv_in, down, or the convolution after up-sampling */
    bool up;
} UnetBlock;

typedef struct {
    UnetConfig config;
    Linear time1, time2;
    UnetBlock *input, *output; /* owned */
    int inputs, outputs;
    ResBlock middle1, middle2;
    Transformer middle;
    Norm norm_out;
    Conv conv_out;
    int64_t time_shifts, cross_kv; /* channels of what unet_time_shifts and unet_cross_kv make */
} Unet;

/* Lays the blocks out and names the weights (under the list's path). False on ERR_MEMORY. */
bool unet_bind(Unet *u, const UnetConfig *config, WeightList *l);
void unet_free(Unet *u);

/* What depends only on the time or only on the text is computed separately, once for all pictures, halves of guidance
 * and steps that share it:
 *
 *  - time_shifts[D,time_shifts] from t[D] (0..999): the time embedding, then every ResBlock's shift;
 *  - cross_kv[S,T,cross_kv] from text states context[S,T,context]: every cross attention's keys and values. */
void unet_time_shifts(Ctx *c, Tensor time_shifts, const Unet *u, Tensor t);
void unet_cross_kv(Ctx *c, Tensor cross_kv, const Unet *u, Tensor context);

/* out[N,H,W,out_channels] from x[N,H,W,in_channels]. time_shifts: [1,time_shifts] for all pictures or [N,time_shifts]
 * for each. cross_kv [S,T,cross_kv]: pictures i N / S up to (i + 1) N / S have text i.
 * Any H, W >= 1: down-sampling rounds up, up-sampling goes to the size of the skip connection.
 * Taps, by diffusers' names: time_embedding, conv_in, down_blocks.B.resnets.R, .attentions.A, .downsamplers.0,
 * down_blocks.B, mid_block..., up_blocks.B..., conv_norm_out, conv_out. */
void unet_forward(Ctx *c, Tensor out, const Unet *u, Tensor x, Tensor time_shifts, Tensor cross_kv);

#endif
