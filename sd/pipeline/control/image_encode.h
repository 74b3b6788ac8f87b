/* image_encode.h: pictures as prompts: what an IP-Adapter makes of each, before the first stage. It is made on the CPU,
 * from weights that are streamed, so that it takes little memory and has the same bits beside every device. */
#ifndef SD_PIPELINE_IMAGE_ENCODE_H
#define SD_PIPELINE_IMAGE_ENCODE_H

#include "sd/pipeline/generation.h"

/* The most bytes that making any of a request's takes. */
size_t image_encode_peak(const Generation *g);
/* Makes all of them (Control.image_kv). Taps: image_promptN.features, image_promptN.tokens, of no picture and of this
 * one. */
bool image_encode(Generation *g, Error *e);
/* Of several drawings, which make them once: what is left where the request keeps nothing. */
void image_encode_forget(const SdRequest *r);

#endif
