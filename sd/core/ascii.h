/* ascii.h: which prompts sd_core takes (ascii.c). */
#ifndef SD_CORE_ASCII_H
#define SD_CORE_ASCII_H

/* The first place of a text that is not taken: not printable ASCII, or a reference of HTML; NULL: none. */
const char *ascii_refused(const char *text);

#endif
