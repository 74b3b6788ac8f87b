/* In sd/guide/plain.c: tokenize(). */
/* tokenizer.c: text to words, words to token ids. */
#include "tokenizer.h"
#include "bpe.h"
#include "text_clean.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether p begins with this literal in either case; the long s is a case of s. */
static bool starts_with(const uint32_t *p, size_t left, const char *literal, size_t *length) {
    size_t i = 0;
    for (; literal[i]; i++) {
        uint32_t c = (unsigned char)literal[i];
        bool letter = c - 'a' < 26;
        if (i == left || !(p[i] == c || (letter && (p[i] | 32) == c) || (c == 's' && p[i] == 0x17F))) return false;
    }
    *length = i;
    return true;
}

static const char *const SPECIAL[][2] = {[TOKENS_OPENAI] = {"<|startoftext|>", "<|endoftext|>"},
                                         [TOKENS_HUGGING_FACE] = {"<|startoftext|>", "<|endoftext|>"},
                                         [TOKENS_OPEN_CLIP] = {"<start_of_text>", "<end_of_text>"}};

/* The length of the pattern's match at p; 0: none. */
static size_t piece_length(TokenRules rules, const uint32_t *p, size_t left) {
    static const char *const contractions[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    size_t length;
    if (*p == '<')
        for (size_t k = 0; k < 2; k++)
            if (starts_with(p, left, SPECIAL[rules][k], &length)) return length;
    if (*p == '\'')
        for (size_t k = 0; k < sizeof contractions / sizeof *contractions; k++)
            if (starts_with(p, left, contractions[k], &length)) return length;
    unsigned kind = unicode_flags(*p) & UNICODE_KIND;
    if (!kind || kind == UNICODE_NUMBER) return kind != 0;
    for (length = 1; length < left && (unicode_flags(p[length]) & UNICODE_KIND) == kind;) length++;
    return length;
}

/* The special token that a piece spells exactly, or -1: the pattern matches other cases too, which are plain text. */
static int32_t special(TokenRules rules, const uint32_t *p, size_t length) {
    for (int k = 0; k < 2; k++) {
        const char *spelling = SPECIAL[rules][k];
        if (strlen(spelling) != length) continue;
        size_t i = 0;
        while (i < length && p[i] == (unsigned char)spelling[i]) i++;
        if (i == length) return TOKEN_BOS + k;
    }
    return -1;
}

/* The word's bytes as ids in w; returns their number, 0: out of memory. */
static size_t word_bytes(BpeWork *w, const uint32_t *p, size_t length) {
    if (length > SIZE_MAX / 4 || !bpe_reserve(w, length * 4)) return 0;
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        uint8_t bytes[4];
        size_t n = utf8_encode(p[i], bytes);
        for (size_t k = 0; k < n; k++) w->ids[count++] = bpe_byte(bytes[k]);
    }
    w->ids[count - 1] += BPE_END;
    return count;
}

int64_t tokenizer_encode_clean(const Tokenizer *t, TokenRules rules, const Runes *text, int32_t **ids) {
    BpeWork w = {0};
    size_t count = 0, capacity = 64;
    int32_t *out = malloc(capacity * sizeof *out);
    bool ok = out != NULL;
    for (size_t i = 0; ok && i < text->count;) {
        size_t length = piece_length(rules, text->at + i, text->count - i), tokens = 1;
        if (!length) {
            i++;
            continue;
        }
        int32_t one = special(rules, text->at + i, length);
        if (one < 0) {
            tokens = word_bytes(&w, text->at + i, length);
            if (!(ok = tokens != 0)) break;
            tokens = bpe_merge(t, &w, tokens);
        }
        if (tokens > capacity - count) {
            if (!(ok = tokens < SIZE_MAX / 64 && capacity < SIZE_MAX / 64)) break;
            capacity = (capacity + tokens) * 2;
            int32_t *p = realloc(out, capacity * sizeof *p);
            if (!(ok = p != NULL)) break;
            out = p;
        }
        if (one >= 0) out[count] = one;
        else memcpy(out + count, w.ids, tokens * sizeof *out);
        count += tokens;
        i += length;
    }
    bpe_free(&w);
    if (!ok) free(out);
    *ids = ok ? out : NULL;
    return ok ? (int64_t)count : -1;
}

int64_t tokenizer_encode(const Tokenizer *t, TokenRules rules, const char *text, size_t size, int32_t **ids) {
    Runes clean = {0};
    *ids = NULL;
    bool cleaned = (rules == TOKENS_HUGGING_FACE ? text_clean_references_kept : text_clean)(text, size, &clean);
    int64_t count = cleaned ? tokenizer_encode_clean(t, rules, &clean, ids) : -1;
    runes_free(&clean);
    return count;
}

const char *tokenizer_token(const Tokenizer *t, int32_t id, char *buf, size_t size) {
    (void)t;
    if (!size) return "";
    buf[0] = 0;
    if (id >= TOKEN_BOS && id < TOKEN_COUNT) snprintf(buf, size, "%s", SPECIAL[TOKENS_OPENAI][id - TOKEN_BOS]);
    else if (id >= 0 && id < TOKEN_BOS) bpe_spell(id, buf, size);
    return buf;
}
