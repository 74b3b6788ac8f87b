/* bpe.h: byte-pair encoding: the vocabulary, and the merging of one word. Below tokenizer.h. */
#ifndef SD_TEXT_BPE_H
#define SD_TEXT_BPE_H

#include "tokenizer.h"

enum { BPE_MERGES = 48894, BPE_FIRST = 512, BPE_END = 256 };

/* The id of a byte; plus BPE_END for the last byte of a word. */
int32_t bpe_byte(uint8_t byte);

/* The token that a and b merge to; -1: they do not merge. Lower ids merge first. */
int32_t bpe_pair(const Tokenizer *t, int32_t a, int32_t b);

/* Reusable work space for words; zero-initialised. */
typedef struct {
    int32_t *ids; /* in: the word; out: its tokens */
    size_t *left, *right;
    uint64_t *heap;
    size_t capacity;
} BpeWork;

bool bpe_reserve(BpeWork *w, size_t count); /* room for a word of `count` bytes */
void bpe_free(BpeWork *w);

/* Merges w->ids[0..count) until no pair is left, the lowest rank first and its occurrences from left to right; returns
 * how many tokens remain. O(n log n). */
size_t bpe_merge(const Tokenizer *t, BpeWork *w, size_t count);

/* The tokens that merge k makes one, 0 <= k < BPE_MERGES. */
void bpe_merged(int k, int32_t pair[2]);

/* The token's spelling (tokenizer_token), 0 <= id < TOKEN_BOS; cut to size > 0 bytes. */
void bpe_spell(int32_t id, char *buf, size_t size);

/* The token's bytes as they stand in a text, at most size of them, not terminated; returns how many. ends: whether a
 * word ends with it. 0 <= id < TOKEN_BOS. */
size_t bpe_text(int32_t id, char *buf, size_t size, bool *ends);

#endif
