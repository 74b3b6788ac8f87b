/* output.h: where pictures go. */
#ifndef SD_TOOLS_CLI_OUTPUT_H
#define SD_TOOLS_CLI_OUTPUT_H

#include "tensor/error.h"

#include <stddef.h>
#include <stdint.h>

enum { OUTPUT_ROOM = 4096 };

/* Whether pictures can be written as `out` asks (NULL: into the current directory), found without creating anything. */
bool output_check(const char *out, bool several, Error *e);
/* The file for one picture: `out` itself, out-SEED.png when there are several, SEED-first-words.png without out; "-1",
 * "-2"... where that exists, unless it is what -o named. False when no name is left or fits. */
bool output_name(char name[OUTPUT_ROOM], const char *out, bool several, const char *prompt, int64_t seed, Error *e);
/* The first words of a prompt as part of a file's name: lower-case letters, digits and hyphens, 40 at most; may be
 * empty. */
void output_words(char *words, size_t room, const char *prompt);
/* Whether both exist and are one file, under whatever names. */
bool same_file(const char *a, const char *b);

#endif
