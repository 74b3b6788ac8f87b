/* text_option.c: reads a prompt and makes it valid UTF-8. */
#include "text_option.h"
#include "weights/file_read.h"
#include "weights/utf8.h"

#include <stdlib.h>
#include <string.h>

static char *valid_utf8(const char *text, size_t size, Error *e) {
    char *out = utf8_valid(text, size);
    if (!out) error_set(e, ERR_MEMORY, "the prompt: no memory for it; shorten it");
    return out;
}

char *text_option(const char *argument, Error *e) {
    bool input = !strcmp(argument, "-");
    if (!input && *argument != '@') return valid_utf8(argument, strlen(argument), e);
    const FileWanted wanted = {.most = TEXT_OPTION_MOST,
                               .advice = input ? "give a prompt's text" : "name the prompt's text file after @"};
    size_t size;
    char *text = file_read(input ? "/dev/stdin" : argument + 1, &wanted, &size, e), *out = NULL;
    if (text) {
        size_t from = size >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3) ? 3 : 0;
        if (size > from && text[size - 1] == '\n') size--;
        if (size > from && text[size - 1] == '\r') size--;
        out = valid_utf8(text + from, size - from, e);
    }
    free(text);
    return out;
}
