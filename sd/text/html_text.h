/* html_text.h: character references (&amp; &#38; &#x26;) turned into characters.
 *
 * Two rules are needed, because the original applies both: ftfy's, which takes only references closed by a semicolon
 * (and names in capitals), and html.unescape of Python, which follows HTML 5 and also takes unclosed ones.
 * In both, out is emptied first and must not be in. */
#ifndef SD_TEXT_HTML_TEXT_H
#define SD_TEXT_HTML_TEXT_H

#include "unicode.h"

/* html.unescape. The one difference: a decimal number of more than 4,300 digits, where Python raises an error, counts
 * as beyond U+10FFFF. */
void html_unescape(const Runes *in, Runes *out);
/* One pass of ftfy's unescape_html. */
void html_unescape_closed(const Runes *in, Runes *out);
/* What html_unescape_closed comes to when repeated until nothing changes, in linear time. */
void html_unescape_closed_fully(const Runes *in, Runes *out);

#endif
