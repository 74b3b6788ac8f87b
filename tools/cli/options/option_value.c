#include "option_value.h"
#include "text_option.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int whole_number(const Command *c, const Option *o, const char *name, const char *s, int64_t *out) {
    const char *end;
    int64_t low = (int64_t)o->low, high = o->high < OPTION_MOST ? (int64_t)o->high : INT64_MAX;
    assert(o->kind != OPT_INT || (low >= INT_MIN && high <= INT_MAX));
    if (!looks_decimal(s, false, &end) || *end) return usage_error(c, "%s: '%.60s' is not a whole number", name, s);
    errno = 0;
    long long v = strtoll(s, NULL, 10);
    if (errno || v < low || v > high)
        return usage_error(c, "%s: %.60s is not in %" PRId64 "..%" PRId64, name, s, low, high);
    *out = v;
    return GO_ON;
}

static int number(const Command *c, const Option *o, const char *name, const char *s, double *out) {
    const char *end;
    if (!looks_decimal(s, true, &end) || *end) return usage_error(c, "%s: '%.60s' is not a number", name, s);
    double v = strtod(s, NULL);
    if (!(v >= o->low && v <= o->high))
        return usage_error(c, "%s: %.60s is not in %.10g..%.10g", name, s, o->low, o->high);
    *out = v;
    return GO_ON;
}

static int byte_count(const Command *c, const char *name, const char *s, size_t *out) {
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
            while (*a && *b && (*a & ~32) == (*b & ~32)) a++, b++;
            if (!*a && !*b) scale = UNITS[i].bytes;
        }
    }
    if (scale == 0) return usage_error(c, "%s: '%.60s' is not a size; write 512M, 4G or 1.5GiB", name, s);
    double v = strtod(s, NULL) * scale;
    if (!(v >= 1 && v < (sizeof *out > 4 ? 0x1p62 : 0x1p32)))
        return usage_error(c, "%s: %.60s is not in 1 byte..%s", name, s,
                           sizeof *out > 4 ? "4096 PiB" : "4095 MiB, which a 32-bit program can have");
    *out = (size_t)v;
    return GO_ON;
}

/* The index of s among words "a|b,c|d", where c is another name of b; -1: none of them. */
static int word_index(const char *words, const char *s) {
    int index = 0;
    for (size_t n; *words; words += n) {
        n = strcspn(words, "|,");
        if (strlen(s) == n && !memcmp(words, s, n)) return index;
        if (words[n] == '|') index++;
        if (words[n]) n++;
    }
    return -1;
}

static int word(const Command *c, const Option *o, const char *name, const char *s, int *out) {
    char words[256];
    *out = word_index(o->value, s);
    if (*out >= 0) return GO_ON;
    snprintf(words, sizeof words, "%s", o->value);
    for (char *p = words; *p; p++) *p = *p == ',' ? '|' : *p;
    return usage_error(c, "%s: '%.60s' must be one of %s", name, s, words);
}

int option_value(const Command *c, const Option *o, const char *name, const char *s, void *at) {
    if (!*s && o->kind != OPT_TEXT) return usage_error(c, "%s: its value is empty", name);
    Error e = {0};
    int code = GO_ON, index = 0;
    int64_t whole = 0;
    char *text;
    OptionList *list = at;
    switch (o->kind) {
    case OPT_INT:
        code = whole_number(c, o, name, s, &whole);
        if (code == GO_ON) *(int *)at = (int)whole;
        return code;
    case OPT_INT64: return whole_number(c, o, name, s, at);
    case OPT_DOUBLE: return number(c, o, name, s, at);
    case OPT_SIZE: return byte_count(c, name, s, at);
    case OPT_CHOICE:
    case OPT_ENUM:
    case OPT_EITHER:
        code = word(c, o, name, s, &index);
        if (code != GO_ON) return code;
        if (o->kind == OPT_CHOICE) *(const char **)at = s;
        else if (o->kind == OPT_ENUM) *(int *)at = index;
        else *(bool *)at = index == 1;
        return GO_ON;
    case OPT_LIST:
        if (list->count == OPTION_LIST_MOST)
            return usage_error(c, "%s: is given more than %d times", name, OPTION_LIST_MOST);
        list->at[list->count++] = s;
        return GO_ON;
    case OPT_TEXT:
        text = text_option(name, s, &e);
        if (!text) return report(c, &e);
        free(*(char **)at);
        *(char **)at = text;
        return GO_ON;
    default: *(const char **)at = s; return GO_ON;
    }
}
