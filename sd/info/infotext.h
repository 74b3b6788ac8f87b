/* infotext.h: the text of parameters that the webui writes into its pictures, so that it and its kin can read ours.
 *
 * Written: params.c -> infotext.c -> pipeline/picture_text.c -> image/image.c -> image/codec_png.c -> image/png.c.
 * Read: image/codec_*.c -> image/image_text.c -> picture_info.c, which asks other_*.c whether another program wrote it
 * -> infotext_read.c -> infotext_request.c. */
#ifndef SD_INFO_INFOTEXT_H
#define SD_INFO_INFOTEXT_H

#include "params.h"

/* A pair that does not come from a request; value NULL: left out. A list ends with key NULL. */
typedef struct {
    int place; /* PLACE_...; stands before the request's pairs of the same place */
    const char *key, *value;
} InfoField;

/* The text as a new string that the caller frees: prompt, "Negative prompt: " line, then "Key: value" pairs by the
 * table of settings in the webui's order; values with a comma, colon, newline or a quote or bracket in front as JSON
 * strings. r's seeds are the picture's own; sampler and scheduler are what request_sampler finds; fields may be NULL.
 * NULL on ERR_MEMORY. */
char *infotext(const SdRequest *r, const Sampler *sampler, const Scheduler *scheduler, const InfoField *fields,
               Error *e);

#endif
