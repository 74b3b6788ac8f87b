/* text_option.c: reads a prompt and makes it valid UTF-8. */
#include "text_option.h"
#include "sd/text/unicode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *valid_utf8(const char *text, size_t size, Error *e) {
    char *out = malloc(3 * size + 1); /* U+FFFD takes three bytes and may stand for one */
    if (!out) return error_set(e, ERR_MEMORY, "the prompt: no memory for it; shorten it"), NULL;
    size_t n = 0;
    for (size_t i = 0; i < size;) {
        uint32_t c;
        bool ok;
        i += utf8_decode((const uint8_t *)text + i, size - i, &c, &ok);
        n += utf8_encode(ok && c ? c : 0xFFFD, (uint8_t *)out + n);
    }
    out[n] = 0;
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
