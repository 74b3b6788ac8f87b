/* unicode.h: what the tokenizer needs to know about characters.
 *
 * Text is held as code points while it is cleaned. Classes, lower case, normal form C and width folding come from
 * generated tables (tools/tables/make_unicode.py) and follow Python's str and unicodedata and the regex package,
 * because those are what the original runs on. */
#ifndef SD_TEXT_UNICODE_H
#define SD_TEXT_UNICODE_H

#include "weights/utf8.h"

/* A growing string of code points. Once memory is out, failed stays set and further pushes do nothing, so that a chain
 * of passes needs one check at its end. All zero is the empty string. */
typedef struct {
    uint32_t *at;
    size_t count, room;
    bool failed;
} Runes;

bool runes_reserve(Runes *r, size_t extra); /* room for that many more */
void runes_push(Runes *r, uint32_t c);
void runes_append(Runes *r, const uint32_t *p, size_t count);
void runes_free(Runes *r);
void runes_swap(Runes *a, Runes *b);
/* Appends the code points of UTF-8 text; every broken sequence (as far as it could have been right) is one U+FFFD. */
void runes_from_utf8(Runes *r, const char *text, size_t size);

enum {
    UNICODE_KIND = 3, /* how the pattern sees it: 0 in no piece, else one of the next three */
    UNICODE_LETTER = 1,
    UNICODE_NUMBER = 2,
    UNICODE_OTHER = 3,
    UNICODE_SPACE = 4,      /* \s of the regex package */
    UNICODE_BLANK = 8,      /* str.isspace */
    UNICODE_WORD = 16,      /* \w of re */
    UNICODE_DECIMAL = 32,   /* \d of re */
    UNICODE_CASED = 64,     /* for the final sigma: has case and is not ignorable */
    UNICODE_IGNORABLE = 128 /* for the final sigma: looked through */
};
unsigned unicode_flags(uint32_t c);

/* The plain characters (three, 0 where there are fewer) that ligatures of Latin letters and full-width or half-width
 * forms are taken apart to; NULL for all others. */
const uint16_t *unicode_fold(uint32_t c);
/* C1 controls as the characters Windows-1252 has there; the five it leaves free, and all others, stay. */
uint32_t unicode_from_cp1252(uint32_t c);

/* out is emptied first and must not be in. */
void unicode_lower(const Runes *in, Runes *out);   /* str.lower, with the final sigma */
void unicode_compose(const Runes *in, Runes *out); /* normal form C */

#endif
