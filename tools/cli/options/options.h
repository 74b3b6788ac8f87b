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
/* Frees the OPT_TEXT values. */
void options_free(const Command *c, void *values);

#endif
