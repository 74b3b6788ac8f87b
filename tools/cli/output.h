/* output.h: the names of the files that pictures go to. */
#ifndef SD_TOOLS_CLI_OUTPUT_H
#define SD_TOOLS_CLI_OUTPUT_H

#include "tensor/error.h"

#include <stddef.h>
#include <stdint.h>

enum { OUTPUT_SIZE = 4096 };

/* Whether pictures can be written to `out` (NULL: the current directory). Creates nothing. */
bool output_check(const char *out, bool several, Error *e);
/* The file for one picture: `out` itself; out-SEED.png when there are several; SEED-first-words.png without out. The
 * latter two get "-1", "-2"... if the name is taken. False: no name is left or fits. */
bool output_name(char name[OUTPUT_SIZE], const char *out, bool several, const char *prompt, int64_t seed, Error *e);
/* A prompt's first words, for a file's name: up to 40 lower-case letters, digits and hyphens; may be empty. */
void output_words(char *words, size_t capacity, const char *prompt);
/* Whether both exist and are the same file. */
bool same_file(const char *a, const char *b);

#endif
