/* mojibake.h: repairs text that was decoded with the wrong character set ("schÃ¶n" for "schön"), as ftfy's
 * fix_encoding does: the same test for suspicious neighbours, the same code pages in the same order, the same repairs
 * of lost non-breaking spaces, of bytes lost to U+FFFD or '?', of single sequences inside sound text, and of C1
 * controls.
 *
 * Left out: repairs of single sequences nest at most eight deep, and the budget limits how often the text is read; ftfy
 * has neither limit, and so no limit on its time. */
#ifndef SD_TEXT_MOJIBAKE_H
#define SD_TEXT_MOJIBAKE_H

#include "unicode.h"

/* Repairs text in place. *budget: how many more characters may be read; below 0, nothing more is repaired. */
void mojibake_fix(Runes *text, int64_t *budget);

#endif
