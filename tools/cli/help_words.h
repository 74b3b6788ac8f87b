/* help_words.h: what help, manual page and completion say of an option. */
#ifndef SD_TOOLS_CLI_HELP_WORDS_H
#define SD_TOOLS_CLI_HELP_WORDS_H

#include "tools/cli/options/option.h"

/* How the option's value is called: "N", "full|taesd|approx"; "" where it has none. Returns out. */
const char *help_value(const Option *o, char *out, size_t size);
/* What it means, with its default. Returns out. */
const char *help_text(const Option *o, char *out, size_t size);
/* Word i of those that the value may be: of a choice, samplers, schedule types. "": there is none. Returns out. */
const char *help_word(const Option *o, int i, char *out, size_t size);
/* Whether the value may be a file's name. */
bool help_is_file(const Option *o);

#endif
