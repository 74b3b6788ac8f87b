/* prompt_comments.c: comments in prompts, taken out as the webui does it, by two regular expressions:
 *
 *     (^|\n)#[^\n]*(\n|$) -> \n      a comment that is a whole line
 *     #[^\n]*(\n|$)       -> \n      one after text; and the second of two such lines, whose line end is used up */
#include "prompt.h"

#include <stdlib.h>
#include <string.h>

/* Replaces every match of the second expression, or, with `lines`, of the first, in place. */
static void strip(char *text, bool lines) {
    char *out = text, *from = text;
    while (*from) {
        bool whole = lines && *from == '\n' && from[1] == '#', here = *from == '#' && (!lines || from == text);
        if (!whole && !here) {
            *out++ = *from++;
            continue;
        }
        from += whole;
        from += strcspn(from, "\n");
        from += *from == '\n';
        *out++ = '\n';
    }
    *out = 0;
}

char *prompt_strip_comments(const char *text) {
    size_t n = strlen(text);
    char *copy = malloc(n + 2);
    if (!copy) return NULL;
    memcpy(copy, text, n + 1);
    strip(copy, true);
    strip(copy, false);
    return copy;
}
