/* unicode.h: what the tokenizer needs to know about characters.
 *
 * Text is held as code points while it is cleaned. Classes, lower case, normal form C and width folding come from
 * generated tables (tools/tables/make_unicode.py) and follow Python's str and unicodedata and the regex package, which
 * the original uses. */
#ifndef SD_TEXT_UNICODE_H
#define SD_TEXT_UNICODE_H

#include "weights/files/utf8.h"

/* A growing string of code points; all zero is empty. Out of memory, `failed` is set for good and pushes do nothing, so
 * a chain of passes needs one check at its end. */
typedef struct {
    uint32_t *at;
    size_t count, capacity;
    bool failed;
} Runes;

bool runes_reserve(Runes *r, size_t extra); /* room for `extra` more */
void runes_push(Runes *r, uint32_t c);
void runes_append(Runes *r, const uint32_t *p, size_t count);
void runes_free(Runes *r);
void runes_swap(Runes *a, Runes *b);
/* Appends the code points of UTF-8 text; each invalid sequence is one U+FFFD (utf8.h). */
void runes_from_utf8(Runes *r, const char *text, size_t size);

enum {
    UNICODE_KIND = 3, /* the pattern's class: 0 is in no piece, else one of the next three */
    UNICODE_LETTER = 1,
    UNICODE_NUMBER = 2,
    UNICODE_OTHER = 3,
    UNICODE_SPACE = 4,      /* \s of the regex package */
    UNICODE_BLANK = 8,      /* str.isspace */
    UNICODE_WORD = 16,      /* \w of re */
    UNICODE_DECIMAL = 32,   /* \d of re */
    UNICODE_CASED = 64,     /* for the final sigma: has case and is not ignorable */
    UNICODE_IGNORABLE = 128 /* for the final sigma: skipped over */
};
unsigned unicode_flags(uint32_t c);

/* The plain characters (three, padded with 0) of a Latin ligature or a full-width or half-width form; NULL for all
 * others. */
const uint16_t *unicode_fold(uint32_t c);
/* A C1 control as Windows-1252 has it; the five that it leaves undefined, and all others, stay. */
uint32_t unicode_from_cp1252(uint32_t c);

/* out is emptied first and must not be in. */
void unicode_lower(const Runes *in, Runes *out);   /* str.lower, with the final sigma */
void unicode_compose(const Runes *in, Runes *out); /* normal form C */

#endif
