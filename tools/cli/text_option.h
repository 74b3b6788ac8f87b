/* text_option.h: a prompt from the command line. */
#ifndef SD_TOOLS_CLI_TEXT_OPTION_H
#define SD_TOOLS_CLI_TEXT_OPTION_H

#include "tensor/error.h"

enum { TEXT_OPTION_MOST = 1 << 20 }; /* largest file of a prompt, in bytes */

/* The text that an argument means: of a file ("@FILE"), of standard input ("-"), or its own. Valid UTF-8: invalid
 * sequences and NULs become U+FFFD. From a file, without byte order mark and final newline. malloc'ed; NULL on error.
 */
char *text_option(const char *argument, Error *e);

#endif
