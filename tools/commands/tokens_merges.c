#include "tokens_merges.h"

#include "sd/text/bpe.h"
#include "tools/cli/printable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD = 256, MOST_WORDS = 4096 };

typedef struct {
    int32_t ids[WORD]; /* bytes, the last of which ends the word; then what they merged to */
    int count;
} Word;

static void print_pieces(const Word *w) {
    for (int i = 0; i < w->count; i++) {
        char text[WORD];
        bool ends;
        size_t n = bpe_text(w->ids[i], text, sizeof text - 1, &ends);
        text[n] = 0;
        putchar(' ');
        for (char *p = text; *p; p++) putchar(printable(*p));
    }
}

/* One merge at a time, the lowest rank first, as bpe_merge does without looking for it anew. */
static void print_word(const Tokenizer *t, Word *w) {
    for (;;) {
        int at = 0;
        int32_t least = -1;
        for (int i = 0; i + 1 < w->count; i++) {
            int32_t merged = bpe_pair(t, w->ids[i], w->ids[i + 1]);
            if (merged >= 0 && (least < 0 || merged < least)) least = merged, at = i;
        }
        if (least < 0) break;
        printf("%7d", least - BPE_FIRST);
        print_pieces(w);
        printf("\n");
        w->ids[at] = least;
        w->count--;
        memmove(w->ids + at + 1, w->ids + at + 2, (size_t)(w->count - at - 1) * sizeof *w->ids);
    }
    printf("       ");
    print_pieces(w);
    printf(" =");
    for (int i = 0; i < w->count; i++) printf(" %d", w->ids[i]);
    printf("\n");
}

/* The bytes of a word that begins with token i of a chunk; returns the token after it. Longer words are cut. */
static int take_word(const PromptChunk *c, int i, Word *w) {
    w->count = 0;
    for (bool ends = false; i <= c->count && !ends; i++) {
        if (c->ids[i] >= TOKEN_BOS) return w->count ? i : i + 1;
        char text[WORD];
        size_t n = bpe_text(c->ids[i], text, sizeof text, &ends);
        for (size_t k = 0; k < n && w->count < WORD; k++)
            w->ids[w->count++] = bpe_byte((uint8_t)text[k]) + (ends && k + 1 == n ? BPE_END : 0);
    }
    return i;
}

bool tokens_print_merges(const Tokenizer *t, const Prompt *p) {
    Word *seen = malloc(MOST_WORDS * sizeof *seen);
    int count = 0;
    if (!seen) return false;
    for (int x = 0; x < p->text_count; x++)
        for (int64_t k = 0; k < p->texts[x].count; k++)
            for (int i = 1; i <= p->texts[x].chunks[k].count && count < MOST_WORDS;) {
                Word *w = &seen[count];
                i = take_word(&p->texts[x].chunks[k], i, w);
                bool again = !w->count;
                for (int s = 0; s < count && !again; s++)
                    again =
                        seen[s].count == w->count && !memcmp(seen[s].ids, w->ids, (size_t)w->count * sizeof *w->ids);
                if (again) continue;
                Word copy = *w;
                print_word(t, &copy);
                count++;
            }
    free(seen);
    return true;
}
