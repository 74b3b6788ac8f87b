/* text_option.h: a prompt from the command line. */
#ifndef SD_TOOLS_CLI_TEXT_OPTION_H
#define SD_TOOLS_CLI_TEXT_OPTION_H

#include "tensor/error.h"

enum { TEXT_OPTION_MOST = 1 << 20 }; /* bytes of a prompt's file */

/* The text that an argument stands for: "@FILE" the file's, "-" standard input's, else its own. Valid UTF-8 with
 * broken sequences and NULs as U+FFFD; from a file, without a byte order mark and the last line's end. malloc'ed;
 * NULL on error. */
char *text_option(const char *argument, Error *e);

#endif
