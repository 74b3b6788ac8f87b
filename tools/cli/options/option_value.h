/* option_value.h: from the text of an option's value to the value. */
#ifndef SD_TOOLS_CLI_OPTION_VALUE_H
#define SD_TOOLS_CLI_OPTION_VALUE_H

#include "option.h"

/* Reads `text` as o's kind says and writes it at `at`. name: as it was given, for messages. GO_ON, or the exit code. */
int option_value(const Command *c, const Option *o, const char *name, const char *text, void *at);

#endif
