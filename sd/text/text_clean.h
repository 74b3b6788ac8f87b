/* text_clean.h: the clean-up that CLIP's original tokenizer gives a text before splitting it.
 *
 * In this order: ftfy.fix_text with its defaults, html.unescape twice, white space at the ends removed and its runs
 * made one space, str.lower. Of ftfy (6.3.1), line by line and until nothing changes: character references unless a '<'
 * stands in this line or an earlier one, mojibake (mojibake.h), C1 controls, Latin ligatures, full-width and half-width
 * forms, curly quotes, line breaks, terminal escapes, control characters, normal form C.
 *
 * What is left out of ftfy:
 *  - surrogates: text comes as UTF-8, which has none (a sequence that would be one counts as broken);
 *  - unbounded repetition. References nested more than eight deep (&amp;amp;...) among other things to repair are
 *    decoded to the end at once from the ninth round on (a text of nothing but plain ASCII at any depth: same result);
 *    the bounds of mojibake.h hold; and after 64 rounds a line stays as it is. */
#ifndef SD_TEXT_TEXT_CLEAN_H
#define SD_TEXT_TEXT_CLEAN_H

#include "unicode.h"

/* The cleaned text; false when memory is out. out is emptied first. */
bool text_clean(const char *text, size_t size, Runes *out);
/* Only ftfy's part, for tests. */
bool text_fix(const char *text, size_t size, Runes *out);

#endif
