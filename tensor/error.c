#include "error.h"

#include <stdarg.h>
#include <stdio.h>

/* A line that is too long loses its middle: it begins with a name, and ends with what is wrong and what to do. */
static void shorten(char *text, size_t capacity, const char *format, va_list args) {
    enum { WHOLE = 1 << 14, HEAD = 160 };
    char whole[WHOLE];
    int n = vsnprintf(whole, sizeof whole, format, args);
    size_t size = n < WHOLE ? (size_t)n : WHOLE - 1, tail = size - (capacity - 1 - HEAD - 3), head = HEAD;
    while (head && ((unsigned char)whole[head] & 0xC0) == 0x80) head--; /* not within a letter of UTF-8 */
    while (((unsigned char)whole[tail] & 0xC0) == 0x80) tail++;
    snprintf(text, capacity, "%.*s...%s", (int)head, whole, whole + tail);
}

bool error_set(Error *e, ErrorCode code, const char *format, ...) {
    if (!e || e->code) return false;
    e->code = code;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    if (n >= (int)sizeof e->text) {
        va_start(args, format);
        shorten(e->text, sizeof e->text, format, args);
        va_end(args);
    }
    for (unsigned char *p = (unsigned char *)e->text; *p; p++)
        if (*p < 32 || *p == 127) *p = '?';
    return false;
}

bool error_pass(Error *e, const Error *from) { return !from->code || error_set(e, from->code, "%s", from->text); }
