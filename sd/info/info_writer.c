/* info_writer.c: text that grows, and pairs as the webui quotes them (modules/infotext_utils.py, quote). */
#include "info_writer.h"

#include "weights/json.h"

#include <stdlib.h>
#include <string.h>

/* Room for n more bytes and a NUL. */
static bool reserve(InfoWriter *t, size_t n) {
    if (!t->failed && t->capacity - t->n <= n) {
        size_t capacity = (t->capacity + n + 256) * 2;
        char *p = capacity > t->capacity ? realloc(t->p, capacity) : NULL;
        if (p) t->p = p, t->capacity = capacity;
        else t->failed = true;
    }
    return !t->failed;
}

void info_add(InfoWriter *t, const char *s) {
    size_t n = strlen(s);
    if (!reserve(t, n)) return;
    memcpy(t->p + t->n, s, n);
    t->p[t->n += n] = 0;
}

static void add_json(InfoWriter *t, const char *s) {
    size_t n = json_quote(NULL, 0, s);
    if (!reserve(t, n)) return;
    json_quote(t->p + t->n, n + 1, s);
    t->n += n;
}

void info_pair(InfoWriter *t, const char *key, const char *value) {
    if (!value) return;
    if (t->started) info_add(t, ", ");
    t->started = true;
    info_add(t, key);
    if (!strcmp(key, value)) return;
    info_add(t, ": ");
    if (strpbrk(value, ",:\n") || (*value && strchr("\"[{", *value))) add_json(t, value);
    else info_add(t, value);
}
