/* text_option.c: reads a prompt and makes it valid UTF-8. */
#include "text_option.h"
#include "weights/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *valid_utf8(const char *text, size_t size, Error *e) {
    char *out = utf8_valid(text, size);
    if (!out) error_set(e, ERR_MEMORY, "the prompt: no memory for it; shorten it");
    return out;
}

static char *read_stream(FILE *f, const char *name, Error *e) {
    char *text = malloc(TEXT_OPTION_MOST + 1);
    if (!text) return error_set(e, ERR_MEMORY, "%s: no memory to read it; free some and try again", name), NULL;
    errno = 0;
    size_t size = fread(text, 1, TEXT_OPTION_MOST + 1, f);
    char *out = NULL;
    if (ferror(f)) error_set(e, ERR_FILE, "%s: cannot be read: %s; name a text file", name, strerror(errno));
    else if (size > TEXT_OPTION_MOST)
        error_set(e, ERR_FILE, "%s: is larger than 1 MiB; a prompt's file has to be smaller", name);
    else {
        size_t from = size >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3) ? 3 : 0;
        if (size > from && text[size - 1] == '\n') size--;
        if (size > from && text[size - 1] == '\r') size--;
        out = valid_utf8(text + from, size - from, e);
    }
    free(text);
    return out;
}

char *text_option(const char *argument, Error *e) {
    if (!strcmp(argument, "-")) return read_stream(stdin, "standard input", e);
    if (*argument != '@') return valid_utf8(argument, strlen(argument), e);
    const char *path = argument + 1;
    FILE *f = fopen(path, "rb");
    if (!f)
        return error_set(e, ERR_FILE, "%s: cannot be opened: %s; name the prompt's file after @", path,
                         strerror(errno)),
               NULL;
    char *text = read_stream(f, path, e);
    fclose(f);
    return text;
}
