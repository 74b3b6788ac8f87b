/* html_text.h: character references (&amp; &#38; &#x26;) to characters.
 *
 * The original applies two sets of rules: ftfy's, which takes only references closed by a semicolon (and names in
 * capitals), and that of Python's html.unescape, which follows HTML 5 and takes unclosed ones too. out is emptied first
 * and must not be in. */
#ifndef SD_TEXT_HTML_TEXT_H
#define SD_TEXT_HTML_TEXT_H

#include "unicode.h"

/* html.unescape; but a decimal number of more than 4,300 digits, where Python raises an error, counts as beyond
 * U+10FFFF. */
void html_unescape(const Runes *in, Runes *out);
/* One pass of ftfy's unescape_html. */
void html_unescape_closed(const Runes *in, Runes *out);
/* The result of repeating html_unescape_closed until nothing changes, in linear time. */
void html_unescape_closed_fully(const Runes *in, Runes *out);

#endif
