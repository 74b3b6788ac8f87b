/* text_option.c: reads a prompt and makes it valid UTF-8. */
#include "text_option.h"
#include "weights/file_read.h"
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
    static const FileWanted WANTED = {.most = TEXT_OPTION_MOST, .advice = "give a prompt's text file"};
    size_t size;
    char *text = stream_read(f, name, &WANTED, &size, e), *out = NULL;
    if (text) {
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
    if (!f) {
        error_set(e, ERR_FILE, "%s: cannot be opened: %s; name the prompt's file after @", path, strerror(errno));
        return NULL;
    }
    char *text = read_stream(f, path, e);
    fclose(f);
    return text;
}
