/* conditioning.h: a prompt as the U-Net sees it: chunks of 77 token ids. */
#ifndef SD_CONDITIONING_H
#define SD_CONDITIONING_H

#include "../tensor/error.h"
#include "tokenizer.h"

enum { CHUNK = 77, CHUNK_TEXT = 75, COMMA_BACKTRACK = 20 };

typedef struct {
    int32_t *ids; /* [chunks][77]: start, 75 of text or padding, end */
    int64_t chunks;
    int64_t tokens; /* of the text itself */
} Conditioning;

/* Cuts a prompt's tokens into chunks of 75 as the webui does (modules/sd_hijack_clip.py, tokenize_line): where a chunk
 * is full and a comma lies at most 20 tokens back, what follows the comma moves to the next chunk. An empty prompt is
 * one chunk of padding. pad: the id behind the end token (49407, or 0 in SD 2.x). */
bool conditioning_make(Conditioning *c, const Tokenizer *t, const char *prompt, int32_t pad, Error *e);
void conditioning_free(Conditioning *c);

#endif
