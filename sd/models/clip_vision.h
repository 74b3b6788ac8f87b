/* clip_vision.h: CLIP's vision encoder (Hugging Face's names): a picture's patches and a class token through
 * transformer layers. IP-Adapters read what it makes of a picture. Source: transformers, modeling_clip.py. */
#ifndef SD_MODELS_CLIP_VISION_H
#define SD_MODELS_CLIP_VISION_H

#include "nn/transformer.h"
#include "weights/checkpoint.h"

typedef struct {
    int width, layers, heads, mlp;
    int patch;     /* pixels of a patch along one side */
    int side;      /* patches along one side of the picture */
    int projected; /* width of the projection */
    Act act;
} ClipVisionConfig;

typedef struct {
    ClipVisionConfig config;
    Weight class_token, positions; /* [width], [1 + side side,width] */
    Conv patches;
    Norm first, last;
    ClipLayer *layers; /* owned */
    Linear projection; /* [projected,width], without a bias */
} ClipVision;

/* What names, shapes and a folder's configuration of the encoder that was given (GIVEN_VISION) tell. ERR_FORMAT, with
 * a line that begins with its path. */
bool clip_vision_from_shapes(const Checkpoint *c, ClipVisionConfig *out, Error *e);
bool clip_vision_bind(ClipVision *m, const ClipVisionConfig *k, WeightList *l);
void clip_vision_free(ClipVision *m);

int clip_vision_pixels(const ClipVisionConfig *k); /* of the picture along one side */
int clip_vision_tokens(const ClipVisionConfig *k); /* patches and the class token */

/* On the CPU, x [N,pixels,pixels,3]. pooled: out [N,1,projected], the class token through the last norm and the
 * projection; else out [N,tokens,width], the states before the last layer. */
void clip_vision_forward(Ctx *c, Tensor out, const ClipVision *m, Tensor x, bool pooled);

#endif
