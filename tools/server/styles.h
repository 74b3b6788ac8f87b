/* styles.h: prompts by name, in the webui's styles.csv: name,prompt,negative_prompt. */
#ifndef SD_TOOLS_SERVER_STYLES_H
#define SD_TOOLS_SERVER_STYLES_H

#include "tensor/error.h"

#include <stdbool.h>

typedef struct {
    char *name, *prompt, *negative;
} Style;

typedef struct {
    Style *at;
    int count;
} Styles;

/* Reads the file as it is now; there may be none. file NULL: no styles. styles_free in any case. */
bool styles_read(const char *file, Styles *out, Error *e);
void styles_free(Styles *s);
/* NULL: there is none of that name. */
const Style *styles_find(const Styles *s, const char *name);
/* Adds a style, or gives the one of its name other prompts; both empty: removes it. The file is replaced as a whole.
 * ERR_ARGUMENT: it would become too large. */
bool styles_keep(const char *file, const Style *style, Error *e);
/* The style's text with the prompt in place of "{prompt}", or after it and a comma; malloc'ed;
 * NULL: e says why, such as PROMPT_MOST_TEXT. Source: AUTOMATIC1111, modules/styles.py, merge_prompts. */
char *style_merge(const char *prompt, const char *style, Error *e);

#endif
