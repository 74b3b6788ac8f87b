/* image_adapter.h: an IP-Adapter: tokens made of what CLIP's vision encoder says of a picture, and for each cross
 * attention of a U-Net keys and values of them, which it attends to beside the text's. Source: tencent-ailab,
 * IP-Adapter (ip_adapter.py, resampler.py); diffusers, embeddings.py.
 *
 *     base   the pooled vector ──> linear ──> tokens ──> norm                        4 tokens
 *     full   each of these states ──> linear ──> GELU ──> linear ──> norm             257 tokens
 *     plus   all states but the last layer's ──> resampler: learnt queries attend
 *            to the states and to themselves, layer by layer ──> linear ──> norm     16 tokens
 */
#ifndef SD_MODELS_IMAGE_ADAPTER_H
#define SD_MODELS_IMAGE_ADAPTER_H

#include "weights/checkpoint.h"
#include "unet.h"

typedef struct {
    bool states;      /* it reads all states but the last layer's: plus and full; else the pooled vector */
    bool resamples;   /* plus */
    int tokens;       /* that a picture becomes; of full as many as there are states: 0 until that is known */
    int features;     /* width of what it reads of the vision encoder */
    int context;      /* width of a token, the texts' */
    int width, depth; /* of the resampler: width of its queries, layers */
    int heads;        /* of 64 channels */
    int mlp;
} ImageAdapterConfig;

typedef struct {
    Norm norm1, norm2, ff_norm;
    Linear q, kv, out, ff_in, ff_out; /* without biases */
} ResamplerLayer;

typedef struct {
    Linear k, v;
    int64_t at; /* where its keys begin in cross_kv (TransformerBlock) */
} ImageKeys;

typedef struct {
    ImageAdapterConfig config;
    Linear proj;          /* base */
    Linear first, second; /* full */
    Norm norm;
    Weight queries; /* plus: [1,tokens,width] */
    Linear proj_in, proj_out;
    ResamplerLayer *layers; /* owned */
    ImageKeys *keys;        /* owned, [count] */
    int count;              /* 0: there is no adapter */
    int64_t cross_kv;       /* the U-Net's */
} ImageAdapter;

/* What names and shapes of its file (GIVEN_CONTROL) tell. False, with a line that begins with its path and names the
 * model's family, where it is of another one, and for what is not built (FaceID). */
bool image_adapter_from_shapes(const Checkpoint *c, const UnetConfig *of, const char *family, ImageAdapterConfig *out,
                               Error *e);
/* The width of what its file reads of a vision encoder, 0: it is none; *states as in its configuration. */
int image_adapter_features(const Checkpoint *c, bool *states);
bool image_adapter_bind(ImageAdapter *m, const ImageAdapterConfig *k, const Unet *of, WeightList *l);
void image_adapter_free(ImageAdapter *m);

/* tokens [N,tokens,context] from features [N,1,features] (base) or [N,T,features] (plus, full). */
void image_adapter_tokens(Ctx *c, Tensor tokens, const ImageAdapter *m, Tensor features);
/* kv [N,tokens,cross_kv] of them, as ImageStates has it, with values times 1. */
void image_adapter_kv(Ctx *c, Tensor kv, const ImageAdapter *m, Tensor tokens);

#endif
