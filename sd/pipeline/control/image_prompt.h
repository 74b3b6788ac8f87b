/* image_prompt.h: what an IP-Adapter has made of pictures (image_encode.h), as U-Net calls read it. */
#ifndef SD_PIPELINE_IMAGE_PROMPT_H
#define SD_PIPELINE_IMAGE_PROMPT_H

#include "sd/pipeline/generation.h"

/* A picture's keys and values: [2,T,cross_kv] of ImageStates; and how many numbers. */
void image_prompt_shape(const SdControlNet *net, int64_t shape[3]);
size_t image_prompt_count(const SdControlNet *net);
/* Bytes of all of a request's outside of the arena. */
size_t image_prompt_bytes(const Generation *g);
/* to = k's keys, and its values times its weight. */
void image_prompt_weigh(const Control *k, float *to);

#endif
