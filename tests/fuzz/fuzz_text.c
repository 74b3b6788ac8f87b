/* fuzz_text.c: text in files, its encoding, its clean-up and its tokens. What is decoded is what its bytes say; tokens
 * of ASCII spell the cleaned text. */
#include "fuzz.h"

#include "sd/text/text_clean.h"
#include "sd/text/tokenizer.h"
#include "weights/files/text_file.h"

#include <stdlib.h>
#include <string.h>

/* text in UTF-16, after its mark, is the bytes. */
static bool is_utf16(const char *text, const uint8_t *bytes, size_t size) {
    Runes r = {0};
    bool big = bytes[0] == 0xFE, same = true;
    size_t at = 2;
    runes_from_utf8(&r, text, strlen(text));
    for (size_t i = 0; i < r.count && same; i++) {
        uint32_t c = r.at[i];
        uint32_t units[2] = {c < 0x10000 ? c : 0xD800 + ((c - 0x10000) >> 10), 0xDC00 + ((c - 0x10000) & 0x3FF)};
        for (int k = 0; k < (c < 0x10000 ? 1 : 2); k++, at += 2)
            same = same && size - at >= 2 && bytes[at + !big] == units[k] >> 8 && bytes[at + big] == (units[k] & 255);
    }
    runes_free(&r);
    return same && at == size;
}

static void decode(const uint8_t *data, size_t size) {
    Error e = {0};
    size_t n = 0;
    char *text = text_decode((const char *)data, size, "it", false, &n, &e);
    if (fuzz_verdict(text != NULL, &e)) {
        bool marked = size >= 3 && !memcmp(data, "\xEF\xBB\xBF", 3);
        bool wide = size >= 2 && (!memcmp(data, "\xFF\xFE", 2) || !memcmp(data, "\xFE\xFF", 2));
        fuzz_require(strlen(text) == n);
        fuzz_utf8(text);
        if (wide) fuzz_require(is_utf16(text, data, size));
        else fuzz_require(n == size - (marked ? 3 : 0) && !memcmp(text, data + (marked ? 3 : 0), n));
        fuzz_require(text_check(text, "it", &e));
    }
    free(text);
}

static bool is_plain(const Runes *r) {
    for (size_t i = 0; i < r->count; i++)
        if (r->at[i] > 126 || r->at[i] == '<') return false; /* <|endoftext|> is a token of its own */
    return true;
}

/* The tokens' spellings, one after another, are the text without white space. */
static void spell(const Tokenizer *t, const Runes *text, const int32_t *ids, int64_t count) {
    size_t at = 0;
    char token[256];
    for (int64_t i = 0; i < count; i++) {
        tokenizer_token(t, ids[i], token, sizeof token);
        char *end = strstr(token, "</w>");
        if (end) *end = 0;
        for (const char *p = token; *p; p++, at++) {
            while (at < text->count && unicode_flags(text->at[at]) & UNICODE_SPACE) at++;
            if (at == text->count || text->at[at] != (uint32_t)*p) {
                fuzz_require(!"a token's spelling is in the text");
                return;
            }
        }
    }
    while (at < text->count && unicode_flags(text->at[at]) & UNICODE_SPACE) at++;
    fuzz_require(at == text->count);
}

FUZZ(text) {
    static Tokenizer *t; /* made once: it does not change */
    if (!t && !(t = tokenizer_new())) abort();
    decode(data, size);
    Runes clean = {0};
    int32_t *ids = NULL, *same = NULL;
    fuzz_require(text_clean((const char *)data, size, &clean));
    int64_t count = tokenizer_encode(t, TOKENS_OPENAI, (const char *)data, size, &ids);
    int64_t again = tokenizer_encode_clean(t, TOKENS_OPENAI, &clean, &same);
    fuzz_require(count >= 0 && count == again && count <= 4 * (int64_t)clean.count);
    for (int64_t i = 0; i < count; i++) fuzz_require(ids[i] >= 0 && ids[i] < TOKEN_COUNT && ids[i] == same[i]);
    if (is_plain(&clean)) spell(t, &clean, ids, count);
    free(ids);
    free(same);
    runes_free(&clean);
}
