/* options.c: the option parser. Texts (prompts) are read in text_option.c. */
#include "options.h"
#include "commands.h"
#include "text_option.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int say(const char *command, const char *text, bool usage) {
    Error line = {0}; /* error_set keeps it one line */
    error_set(&line, ERR_ARGUMENT, "%s", text);
    if (!usage) fprintf(stderr, "sdc: %s\n", line.text);
    else fprintf(stderr, "sdc: %s; see sdc help%s%s\n", line.text, command ? " " : "", command ? command : "");
    return usage ? EXIT_USAGE : EXIT_WORLD;
}

int usage_error(const char *command, const char *format, ...) {
    char text[900];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return say(command, text, true);
}

int report(const char *command, const Error *e) { return say(command, e->text, e->code == ERR_ARGUMENT); }

int finish_output(void) {
    if (!fflush(stdout) && !ferror(stdout)) return EXIT_DONE;
    fputs("sdc: standard output: cannot be written; redirect it elsewhere\n", stderr);
    return EXIT_WORLD;
}

int name_distance(const char *a, const char *b) {
    enum { MOST = 32 }; /* of b; names here are shorter */
    int row[MOST + 1], n = (int)strlen(b);
    if (n > MOST || strlen(a) > MOST) return 2 * MOST;
    for (int k = 0; k <= n; k++) row[k] = k;
    for (int i = 0; a[i]; i++) {
        int corner = row[0];
        row[0] = i + 1;
        for (int k = 0; k < n; k++) {
            int best = corner + (a[i] != b[k]);
            corner = row[k + 1];
            if (corner + 1 < best) best = corner + 1;
            if (row[k] + 1 < best) best = row[k] + 1;
            row[k + 1] = best;
        }
    }
    return row[n];
}

/* strtod would take spaces, hexadecimal, inf and nan. */
static bool looks_decimal(const char *s, bool fraction, const char **end) {
    int digits = 0;
    if (*s == '-' || *s == '+') s++;
    for (; *s >= '0' && *s <= '9'; s++) digits++;
    if (fraction && *s == '.')
        for (s++; *s >= '0' && *s <= '9'; s++) digits++;
    if (fraction && digits && (*s == 'e' || *s == 'E')) {
        const char *p = s + 1 + (s[1] == '-' || s[1] == '+');
        if (*p >= '0' && *p <= '9') {
            while (*p >= '0' && *p <= '9') p++;
            s = p;
        }
    }
    *end = s;
    return digits > 0;
}

static int parse_int(const char *command, const Option *o, const char *name, const char *s, int64_t *out) {
    const char *end;
    if (!looks_decimal(s, false, &end) || *end)
        return usage_error(command, "%s: '%.60s' is not a whole number", name, s);
    errno = 0;
    long long v = strtoll(s, NULL, 10);
    if (errno || v < o->low || v > o->high)
        return usage_error(command, "%s: %.60s is not in %lld..%lld", name, s, (long long)o->low, (long long)o->high);
    *out = v;
    return OPTIONS_GO_ON;
}

static int parse_double(const char *command, const Option *o, const char *name, const char *s, double *out) {
    const char *end;
    if (!looks_decimal(s, true, &end) || *end) return usage_error(command, "%s: '%.60s' is not a number", name, s);
    double v = strtod(s, NULL);
    if (!(v >= (double)o->low && v <= (double)o->high))
        return usage_error(command, "%s: %.60s is not in %lld..%lld", name, s, (long long)o->low, (long long)o->high);
    *out = v;
    return OPTIONS_GO_ON;
}

static int parse_size(const char *command, const char *name, const char *s, uint64_t *out) {
    static const struct {
        const char *unit;
        double bytes;
    } UNITS[] = {{"", 1},       {"B", 1},        {"K", 0x1p10},   {"M", 0x1p20},   {"G", 0x1p30},
                 {"T", 0x1p40}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40},
                 {"KB", 1e3},   {"MB", 1e6},     {"GB", 1e9},     {"TB", 1e12}};
    const char *end;
    double scale = 0;
    if (*s != '-' && looks_decimal(s, true, &end)) {
        for (size_t i = 0; i < sizeof UNITS / sizeof *UNITS; i++) {
            const char *a = end, *b = UNITS[i].unit;
            while (*a && (*a & ~32) == (*b & ~32)) a++, b++;
            if (!*a && !*b) scale = UNITS[i].bytes;
        }
    }
    if (scale == 0) return usage_error(command, "%s: '%.60s' is not a size; write 512M, 4G or 1.5GiB", name, s);
    double v = strtod(s, NULL) * scale;
    if (!(v >= 1 && v < 0x1p62)) return usage_error(command, "%s: %.60s is not in 1 byte..4096 PiB", name, s);
    *out = (uint64_t)v;
    return OPTIONS_GO_ON;
}

