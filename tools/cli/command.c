#include "command.h"
#include "sd/text/nearest.h"
#include "tensor/os.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int say(const Command *c, const char *text, bool usage) {
    Error line = {0}; /* error_set keeps it one line */
    error_set(&line, ERR_ARGUMENT, "%s", text);
    if (!usage) fprintf(stderr, "sdc: %s\n", line.text);
    else fprintf(stderr, "sdc: %s; see sdc help%s%s\n", line.text, c ? " " : "", c ? c->name : "");
    return usage ? EXIT_USAGE : EXIT_FAILED;
}

int usage_error(const Command *c, const char *format, ...) {
    char text[900];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return say(c, text, true);
}

int report(const Command *c, const Error *e) {
    int code = say(c, e->text, e->code == ERR_ARGUMENT);
    return os_reader_gone() ? 128 + os_stop_signal() : code;
}

void warn(const char *path, const char *what) {
    Error line = {0}; /* as above */
    if (!what) return;
    error_set(&line, ERR_FORMAT, "warning: %s: %s", path, what);
    fprintf(stderr, "sdc: %s\n", line.text);
}

int finish_output(void) {
    if (!fflush(stdout) && !ferror(stdout)) return EXIT_DONE;
    if (os_stop_signal()) return 128 + os_stop_signal(); /* whoever read it has gone */
    fputs("sdc: standard output: cannot be written; redirect it elsewhere\n", stderr);
    return EXIT_FAILED;
}

bool is_nearer(const char *name, const char *given, int *least) {
    int edits = nearest_edits(given, name);
    if (edits >= *least || edits >= (int)strlen(name)) return false;
    *least = edits;
    return true;
}
