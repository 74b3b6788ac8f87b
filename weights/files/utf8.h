/* utf8.h: UTF-8, a character at a time and whole strings, and UTF-16 a character at a time. */
#ifndef WEIGHTS_UTF8_H
#define WEIGHTS_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One character of p[0..size), size > 0; returns the bytes taken. An invalid sequence, as far as it could have been
 * valid, gives U+FFFD and *ok = false: overlong forms, surrogates and code points beyond U+10FFFF are invalid. */
size_t utf8_decode(const uint8_t *p, size_t size, uint32_t *c, bool *ok);
/* The same of UTF-16 in p[0..size); 0: a NUL (*c is 0), half a character or half a pair, as *why says. */
size_t utf16_decode(const uint8_t *p, size_t size, bool big, uint32_t *c, const char **why);
size_t utf8_encode(uint32_t c, uint8_t out[4]); /* returns the bytes written */

/* Where the first bytes of text[0..size) stand that are not UTF-8; size: nowhere. */
size_t utf8_good(const void *text, size_t size);
bool utf8_is_valid(const void *text, size_t size);
/* How many of the first `most` bytes of a string are whole characters: where to cut it. */
size_t utf8_whole(const char *text, size_t most);

/* A valid copy of text[0..size), NUL-terminated: each invalid sequence, and each NUL, becomes one U+FFFD. The caller
 * frees it; NULL: out of memory. */
char *utf8_valid(const char *text, size_t size);

#endif