static bool is_choice(const char *choices, const char *s) {
    size_t n = strlen(s);
    for (const char *p = choices; *p; p += strcspn(p, "|"), p += *p == '|')
        if (strcspn(p, "|") == n && !memcmp(p, s, n)) return true;
    return false;
}

static int set_value(const char *command, const Option *o, const char *name, const char *s, void *at) {
    if (!*s && o->kind != OPT_TEXT) return usage_error(command, "%s: its value is empty", name);
    Error e = {0};
    char *text;
    switch (o->kind) {
    case OPT_INT: return parse_int(command, o, name, s, at);
    case OPT_DOUBLE: return parse_double(command, o, name, s, at);
    case OPT_SIZE: return parse_size(command, name, s, at);
    case OPT_CHOICE:
        if (!is_choice(o->value, s)) return usage_error(command, "%s: '%.60s' is none of %s", name, s, o->value);
        *(const char **)at = s;
        break;
    case OPT_TEXT:
        text = text_option(s, &e);
        if (!text) return report(command, &e);
        free(*(char **)at);
        *(char **)at = text;
        break;
    default: *(const char **)at = s;
    }
    return OPTIONS_GO_ON;
}

static int unknown(const char *command, const Option *table, const char *arg, size_t length) {
    char given[64];
    snprintf(given, sizeof given, "%.*s", (int)(length < 60 ? length : 60), arg);
    const Option *best = NULL;
    int least = 4; /* farther names are no help */
    for (const Option *o = table; o->kind != OPT_END; o++) {
        int d = name_distance(given + strspn(given, "-"), o->name);
        if (d < least && d < (int)strlen(o->name)) least = d, best = o;
    }
    if (best) return usage_error(command, "%s: no such option; did you mean --%s", given, best->name);
    return usage_error(command, "%s: no such option", given);
}

static const Option *find_option(const Option *table, const char *arg, size_t *length) {
    *length = strlen(arg);
    if (arg[1] != '-') {
        for (const Option *o = table; o->kind != OPT_END; o++)
            if (o->letter == arg[1] && !arg[2]) return o;
        return NULL;
    }
    *length = strcspn(arg, "=");
    for (const Option *o = table; o->kind != OPT_END; o++)
        if (strlen(o->name) == *length - 2 && !memcmp(o->name, arg + 2, *length - 2)) return o;
    return NULL;
}

int options_parse(const char *command, const Option *table, void *values, int argc, char **argv, int *rest) {
    int kept = 0;
    bool files_only = false;
    for (int i = 1; i < argc; i++) {
        char *arg = argv[i];
        if (files_only || arg[0] != '-' || !arg[1]) {
            argv[kept++] = arg;
            continue;
        }
        if (!strcmp(arg, "--")) {
            files_only = true;
            continue;
        }
        size_t length;
        const Option *o = find_option(table, arg, &length);
        if (!o && (!strcmp(arg, "--help") || !strcmp(arg, "-h"))) return print_help(command);
        if (!o) return unknown(command, table, arg, length);
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)length, arg);
        bool joined = arg[length] == '=';
        void *at = (char *)values + o->offset;
        if (o->kind == OPT_FLAG) {
            if (joined) return usage_error(command, "%s: takes no value", name);
            *(bool *)at = true;
            continue;
        }
        if (!joined && ++i == argc) return usage_error(command, "%s: needs a value: %s", name, o->value);
        int code = set_value(command, o, name, joined ? arg + length + 1 : argv[i], at);
        if (code != OPTIONS_GO_ON) return code;
    }
    *rest = kept;
    return OPTIONS_GO_ON;
}

void options_free(const Option *table, void *values) {
    for (const Option *o = table; o->kind != OPT_END; o++) {
        char **text = (char **)((char *)values + o->offset);
        if (o->kind == OPT_TEXT) free(*text), *text = NULL;
    }
}

void options_print(const Option *table) {
    for (const Option *o = table; o->kind != OPT_END; o++) {
        char left[80];
        int n = o->letter ? snprintf(left, sizeof left, "  -%c, --%s", o->letter, o->name)
                          : snprintf(left, sizeof left, "      --%s", o->name);
        if (o->value) snprintf(left + n, sizeof left - (size_t)n, " %s", o->value);
        printf("%-35s %s\n", left, o->help);
    }
}
