#include "path.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool too_long(const char *path, size_t n, Error *e) {
    return error_set(e, ERR_FILE, "%.200s...: %zu bytes are too long for the name of a file; shorten it", path, n);
}

bool path_make(char out[OS_PATH_SIZE], Error *e, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(out, OS_PATH_SIZE, format, args);
    va_end(args);
    return (n >= 0 && n < OS_PATH_SIZE) || too_long(out, (size_t)n, e);
}

bool path_fits(const char *path, Error *e) {
    size_t n = strlen(path);
    return n < OS_PATH_SIZE || too_long(path, n, e);
}
