#include "values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool no_memory(Error *e) { return error_set(e, ERR_MEMORY, "out of memory for a list of values"); }

/* Adds text[0..n); n 0 is a value, too. */
static bool add(ValueList *l, const char *text, size_t n, Error *e) {
    if (l->count == VALUES_MOST)
        return error_set(e, ERR_ARGUMENT, "has more than %d values; leave some out", VALUES_MOST);
    char **at = l->count & (l->count - 1) ? l->at : realloc(l->at, (l->count ? 2 * (size_t)l->count : 1) * sizeof *at);
    if (at) l->at = at;
    char *copy = at ? malloc(n + 1) : NULL;
    if (!copy) return no_memory(e);
    memcpy(copy, text, n);
    copy[n] = 0;
    l->at[l->count++] = copy;
    return true;
}

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static bool add_stripped(ValueList *l, const char *text, size_t n, Error *e) {
    while (n && is_space(text[n - 1])) n--;
    while (n && is_space(*text)) text++, n--;
    return add(l, text, n, e);
}

/* The value at *p, into work, which has room for it; *p moves to what ends it. */
static bool take(const char **p, char *work, size_t *n, Error *e) {
    const char *s = *p;
    *n = 0;
    while (is_space(*s) && *s != '\n' && *s != '\r') s++;
    if (*s == '"') {
        for (s++; *s && (*s != '"' || s[1] == '"'); s++) {
            if (*s == '"') s++;
            work[(*n)++] = *s;
        }
        if (!*s++) return error_set(e, ERR_ARGUMENT, "has a quote that is not closed");
    }
    while (*s && *s != ',' && *s != '\n' && *s != '\r') work[(*n)++] = *s++;
    *p = s;
    return true;
}

bool values_split(const char *text, ValueList *out, Error *e) {
    size_t n;
    *out = (ValueList){0};
    char *work = malloc(strlen(text) + 1);
    if (!work) return no_memory(e);
    bool ok = true;
    for (const char *p = text; ok;) {
        ok = take(&p, work, &n, e) && add_stripped(out, work, n, e);
        if (!ok || !*p) break;
        if (*p == '\r' && p[1] == '\n') p++;
        if (*p++ != ',' && !*p) break; /* a last line's end */
    }
    free(work);
    return ok;
}

void values_free(ValueList *l) {
    for (int i = 0; i < l->count; i++) free(l->at[i]);
    free(l->at);
    *l = (ValueList){0};
}

/* --- ranges --- */

typedef struct {
    double first, last, step; /* 0: `count` numbers, evenly */
    double count;
} Range;

static const char *spaces(const char *s) {
    while (*s == ' ') s++;
    return s;
}

/* A number of digits, with a fraction unless two dots follow. NULL: there is none. */
static const char *number(const char *s, bool whole, double *out) {
    const char *begin = s = spaces(s);
    if (*s == '-' || *s == '+') s++;
    const char *digits = s;
    while (*s >= '0' && *s <= '9') s++;
    if (s == digits || s - digits > 18) return NULL;
    if (!whole && *s == '.' && s[1] != '.')
        for (s++; *s >= '0' && *s <= '9';) s++;
    *out = strtod(begin, NULL);
    return s;
}

/* What follows the two ends; the whole of it must. */
static bool take_step(const char *s, bool dots, bool whole, Range *r) {
    s = spaces(s);
    if (!*s) return r->step = r->first <= r->last ? 1 : -1, true;
    if (dots) {
        if (*s != '/' || !(s = number(s + 1, whole, &r->step)) || *spaces(s)) return false;
        if (r->first > r->last && r->step > 0) r->step = -r->step;
        return r->step != 0;
    }
    bool counted = *s == '[';
    if (!counted && *s != '(') return false;
    s = number(s + 1, whole || counted, counted ? &r->count : &r->step);
    if (!s || *(s = spaces(s)) != (counted ? ']' : ')') || *spaces(s + 1)) return false;
    return counted ? r->count >= 1 : r->step != 0;
}

static bool take_range(const char *text, bool whole, Range *r) {
    *r = (Range){0};
    const char *s = number(text, whole, &r->first);
    if (!s) return false;
    s = spaces(s);
    bool dots = s[0] == '.' && s[1] == '.';
    if (!dots && *s != '-') return false;
    s = number(s + 1 + dots, whole, &r->last);
    return s && take_step(s, dots, whole, r);
}

static bool add_range(ValueList *l, const char *text, const Range *r, bool whole, Error *e) {
    double span = r->last - r->first, count = r->count;
    char text_of[32];
    if (r->step != 0) count = span / r->step < 0 ? 0 : floor(span / r->step + 1e-9) + 1;
    if (count < 1) return error_set(e, ERR_ARGUMENT, "'%.60s' has no values: its step leads away from its end", text);
    if (count > VALUES_MOST)
        return error_set(e, ERR_ARGUMENT, "'%.60s' has more than %d values; leave some out", text, VALUES_MOST);
    for (int i = 0; i < (int)count; i++) {
        double v = r->step != 0 ? r->first + i * r->step : r->first + (count > 1 ? span * i / (count - 1) : 0);
        snprintf(text_of, sizeof text_of, whole ? "%.0f" : "%.12g", whole ? trunc(v) : v); /* 0.1 + 2 * 0.1 is 0.3 */
        if (!add(l, text_of, strlen(text_of), e)) return false;
    }
    return true;
}

bool values_ranges(ValueList *l, bool whole, Error *e) {
    ValueList out = {0};
    bool ok = true;
    for (int i = 0; ok && i < l->count; i++) {
        Range r;
        if (take_range(l->at[i], whole, &r)) ok = add_range(&out, l->at[i], &r, whole, e);
        else ok = add(&out, l->at[i], strlen(l->at[i]), e);
    }
    values_free(ok ? l : &out);
    if (ok) *l = out;
    return ok;
}
