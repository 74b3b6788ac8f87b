#include "path.h"

#include <stdarg.h>
#include <stdio.h>

bool path_make(char out[OS_PATH_SIZE], Error *e, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(out, OS_PATH_SIZE, format, args);
    va_end(args);
    if (n >= 0 && n < OS_PATH_SIZE) return true;
    return error_set(e, ERR_FILE, "%.200s...: %d bytes are too long for the name of a file; shorten it", out, n);
}
