#include "error.h"

#include <stdarg.h>
#include <stdio.h>

bool error_set(Error *e, ErrorCode code, const char *format, ...) {
    if (!e || e->code) return false;
    e->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    for (unsigned char *p = (unsigned char *)e->text; *p; p++)
        if (*p < 32 || *p == 127) *p = '?';
    return false;
}

bool error_pass(Error *e, const Error *from) { return !from->code || error_set(e, from->code, "%s", from->text); }
