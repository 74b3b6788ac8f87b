/* help.h: the help of commands, the manual page, and completion in shells, from their data. */
#ifndef SD_TOOLS_CLI_HELP_H
#define SD_TOOLS_CLI_HELP_H

#include "command.h"

/* Prints usage, options and notes, wrapped at the terminal's width or 80 columns; returns the exit code. */
int help_print(const Command *c);
/* The page sdc(1) for troff's man macros, of commands at(0), ... until NULL. */
int help_man(const Command *(*at)(int i), const char *version);
/* A script for "bash", "zsh" or "fish" (HELP_SHELLS). */
#define HELP_SHELLS "bash|zsh|fish"
int help_completion(const Command *(*at)(int i), const char *shell);

#endif
