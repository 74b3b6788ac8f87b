/* text_words.h: the words of a run's prompts, and which tokens are theirs. */
#ifndef SD_PIPELINE_TEXT_WORDS_H
#define SD_PIPELINE_TEXT_WORDS_H

#include "sd/pipeline/text/text_states.h"

enum { MOST_WORDS = 1024 };

typedef struct {
    SdWord list[MOST_WORDS]; /* their texts are owned */
    int count;
} TextWords;

/* Whose a state of a text is. */
typedef struct {
    int word;    /* of the list; -1: of none */
    float share; /* 1 / the number of its word's tokens in the text */
} TokenWord;

/* Finds the words of a text, the tokens up to one that ends a word, or an embedding's vectors: out[77 chunks of the
 * text]. What has no letter or digit is none. Those that are not in the list yet join it; the nth of its spelling in
 * one text is the nth in another of the same side, since texts switch. side is not the negative one; its texts are
 * those of the first encoder. ERR_ARGUMENT: more than MOST_WORDS; ERR_MEMORY. */
bool text_words_find(TextWords *w, const TextStates *s, int side, int text, TokenWord *out, Error *e);
void text_words_free(TextWords *w);

#endif
