#include "values.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool fault(Fault *f, int status, const char *param, const char *format, ...) {
    if (f->status) return false;
    va_list args;
    va_start(args, format);
    vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
    snprintf(f->param, sizeof f->param, "%s", param);
    f->status = status;
    return false;
}

static int lower(int c) { return c >= 'A' && c <= 'Z' ? c | 32 : c; }

bool value_same(const char *a, const char *b) {
    while (*a && lower((unsigned char)*a) == lower((unsigned char)*b)) a++, b++;
    return !*a && !*b;
}

static const char *type_name(const json_t *v) {
    return json_is_array(v) ? "a list" : json_is_object(v) ? "an object" : json_is_string(v) ? "a string" : "a number";
}

static bool wrong(Fault *f, const char *key, const json_t *v, const char *wanted) {
    if (json_is_string(v)) return fault(f, 422, key, "%.60s: '%.60s' is not %s", key, json_string_value(v), wanted);
    return fault(f, 422, key, "%.60s: is %s, not %s", key, type_name(v), wanted);
}

/* --- numbers --- */

/* strtod's numbers, but for hexadecimal, infinity and NaN. */
static bool number_of(const json_t *v, double *out) {
    char *end;
    if (json_is_number(v)) return *out = json_number_value(v), true;
    if (json_is_boolean(v)) return *out = json_is_true(v), true;
    const char *s = json_string_value(v);
    if (!s || !*s || s[strspn(s, " +-.0123456789eE")]) return false;
    *out = strtod(s, &end);
    return !*end && isfinite(*out);
}

/* Python's int(v): towards 0. Of strings, whole numbers only. */
static bool whole_of(const json_t *v, int64_t *out) {
    double number;
    if (json_is_integer(v)) return *out = json_integer_value(v), true;
    if (json_is_string(v)) {
        const char *s = json_string_value(v);
        size_t digits = *s == '-' || *s == '+';
        if (!s[digits] || s[digits + strspn(s + digits, "0123456789")]) {
            /* "20.0" is what some clients make of a number */
            if (!number_of(v, &number) || number != trunc(number) || fabs(number) > 0x1p53) return false;
            return *out = (int64_t)number, true;
        }
        errno = 0;
        long long read = strtoll(s, NULL, 10);
        return !errno && (*out = read, true);
    }
    if (!number_of(v, &number) || !(fabs(number) < 0x1p63)) return false;
    return *out = (int64_t)number, true;
}

bool value_whole(const char *key, const json_t *v, int64_t low, int64_t high, int64_t *out, Fault *f) {
    int64_t n;
    if (!v || json_is_null(v)) return true;
    if (!whole_of(v, &n)) return wrong(f, key, v, "a whole number");
    if (n < low || n > high)
        return fault(f, 422, key, "%.60s: %" PRId64 " is not in %" PRId64 "..%" PRId64, key, n, low, high);
    return *out = n, true;
}

bool value_bool(const char *key, const json_t *v, bool *out, Fault *f) {
    static const char *const YES[] = {"true", "on", "yes", "1", "t", "y"}, *const NO[] = {"false", "off", "no",
                                                                                          "0",     "f",   "n"};
    if (!v || json_is_null(v)) return true;
    if (json_is_boolean(v)) return *out = json_is_true(v), true;
    if (json_is_number(v) && (json_number_value(v) == 0 || json_number_value(v) == 1))
        return *out = json_number_value(v) == 1, true;
    for (int i = 0; json_is_string(v) && i < 6; i++) {
        if (value_same(json_string_value(v), YES[i])) return *out = true, true;
        if (value_same(json_string_value(v), NO[i])) return *out = false, true;
    }
    return wrong(f, key, v, "true or false");
}

bool value_string(const char *key, const json_t *v, const char **out, Fault *f) {
    if (!v || json_is_null(v)) return true;
    if (!json_is_string(v)) return wrong(f, key, v, "a string");
    return *out = json_string_value(v), true;
}

/* --- rows --- */

bool value_given(const Param *p) { return p->json && p->type != PARAM_FILE; }

const Param *value_param(const char *json) {
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (value_given(p) && !strcmp(p->json, json)) return p;
    return NULL;
}

