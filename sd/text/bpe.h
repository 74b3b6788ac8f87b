/* bpe.h: the parts of the tokenizer below the clean-up: the vocabulary and the merging of one word. */
#ifndef SD_TEXT_BPE_H
#define SD_TEXT_BPE_H

#include "tokenizer.h"
#include "unicode.h"

enum { BPE_MERGES = 48894, BPE_FIRST = 512, BPE_END = 256 };

/* The id of a byte; inside a word, plus BPE_END for the last one. */
int32_t bpe_byte(uint8_t byte);

/* The token that a and b merge to, -1 when they do not. Lower ids merge first. */
int32_t bpe_pair(const Tokenizer *t, int32_t a, int32_t b);

/* Work space for words, to be reused; all zero at first. */
typedef struct {
    int32_t *ids; /* the word going in, its tokens coming out */
    size_t *left, *right;
    uint64_t *heap;
    size_t room;
} BpeWork;

bool bpe_reserve(BpeWork *w, size_t count); /* room for a word of that many bytes */
void bpe_free(BpeWork *w);

/* Merges w->ids[0..count) as far as it goes, always the pair of lowest rank first, and its occurrences from left to
 * right; returns how many tokens are left. O(n log n). */
size_t bpe_merge(const Tokenizer *t, BpeWork *w, size_t count);

/* tokenizer_encode without the clean-up: text already is what the pattern is to split. */
int64_t bpe_encode(const Tokenizer *t, const Runes *text, int32_t **ids);

#endif
