/* text_option.h: a prompt from the command line. */
#ifndef SD_TOOLS_CLI_TEXT_OPTION_H
#define SD_TOOLS_CLI_TEXT_OPTION_H

#include "tensor/error.h"

enum { TEXT_OPTION_MOST = 1 << 20 }; /* largest file of a prompt, in bytes */

/* The text that an argument means: of a file ("@FILE"), of standard input ("-" or "@-"), or its own; "@@x" means "@x".
 * Valid UTF-8: a file may also be UTF-16 with its mark (text_file.h), and is taken without its mark and final newline,
 * its other line ends as LF. name: what the argument belongs to, for the message. malloc'ed; NULL on error. */
char *text_option(const char *name, const char *argument, Error *e);

#endif
