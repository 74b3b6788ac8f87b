/* mojibake.h: repairs text that was decoded with the wrong character set ("schÃ¶n" for "schön"), as ftfy's
 * fix_encoding does: the same test for suspicious neighbours, the same code pages in the same order, the same repairs
 * of lost non-breaking spaces, of bytes lost to U+FFFD or '?', of single sequences inside sound text, and of C1
 * controls.
 *
 * Left out: repairs of single sequences nest at most eight deep, and all repairs together may read the text only so
 * often (see budget); ftfy has neither bound, nor then a bound on its time. */
#ifndef SD_TEXT_MOJIBAKE_H
#define SD_TEXT_MOJIBAKE_H

#include "unicode.h"

/* Repairs text in place. *budget is how many characters may still be read; once it is used up nothing is repaired. */
void mojibake_fix(Runes *text, int64_t *budget);

#endif
