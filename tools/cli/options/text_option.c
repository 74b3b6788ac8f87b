/* text_option.c: reads a prompt, in a known encoding. */
#include "text_option.h"
#include "weights/files/text_file.h"

#include <stdlib.h>
#include <string.h>

static char *copy(const char *name, const char *text, Error *e) {
    if (!text_check(text, name, e)) return NULL;
    char *out = malloc(strlen(text) + 1);
    if (!out) error_set(e, ERR_MEMORY, "%s: out of memory for it; shorten it", name);
    return out ? strcpy(out, text) : NULL;
}

char *text_option(const char *name, const char *argument, Error *e) {
    bool input = !strcmp(argument, "-") || !strcmp(argument, "@-");
    const FileWanted wanted = {.most = TEXT_OPTION_MOST,
                               .advice = input ? "give a prompt's text file"
                                               : "after @ name a prompt's text file, or begin a prompt with @@"};
    size_t size;
    if (!input && argument[0] != '@') return copy(name, argument, e);
    if (argument[0] == '@' && argument[1] == '@') return copy(name, argument + 1, e);
    char *text = text_file_read(input ? "/dev/stdin" : argument + 1, &wanted, &size, e);
    if (!text) return NULL;
    size = text_newlines(text, size);
    if (size && text[size - 1] == '\n') text[size - 1] = 0;
    return text;
}
