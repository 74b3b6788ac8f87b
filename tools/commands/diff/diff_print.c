/* diff_print.c: names, shapes and numbers in tables of differences. */
#include "diff.h"
#include "tools/cli/printable.h"

#include <math.h>
#include <stdio.h>

void diff_print_name(const char *name, int width) {
    int n = 0;
    for (; *name; name++, n++) putchar(printable(*name));
    for (; n < width; n++) putchar(' ');
}

void diff_print_shape(int nd, const int64_t *n) {
    char text[FILE_MAX_DIMS * 21 + 3];
    size_t at = (size_t)snprintf(text, sizeof text, "[");
    for (int i = 0; i < nd; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%lld", i ? "," : "", (long long)n[i]);
    snprintf(text + at, sizeof text - at, "]");
    printf(" %-20s", text);
}

void diff_print_json(const char *key, double v) {
    if (isfinite(v)) printf(",\"%s\":%.9g", key, v);
    else printf(",\"%s\":null", key); /* JSON has no infinity */
}
