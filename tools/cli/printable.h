/* printable.h: text from files, made safe for a terminal. */
#ifndef SD_TOOLS_CLI_PRINTABLE_H
#define SD_TOOLS_CLI_PRINTABLE_H

/* A byte of UTF-8 text as it may be printed: '?' for a control character. */
static inline char printable(char c) { return (unsigned char)c < 32 || c == 127 ? '?' : c; }

#endif
