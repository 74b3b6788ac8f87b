/* clip.h: CLIP's text encoders: ViT-L of SD 1.x (Hugging Face's names), open_clip's of SD 2.x.
 * Sources: transformers, modeling_clip.py; open_clip, transformer.py. */
#ifndef SD_MODELS_CLIP_H
#define SD_MODELS_CLIP_H

#include "nn/transformer.h"
#include "config.h"

typedef struct {
    ClipConfig config;
    Weight tokens, positions; /* [vocabulary,width], [positions,width] */
    ClipLayer *layers;        /* owned */
    Norm final;
    int32_t *row_of; /* owned, [TOKEN_COUNT]: the row of each token in a table that holds some only; NULL: its id */
} Clip;

/* The path of the list is what stands before "text_model." (Hugging Face) or "token_embedding" (open_clip). */
bool clip_bind(Clip *m, const ClipConfig *config, WeightList *l);
void clip_free(Clip *m);

/* A table of fewer tokens: list "a,b,c" names those of rows 1, 2, ..; row 0 is that of all others. False, with what in
 * the line, unless these are as many as the configuration says. */
bool clip_keep_tokens(Clip *m, const char *list, const char *what, Error *e);
/* Token ids to rows, in place. */
void clip_rows(const Clip *m, int32_t *ids, int64_t n);

/* states[N,T,width] from ids I32 [N,T], T = config.positions: the output of the layer `skip` from the end (1: the
 * last), through the final layer norm. Clip skip as in the webui: SD 1.x users give 1 or 2. */
void clip_forward(Ctx *c, Tensor states, const Clip *m, Tensor ids, int skip);

#endif
