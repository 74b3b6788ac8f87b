/* text_clean.h: the clean-up that CLIP's original tokenizer applies to a text before splitting it.
 *
 * In this order: ftfy.fix_text with its defaults, html.unescape twice, white space stripped and its runs made one
 * space, str.lower. Of ftfy (6.3.1), line by line until nothing changes: character references, unless this line or an
 * earlier one has a '<'; mojibake (mojibake.h); C1 controls; Latin ligatures; full-width and half-width forms; curly
 * quotes; line breaks; terminal escapes; control characters; normal form C.
 *
 * Left out of ftfy:
 *  - surrogates: text is UTF-8, which has none (a sequence that would be one is invalid);
 *  - unbounded repetition: from the ninth round on, nested references (&amp;amp;...) among other things to repair are
 *    decoded to the end at once (plain ASCII of any depth gives the same result); mojibake.h has its limits; and after
 *    64 rounds a line stays as it is. */
#ifndef SD_TEXT_TEXT_CLEAN_H
#define SD_TEXT_TEXT_CLEAN_H

#include "unicode.h"

/* Empties out and puts the cleaned text there; false: out of memory. */
bool text_clean(const char *text, size_t size, Runes *out);
/* The same without html.unescape (transformers' tokenization_clip.py). */
bool text_clean_references_kept(const char *text, size_t size, Runes *out);
/* ftfy's steps alone; for tests. */
bool text_fix(const char *text, size_t size, Runes *out);

#endif
