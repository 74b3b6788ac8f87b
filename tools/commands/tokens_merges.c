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
    bool cut; /* it has more bytes than WORD */
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

/* The tokens of a text, chunk after chunk: a word may begin in one and end in the next. */
typedef struct {
    const PromptText *text;
    int64_t chunk;
    int at; /* tokens of the chunk that were taken */
} Tokens;

static bool next_token(Tokens *t, int32_t *id) {
    while (t->chunk < t->text->count && t->at == t->text->chunks[t->chunk].count) t->chunk++, t->at = 0;
    if (t->chunk == t->text->count) return false;
    *id = t->text->chunks[t->chunk].ids[++t->at];
    return true;
}

/* The bytes of the next word; false: there is none. */
static bool take_word(Tokens *t, Word *w) {
    int32_t id;
    w->count = 0, w->cut = false;
    for (bool ends = false; !ends && next_token(t, &id);) {
        char text[WORD];
        if (id >= TOKEN_BOS) continue;
        size_t n = bpe_text(id, text, sizeof text, &ends);
        for (size_t k = 0; k < n; k++)
            if (w->count == WORD) w->cut = true;
            else w->ids[w->count++] = bpe_byte((uint8_t)text[k]) + (ends && k + 1 == n ? BPE_END : 0);
    }
    return w->count;
}

static bool is_among(const Word *w, const Word *seen, int count) {
    for (int i = 0; i < count; i++)
        if (seen[i].count == w->count && !memcmp(seen[i].ids, w->ids, (size_t)w->count * sizeof *w->ids)) return true;
    return false;
}

bool tokens_print_merges(const Tokenizer *t, const Prompt *p) {
    Word *seen = malloc(MOST_WORDS * sizeof *seen), w;
    int count = 0, cut = 0, more = 0;
    if (!seen) return false;
    for (int x = 0; x < p->text_count; x++)
        for (Tokens at = {.text = &p->texts[x]}; take_word(&at, &w);) {
            if (w.cut) cut++;
            else if (is_among(&w, seen, count)) continue;
            else if (count == MOST_WORDS) more++;
            else {
                seen[count++] = w;
                print_word(t, &w);
            }
        }
    if (cut) printf("left out: %d words of more than %d bytes\n", cut, WORD);
    if (more) printf("left out: %d words after %d different ones\n", more, MOST_WORDS);
    free(seen);
    return true;
}
