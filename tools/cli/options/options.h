/* options.h: the parser of command lines. option.h says what a table of options is.
 *
 * An option's value is the next argument, whatever it begins with (prompts begin with '-' and '('), or follows '=' as
 * in --name=value. Numbers are strict: the whole text, in range, never inf or nan. "--" ends the options. */
#ifndef SD_TOOLS_CLI_OPTIONS_H
#define SD_TOOLS_CLI_OPTIONS_H

#include "option.h"

/* Fills the struct at `values` by c's options and moves all other arguments to the front of argv, *rest of them.
 * Returns GO_ON, or the exit code: a wrong command line or an unreadable prompt has been reported, or --help printed.
 */
int options_parse(const Command *c, void *values, int argc, char **argv, int *rest);
/* Whether an OPT_TEXT value among these arguments is read from the file `path` ("@FILE"). options_parse took them, and
 * moved none of those after an option. */
bool options_text_file(const Command *c, int argc, char **argv, const char *path);
/* Frees the OPT_TEXT values. */
void options_free(const Command *c, void *values);

#endif
