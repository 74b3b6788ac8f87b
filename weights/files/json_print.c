#include "json.h"

void json_print(FILE *to, const char *s) {
    char quoted[16];
    putc('"', to);
    for (char one[2] = {*s}; *s; one[0] = *++s) fwrite(quoted + 1, 1, json_quote(quoted, sizeof quoted, one) - 2, to);
    putc('"', to);
}