static bool take_number(const Param *p, const char *key, const json_t *v, SdRequest *r, Fault *f) {
    double number = 0;
    int64_t whole = 0;
    bool is_double = p->type == PARAM_DOUBLE;
    if (is_double ? !number_of(v, &number) : !whole_of(v, &whole))
        return wrong(f, key, v, is_double ? "a number" : "a whole number");
    if (!is_double) number = (double)whole;
    /* 0 and -1 are ways to leave something alone */
    bool leaves = (p->standard < p->low && number <= 0) || (number == 0 && p->low == 1 && p->standard == 1);
    if (leaves && number < p->low) return true;
    if (!param_admits(p, number)) {
        char range[64];
        if (p->high >= PARAM_MOST) snprintf(range, sizeof range, "at least %.10g", p->low);
        else snprintf(range, sizeof range, "in %.10g..%.10g", p->low, param_high(p));
        return fault(f, 422, key, "%.60s: %.10g is not %s", key, number, range);
    }
    if (p->type == PARAM_INT64) *(int64_t *)((char *)r + p->at) = whole; /* exactly */
    else param_set_number(p, r, number);
    return true;
}

/* The index of a word in a list, in any case of letters; -1: none. */
static int word_of(const char *words, const char *word) {
    char spelling[80];
    for (int i = 0; words && *word; i++) {
        for (; *words && *words != '|'; words += *words == ',') {
            size_t n = strcspn(words, ",|");
            snprintf(spelling, sizeof spelling, "%.*s", (int)n, words);
            if (value_same(spelling, word)) return i;
            words += n;
        }
        if (!*words) return -1;
        words++;
    }
    return -1;
}

static bool take_enum(const Param *p, const char *key, const json_t *v, SdRequest *r, Fault *f) {
    int64_t i;
    if (json_is_boolean(v) && p->key_words) i = word_of(p->key_words, json_is_true(v) ? "True" : "False");
    else if (json_is_string(v)) {
        i = word_of(p->key_words, json_string_value(v));
        if (i < 0) i = word_of(p->value, json_string_value(v));
    } else if (!whole_of(v, &i)) i = -1;
    if (i < 0 || i > (int64_t)param_high(p)) {
        char wanted[160];
        snprintf(wanted, sizeof wanted, "one of %s", p->key_words ? p->key_words : p->value);
        return wrong(f, key, v, wanted);
    }
    param_set_number(p, r, (double)i);
    return true;
}

static bool take_name(const Param *p, const char *key, const json_t *v, SdRequest *r, Fault *f) {
    const char **text = (const char **)((char *)r + p->at), *name = NULL;
    const Scheduler *scheduler = NULL;
    if (!value_string(key, v, &name, f)) return false;
    if (p->type == PARAM_SAMPLER) {
        if (*name && !sampler_parse(name, &scheduler)) return fault(f, 404, key, "Sampler not found");
        if (*name) *text = name;
    } else if (p->type == PARAM_SCHEDULER) {
        scheduler = scheduler_find(name);
        if (scheduler && scheduler->fill) *text = scheduler->label;
    } else *text = name;
    return true;
}

bool value_take(const Param *p, const char *key, const json_t *v, SdRequest *r, Fault *f) {
    bool yes = false;
    if (!v || json_is_null(v)) return true;
    switch (p->type) {
    case PARAM_INT:
    case PARAM_INT64:
    case PARAM_DOUBLE: return take_number(p, key, v, r, f);
    case PARAM_BOOL:
        if (!value_bool(key, v, &yes, f)) return false;
        param_set_number(p, r, yes);
        return true;
    case PARAM_ENUM: return take_enum(p, key, v, r, f);
    case PARAM_FILE: return fault(f, 422, key, "%.60s: files are the server's", key);
    default: return take_name(p, key, v, r, f);
    }
}

json_t *value_json(const Param *p, const SdRequest *r) {
    const void *at = (const char *)r + p->at;
    const char *s = p->type >= PARAM_SAMPLER ? *(const char *const *)at : NULL;
    char word[80];
    SdRequest usual = *r;
    params_default(&usual);
    params_forget(&usual);
    if (p->of_model && p->type < PARAM_SAMPLER && param_number(p, r) == param_number(p, &usual)) return json_null();
    switch (p->type) {
    case PARAM_BOOL: return json_boolean(*(const bool *)at);
    case PARAM_INT64: return json_integer(*(const int64_t *)at);
    case PARAM_DOUBLE: return json_real(param_number(p, r));
    case PARAM_INT: return json_integer((json_int_t)param_number(p, r));
    case PARAM_ENUM:
        words_get(p->key_words ? p->key_words : p->value, (int)param_number(p, r), word, sizeof word);
        if (!strcmp(word, "True") || !strcmp(word, "False")) return json_boolean(!strcmp(word, "True"));
        return json_string(word);
    case PARAM_PROMPT: return json_string(s ? s : "");
    default: return s ? json_string(s) : json_null();
    }
}
