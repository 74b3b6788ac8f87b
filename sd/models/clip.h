/* clip.h: CLIP's text encoders: ViT-L of SD 1.x (Hugging Face's names) and open_clip's of SD 2.x.
 * Sources: transformers, modeling_clip.py; open_clip, transformer.py. */
#ifndef SD_MODELS_CLIP_H
#define SD_MODELS_CLIP_H

#include "nn/transformer.h"
#include "config.h"
#include "sd/text/tokenizer.h"

typedef struct {
    ClipConfig config;
    Weight tokens, positions; /* [vocabulary,width], [positions,width] */
    ClipLayer *layers;        /* owned */
    Norm final;
    Linear projection; /* of the pooled vector, [pooled,width], without a bias; config.pooled 0: none */
    uint16_t *kept;    /* owned: the tokens of rows 1, 2, .. of a table that holds only some; NULL: row = id */
} Clip;

/* The list's path is what comes before "text_model." (Hugging Face) or "token_embedding" (open_clip). */
bool clip_bind(Clip *m, const ClipConfig *config, WeightList *l);
void clip_free(Clip *m);

/* For a table of fewer tokens: list "a,b,c" gives the ids of rows 1, 2, ..; row 0 stands for all other tokens. False,
 * with `what` in the message, unless the list is valid and has the configured number of rows. */
bool clip_keep_tokens(Clip *m, const char *list, const char *what, Error *e);
/* Turns token ids into rows, in place. */
void clip_rows(const Clip *m, int32_t *ids, int64_t n);

/* How texts become an encoder's tokens: open_clip's, or OpenAI's for SD 1.x, or Hugging Face's for SDXL's first
 * encoder, which lacks the final norm. */
TokenRules clip_rules(const ClipConfig *c);

/* Rows of states that are not of the table: vectors of a text's embeddings, with the positions added. */
typedef struct {
    Tensor rows;    /* [N,T,width] */
    const bool *is; /* [N T]: whether the row counts; not read on the plan backend */
} ClipVectors;

/* states[N,T,width] from ids I32 [N,T], T = config.positions: the output of layer `skip` from the end (1: the last),
 * through the final layer norm where config.final_norm says so. This is the webui's clip skip, usually 1 or 2 with SD
 * 1.x.
 * pooled[N,config.pooled], or NULL where it is not wanted: the last layer's output at each text's place ends[N] (of its
 * first end token, clip_end), through the final layer norm and the projection. ends is not read on the plan backend.
 * vectors: NULL where all rows are the table's. */
void clip_forward(Ctx *c, Tensor states, const Clip *m, Tensor ids, const ClipVectors *vectors, int skip,
                  const Tensor *pooled, const int64_t *ends);
/* The place of the first end token among n token ids (not rows), where open_clip pools; 0 where there is none. */
int64_t clip_end(const int32_t *ids, int64_t n);

#endif
