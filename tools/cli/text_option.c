/* text_option.c: reads a prompt, in a known encoding. */
#include "text_option.h"
#include "weights/file_open.h"
#include "weights/text_file.h"

#include <stdlib.h>
#include <string.h>

static char *copy(const char *name, const char *text, Error *e) {
    if (!text_check(text, name, e)) return NULL;
    char *out = malloc(strlen(text) + 1);
    if (!out) error_set(e, ERR_MEMORY, "%s: out of memory for it; shorten it", name);
    return out ? strcpy(out, text) : NULL;
}

/* Takes the bytes of a file. */
static char *decoded(char *bytes, size_t size, const char *file, Error *e) {
    char *text = bytes ? text_decode(bytes, size, file, false, &size, e) : NULL;
    free(bytes);
    if (!text) return NULL;
    size = text_newlines(text, size);
    if (size && text[size - 1] == '\n') text[size - 1] = 0;
    return text;
}

char *text_option(const char *name, const char *argument, Error *e) {
    static const FileWanted FILE_WANTED = {.most = TEXT_OPTION_MOST,
                                           .advice = "after @ name a prompt's text file, or begin a prompt with @@"},
                            INPUT_WANTED = {.most = TEXT_OPTION_MOST, .advice = "give a prompt's text file"};
    size_t size = 0;
    char *bytes;
    if (!strcmp(argument, "-") || !strcmp(argument, "@-")) {
        bytes = file_read("/dev/stdin", &INPUT_WANTED, &size, e);
        return decoded(bytes, size, "standard input", e);
    }
    if (argument[0] != '@') return copy(name, argument, e);
    if (argument[1] == '@') return copy(name, argument + 1, e);
    bytes = file_read(argument + 1, &FILE_WANTED, &size, e);
    return decoded(bytes, size, file_shown(argument + 1), e);
}
