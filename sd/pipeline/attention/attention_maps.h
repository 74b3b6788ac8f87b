/* attention_maps.h: how much of each place's attention each word of the prompt drew, over heads, layers and steps, as
 * DAAM has it (Tang et al., "What the DAAM: Interpreting Stable Diffusion Using Cross Attention", 2022;
 * castorini/daam): the middle's layers are left out, and each layer's map is enlarged to the latents' size and cut at
 * 0. */
#ifndef SD_PIPELINE_ATTENTION_MAPS_H
#define SD_PIPELINE_ATTENTION_MAPS_H

#include "sd/pipeline/generation.h"
#include "text_words.h"

/* A cross attention of a U-Net. */
typedef struct {
    CrossBlock of;
    int w, h;
    Tensor map, pick; /* of the call at work (attention_calls.c) */
    float *sums;      /* [batch][words][h][w], owned */
} MapLayer;

/* Of one expert. */
typedef struct {
    MapLayer *layers; /* [count], owned */
    int count;
    TokenWord **tokens; /* [sides][texts of the prompt]: owned; NULL: of the negative prompt, or of another side */
    int64_t token_lists;
    int *calls; /* [batch][words]: of the U-Net, that a word was in; owned */
} ExpertMaps;

struct AttentionMaps {
    TextWords words;
    ExpertMaps of[MOST_EXPERTS];
    int64_t from; /* of the call at work: the first of its pictures that is not the negative prompt's */
    CrossListener listener;
};

/* Finds the words, if the request wants maps; of hires fix' passes the second's are told. ERR_ARGUMENT: there are none,
 * or too many. attention_maps_end in any case. */
bool attention_maps_begin(Generation *g, Error *e);
void attention_maps_end(Generation *g);
/* Bytes of sums, outside of the arena. */
size_t attention_maps_bytes(const Generation *g);
/* Sums of nothing. */
bool attention_maps_open(Generation *g, Error *e);
/* Tells the request's listener what was summed. */
bool attention_maps_tell(Generation *g, Error *e);

#endif
