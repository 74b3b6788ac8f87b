/* bpe_pairs.c: the merges of CLIP's vocabulary, in place of sd/text/bpe_pairs.c: without the table of their order (98
 * KB). A pair is looked for in all that come after its tokens, some 20,000 steps; a prompt has a few hundred pairs. */
#include "sd/text/bpe.h"

static const uint16_t MERGES[][2] = {
#include "sd/text/vocabulary.inc"
};

_Static_assert(sizeof MERGES / sizeof *MERGES == BPE_MERGES, "vocabulary.inc does not hold CLIP's merges");

struct Tokenizer {
    char none;
};

Tokenizer *tokenizer_new(void) {
    static Tokenizer clips;
    return &clips;
}

void tokenizer_free(Tokenizer *t) { (void)t; }

int32_t bpe_pair(const Tokenizer *t, int32_t a, int32_t b) {
    int32_t later = a > b ? a : b;
    (void)t;
    for (int32_t k = later < BPE_FIRST ? 0 : later - BPE_FIRST + 1; k < BPE_MERGES; k++)
        if (MERGES[k][0] == a && MERGES[k][1] == b) return BPE_FIRST + k;
    return -1;
}

void bpe_merged(int k, int32_t pair[2]) { pair[0] = MERGES[k][0], pair[1] = MERGES[k][1]; }
