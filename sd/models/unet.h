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
    Linear guidance;           /* config.guidance 0: none */
    Linear label1, label2;     /* config.label 0: none */
    Weight classes;            /* config.classes 0: none */
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
/* Its first half alone, as a ControlNet has it: embeddings, input blocks, the middle (outputs is 0). */
bool unet_bind_encoder(Unet *u, const UnetConfig *config, WeightList *l);
void unet_free(Unet *u);

/* What depends only on the time or only on the text is computed separately, once for all pictures, halves of guidance
 * and steps that share it:
 *
 *  - label[S,unet_width] from y[S,config.label]: the embedding of pooled text and sizes (SDXL); or from id[S,1] of a
 *    class, 0..config.classes - 1: how noisy the small picture is (the x4 upscaler);
 *  - time_shifts[D,time_shifts] from t[D] (0..999), label[D,unet_width], which is added to the time embedding (NULL
 *    without unet_has_labels), and guidance[D,config.guidance], whose projection is added to the time's sinusoid (NULL
 *    without config.guidance): the time embedding, the label, then every ResBlock's shift;
 *  - cross_kv[S,T,cross_kv] from text states context[S,T,context]: every cross attention's keys and values. */
int64_t unet_width(const Unet *u); /* of the time embedding */
void unet_label(Ctx *c, Tensor label, const Unet *u, Tensor y);
void unet_class(Ctx *c, Tensor label, const Unet *u, Tensor id);
bool unet_has_labels(const UnetConfig *k);
void unet_time_shifts(Ctx *c, Tensor time_shifts, const Unet *u, Tensor t, const Tensor *label, const Tensor *guidance);
void unet_cross_kv(Ctx *c, Tensor cross_kv, const Unet *u, Tensor context);
/* A block with a cross attention. */
typedef struct {
    const TransformerBlock *block;
    char name[72]; /* diffusers': "down_blocks.0.attentions.0.transformer_blocks.0" */
    int level;     /* how often the picture was halved for it */
    bool middle;
} CrossBlock;
/* All of them, on the way down, then up, then of the middle: diffusers' order. Returns how many there are; out NULL:
 * only that. */
int unet_cross_blocks(const Unet *u, CrossBlock *out);

/* What adds to a U-Net's inner maps, as ControlNets do: called with the middle's output
 * as i = unet->inputs, then with each skip connection (input block i's output) as an output block is about to read it,
 * from the last to i = 0. It may change map [N,H,W,C] in place. NULL: nobody does. */
typedef struct {
    void (*add)(void *user, Ctx *c, int i, Tensor map);
    void *user;
    /* On the way down, as T2I-Adapters do: called with input block i's output, which the next block reads and is the
     * skip connection. NULL: nobody does. */
    void (*down)(void *user, Ctx *c, int i, Tensor map);
} UnetHook;

typedef struct {
    Tensor x, time_shifts, cross_kv;
    bool states; /* cross_kv is the text states [S,T,context] themselves (CrossKv) */
    const UnetHook *hook;
    const ImageStates *images; /* [image_count]: pictures that cross attention reads beside the texts */
    int image_count;
    const CrossListener *listener; /* of its cross attentions; NULL: none */
} UnetInput;

/* Input block i alone, y[N,H,W,out] from x, the block before it; and the middle, y and x of one shape. Down-sampling
 * halves H and W, rounded up (unet_input_shape has y's shape). time_shifts, kv, taps: as of unet_forward. */
void unet_tap_embeddings(Ctx *c, const Unet *u, Tensor time_shifts, int64_t n); /* of n pictures */
void unet_input_shape(const Unet *u, int i, Tensor x, int64_t shape[4]);
void unet_input_block(Ctx *c, Tensor y, const Unet *u, int i, Tensor x, Tensor time_shifts, const CrossKv *kv);
void unet_middle(Ctx *c, Tensor y, const Unet *u, Tensor x, Tensor time_shifts, const CrossKv *kv);

/* out[N,H,W,out_channels] from x[N,H,W,in_channels]. time_shifts: [1,time_shifts] for all pictures or [N,time_shifts]
 * for each. cross_kv [S,T,cross_kv]: pictures i N / S up to (i + 1) N / S have text i.
 * Any H, W >= 1: down-sampling rounds up, up-sampling goes to the size of the skip connection.
 * Taps, by diffusers' names: time_embedding, add_embedding, conv_in, down_blocks.B.resnets.R, .attentions.A,
 * .downsamplers.0, down_blocks.B, mid_block..., up_blocks.B..., conv_norm_out, conv_out. */
void unet_forward(Ctx *c, Tensor out, const Unet *u, const UnetInput *in);

#endif
