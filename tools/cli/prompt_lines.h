/* prompt_lines.h: a file of prompts, as the webui's script reads them (scripts/prompts_from_file.py): each line is a
 * prompt, or begins with "--" and has options: --prompt "a cat" --steps 10 --cfg_scale 5. */
#ifndef SD_TOOLS_CLI_PROMPT_LINES_H
#define SD_TOOLS_CLI_PROMPT_LINES_H

#include "tools/cli/options/picture_options.h"

enum { PROMPT_LINES_MOST = 100000 };

typedef struct {
    char **words;      /* owned: of a line with options, without quotes; of any other line one, the prompt */
    int count, number; /* number: of the line in the file, from 1 */
    bool options;
} PromptLine;

/* All zero is empty. */
typedef struct {
    PromptLine *at;
    size_t count, capacity;
} PromptLines;

/* Reads a file in the encodings of prompts; empty lines do not count. ERR_FORMAT for a quote that is not closed, and a
 * file without prompts. prompt_lines_free in any case. */
bool prompt_lines_read(const char *path, PromptLines *out, Error *e);
void prompt_lines_free(PromptLines *l);
/* Sets what line i says in a copy (picture_copy), whose strings the lines own then. Names are those of options, or of
 * the webui's API. GO_ON, or the exit code. */
int prompt_lines_set(const Command *c, const char *path, const PromptLines *l, size_t i, PictureArguments *a);

#endif
