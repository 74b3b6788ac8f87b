/* bpe_pairs.c: the merges of CLIP's vocabulary, and which pair is which. */
#include "bpe.h"

static const uint16_t MERGES[][2] = {
#include "vocabulary.inc"
};

_Static_assert(sizeof MERGES / sizeof *MERGES == BPE_MERGES, "vocabulary.inc does not hold CLIP's merges");

/* The merges in the order of their pairs, to be searched where they lie: nothing is made when a program starts, and a
 * machine with little memory keeps them in its ROM. */
static const uint16_t ORDER[] = {
#include "vocabulary_order.inc"
};

_Static_assert(sizeof ORDER / sizeof *ORDER == BPE_MERGES, "vocabulary_order.inc is not of vocabulary.inc");

struct Tokenizer {
    const uint16_t *order; /* [BPE_MERGES] */
};

Tokenizer *tokenizer_new(void) {
    static const Tokenizer CLIPS = {ORDER};
    return (Tokenizer *)(uintptr_t)&CLIPS; /* nobody writes there */
}

void tokenizer_free(Tokenizer *t) { (void)t; }

int32_t bpe_pair(const Tokenizer *t, int32_t a, int32_t b) {
    uint32_t low = 0, high = BPE_MERGES;
    while (low < high) {
        uint32_t middle = (low + high) / 2, k = t->order[middle];
        int32_t left = MERGES[k][0], right = MERGES[k][1];
        if (left == a && right == b) return (int32_t)(BPE_FIRST + k);
        if (left < a || (left == a && right < b)) low = middle + 1;
        else high = middle;
    }
    return -1;
}

void bpe_merged(int k, int32_t pair[2]) { pair[0] = MERGES[k][0], pair[1] = MERGES[k][1]; }
