/* prompt_words.c: characters, words and numbers in prompts; growing buffers. */
#include "prompt_internal.h"
#include "sd/text/unicode.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t prompt_next(const char *text, size_t size, size_t at, unsigned *flags) {
    uint32_t c;
    bool ok;
    size_t n = utf8_decode((const uint8_t *)text + at, size - at, &c, &ok);
    *flags = unicode_flags(c);
    return at + n;
}

size_t prompt_skip_space(const char *text, size_t size, size_t at) {
    while (at < size) {
        unsigned flags;
        size_t next = prompt_next(text, size, at, &flags);
        if (!(flags & UNICODE_BLANK)) break;
        at = next;
    }
    return at;
}

/* The start and the flags of the character that ends at text[at]. Invalid bytes count singly, as neither word nor
 * space. */
static size_t previous(const char *text, size_t from, size_t at, unsigned *flags) {
    size_t start = at - 1;
    while (start > from && at - start < 4 && ((unsigned char)text[start] & 0xC0) == 0x80) start--;
    if (prompt_next(text, at, start, flags) == at) return start;
    *flags = 0;
    return at - 1;
}

size_t prompt_trim(const char *text, size_t from, size_t to) {
    while (to > from) {
        unsigned flags;
        size_t start = previous(text, from, to, &flags);
        if (!(flags & UNICODE_BLANK)) break;
        to = start;
    }
    return to;
}

bool prompt_word_at(const char *text, size_t from, size_t to, size_t at, const char *word) {
    size_t n = strlen(word);
    unsigned flags;
    if (to - at < n || memcmp(text + at, word, n)) return false;
    if (at > from && (previous(text, from, at, &flags), flags & UNICODE_WORD)) return false;
    if (at + n < to && (prompt_next(text, to, at + n, &flags), flags & UNICODE_WORD)) return false;
    return true;
}

/* The value of a decimal digit. Every script's ten are contiguous, 0 first, so it is the distance from the start of
 * their run, modulo ten. */
static int digit_value(uint32_t c) {
    uint32_t first = c;
    while (first && unicode_flags(first - 1) & UNICODE_DECIMAL) first--;
    return (int)((c - first) % 10);
}

bool prompt_number(const char *text, size_t size, bool exponent, double *out) {
    /* Digits kept, without leading zeros: a double cannot show those cut from a fraction, and a whole number that needs
     * cutting is too large for one. */
    enum { MANTISSA = 760, EXPONENT = 8 };
    const char *point = localeconv()->decimal_point; /* strtod expects the locale's */
    char s[MANTISSA + EXPONENT + 32];
    size_t n = 0, at = 0;
    int digits = 0, kept = 0; /* of mantissa or exponent */
    bool dot = false, power = false, sign = true;
    while (at < size) {
        uint32_t c;
        bool ok;
        size_t bytes = utf8_decode((const uint8_t *)text + at, size - at, &c, &ok);
        if (sign && (c == '+' || c == '-')) {
            s[n++] = (char)c;
            sign = false;
        } else if (c == '.' && !dot && !power) {
            n += (size_t)snprintf(s + n, 16, "%s%.8s", kept ? "" : "0", point);
            dot = true;
            sign = false;
        } else if (exponent && (c == 'e' || c == 'E') && digits && !power) {
            n += (size_t)snprintf(s + n, 4, "%se", kept || dot ? "" : "0");
            digits = kept = 0;
            power = sign = true;
        } else if (unicode_flags(c) & UNICODE_DECIMAL) {
            int value = digit_value(c);
            if ((value || kept || (dot && !power)) && kept < (power ? EXPONENT : MANTISSA)) {
                s[n++] = (char)('0' + value);
                kept++;
            }
            digits++;
            sign = false;
        } else return false;
        at += bytes;
    }
    if (!digits) return false;
    if (!kept) s[n++] = '0';
    s[n] = 0;
    *out = strtod(s, NULL);
    return true;
}

bool prompt_grow(void *items, size_t *capacity, size_t count, size_t more, size_t size) {
    if (more <= *capacity - count) return true;
    if (more > SIZE_MAX / 4 / size || count > SIZE_MAX / 4 / size) return false;
    size_t wanted = (count + more) * 2 + 8;
    void *old, *new;
    memcpy(&old, items, sizeof old); /* `items` points to a pointer of any type */
    if (!(new = realloc(old, wanted * size))) return false;
    memcpy(items, &new, sizeof new);
    *capacity = wanted;
    return true;
}

bool prompt_no_memory(Error *e) { return error_set(e, ERR_MEMORY, "out of memory for a prompt; shorten it"); }

bool prompt_append(PromptBuffer *b, const char *text, size_t size) {
    if (!prompt_grow(&b->at, &b->capacity, b->size, size ? size : 1, 1)) return false; /* so that it is never NULL */
    if (size) memcpy(b->at + b->size, text, size);
    b->size += size;
    return true;
}
