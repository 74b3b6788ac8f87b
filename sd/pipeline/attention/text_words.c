#include "text_words.h"

#include "sd/text/bpe.h"
#include "weights/files/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_LETTERS = 120, PENDING = -2 };

/* One text on its way. */
typedef struct {
    TextWords *words;
    int prompt;
    bool taken[MOST_WORDS]; /* by a word of this text */
    TokenWord *out;
    char spelling[MOST_LETTERS + 1]; /* of the word whose tokens are PENDING; longer ones are cut */
    size_t length;
    int64_t first; /* of these tokens */
    Error *e;
} Finder;

static bool is_word(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80 || (*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'z') ||
            (*text >= 'A' && *text <= 'Z'))
            return true;
    return false;
}

/* The list's word for the next one of this spelling in the text; -1: an error. */
static int word_of(Finder *f, const char *text) {
    TextWords *w = f->words;
    int again = 0;
    for (int i = 0; i < w->count; i++) {
        if (w->list[i].prompt != f->prompt || strcmp(w->list[i].text, text)) continue;
        if (!f->taken[i]) return i;
        again++;
    }
    if (w->count == MOST_WORDS) {
        error_set(f->e, ERR_ARGUMENT, "attention maps: the prompt has more than %d words; shorten it", MOST_WORDS);
        return -1;
    }
    char *own = malloc(strlen(text) + 1);
    if (!own) {
        error_set(f->e, ERR_MEMORY, "out of memory for the prompt's words");
        return -1;
    }
    w->list[w->count] = (SdWord){.text = strcpy(own, text), .prompt = f->prompt, .again = again};
    return w->count++;
}

/* The tokens from f->first up to `end` that are pending are this word's, or none's. */
static bool close_word(Finder *f, const char *text, int64_t end) {
    int word = is_word(text) ? word_of(f, text) : -1, tokens = 0;
    for (int64_t t = f->first; t < end; t++) tokens += f->out[t].word == PENDING;
    for (int64_t t = f->first; t < end; t++)
        if (f->out[t].word == PENDING) f->out[t] = (TokenWord){word, word < 0 ? 0 : 1.0f / (float)tokens};
    if (word >= 0) f->taken[word] = true;
    f->length = 0;
    f->first = end;
    return word >= 0 || !is_word(text);
}

static bool add_token(Finder *f, int64_t at, int32_t id) {
    bool ends = true;
    if (id < 0 || id >= TOKEN_BOS) return close_word(f, "", at);
    f->length += bpe_text(id, f->spelling + f->length, MOST_LETTERS - f->length, &ends);
    f->out[at].word = PENDING;
    if (!ends) return true;
    f->spelling[utf8_good(f->spelling, f->length)] = 0; /* cut between characters */
    return close_word(f, f->spelling, at + 1);
}

bool text_words_find(TextWords *w, const TextStates *s, int side, int text, TokenWord *out, Error *e) {
    const PromptText *of = &s->sides[side].prompt->texts[text];
    Finder f = {.words = w, .prompt = side - s->guided, .out = out, .e = e};
    const PromptFix *fix = of->fixes, *last = fix + of->fix_count;
    bool ok = true;
    for (int64_t t = 0; t < of->count * PROMPT_CHUNK; t++) out[t] = (TokenWord){-1, 0};
    for (int64_t t = 0; ok && t < of->count * PROMPT_CHUNK; t++) {
        const PromptChunk *chunk = &of->chunks[t / PROMPT_CHUNK];
        int64_t i = t % PROMPT_CHUNK;
        if (fix < last && fix->chunk * PROMPT_CHUNK + fix->at == t) {
            int vectors = s->embeddings->words[fix->word].vectors;
            ok = close_word(&f, "", t);
            for (int k = 0; k < vectors; k++) out[t + k].word = PENDING;
            ok = ok && close_word(&f, s->embeddings->at[fix->word].name, t + vectors);
            t += vectors - 1, fix++;
        } else if (i && i <= chunk->count) ok = add_token(&f, t, chunk->ids[i]);
    }
    return ok && close_word(&f, "", of->count * PROMPT_CHUNK);
}

void text_words_free(TextWords *w) {
    for (int i = 0; i < w->count; i++) free((char *)(uintptr_t)w->list[i].text);
    w->count = 0;
}
