/* output.h: the names of the files that pictures go to. */
#ifndef SD_TOOLS_CLI_OUTPUT_H
#define SD_TOOLS_CLI_OUTPUT_H

#include "command.h"
#include "tensor/error.h"
#include "tensor/os.h"

#include <stddef.h>
#include <stdint.h>

/* The file that an option or argument means: "-" is standard output, where then nothing else is printed (what would be
 * goes to standard error); *out may be NULL. Anything else stays. Returns GO_ON or an exit code. */
int output_file(const Command *c, const char *option, const char **out);
/* "-" is standard input. */
void input_file(const char **in);
/* The --quality that files of this name (NULL: PNG) are written with; 0: it is not said. Returns GO_ON or an exit code:
 * there is none of PNG. */
int output_quality(const Command *c, int said, const char *path);
/* Whether pictures can be written to `out` (NULL: the current directory). Creates nothing. */
bool output_check(const char *out, bool several, Error *e);
/* The file for one picture: `out` itself; out-SEED.png when there are several; SEED-first-words.png without out. The
 * latter two get "-1", "-2"... if the name is taken. False: no name is left or fits. */
bool output_name(char name[OS_PATH_SIZE], const char *out, bool several, const char *prompt, int64_t seed, Error *e);
/* The name that is wanted, or with "-1", "-2"... before its ending if that is taken. */
bool output_free_name(char name[OS_PATH_SIZE], const char *wanted, Error *e);
/* A prompt's first words, for a file's name: up to 40 lower-case letters, digits and hyphens; may be empty. */
void output_words(char *words, size_t capacity, const char *prompt);

#endif
