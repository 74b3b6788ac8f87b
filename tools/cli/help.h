/* help.h: the help of a command, from its data. */
#ifndef SD_TOOLS_CLI_HELP_H
#define SD_TOOLS_CLI_HELP_H

#include "command.h"

/* Prints usage, options and notes, wrapped at the terminal's width or 80 columns; returns the exit code. */
int help_print(const Command *c);

#endif
