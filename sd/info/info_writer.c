/* info_writer.c: text that grows, and pairs as the webui quotes them (modules/infotext_utils.py, quote). */
#include "info_writer.h"

#include "weights/files/json.h"

#include <math.h>
#include <stdio.h>
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

void info_json(InfoWriter *t, const char *s) {
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
    if (strpbrk(value, ",:\n") || (*value && strchr("\"[{", *value))) info_json(t, value);
    else info_add(t, value);
}

const char *info_begin(InfoWriter *t, const char *text) {
    const char *rest = text + strlen(text);
    for (const char *p = text; (p = strstr(p, ", Version: ")); p++) rest = p;
    size_t n = (size_t)(rest - text);
    if (reserve(t, n)) memcpy(t->p + t->n, text, n), t->p[t->n += n] = 0;
    t->started = true;
    return rest;
}

void info_number(double v, char out[INFO_NUMBER]) {
    char e[40], digits[24];
    int precision = 0, n = 0, k = 0;
    if (!isfinite(v)) {
        snprintf(out, INFO_NUMBER, "%s", v != v ? "nan" : v > 0 ? "inf" : "-inf");
        return;
    }
    do snprintf(e, sizeof e, "%.*e", precision, v);
    while (strtod(e, NULL) != v && ++precision < 17);
    const char *p = e;
    if (*p == '-') out[k++] = *p++;
    for (; *p != 'e'; p++) /* the decimal point is the locale's, whatever it is */
        if (*p >= '0' && *p <= '9') digits[n++] = *p;
    int exponent = atoi(p + 1);
    while (n > 1 && digits[n - 1] == '0') n--;
    bool scientific = exponent < -4 || exponent >= 16;
    int point = scientific ? 1 : exponent + 1; /* digits before the point */
    if (point <= 0) out[k++] = '0';
    for (int i = 0; i < point; i++) out[k++] = i < n ? digits[i] : '0';
    if (n > point) {
        out[k++] = '.';
        for (int i = point; i < 0; i++) out[k++] = '0';
        for (int i = point > 0 ? point : 0; i < n; i++) out[k++] = digits[i];
    }
    out[k] = 0;
    if (scientific) snprintf(out + k, INFO_NUMBER - (size_t)k, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}
