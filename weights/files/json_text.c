#include "json_text.h"

#include "atomic_file.h"
#include "file_open.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(JsonText *t, size_t more) {
    if (!t->failed && t->capacity - t->size <= more) {
        size_t capacity = 2 * (t->capacity + more) + 256;
        char *p = realloc(t->p, capacity);
        if (p) t->p = p, t->capacity = capacity;
        else t->failed = true;
    }
    return !t->failed;
}

void json_text(JsonText *t, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    if (n >= 0 && reserve(t, (size_t)n)) {
        vsnprintf(t->p + t->size, (size_t)n + 1, format, again);
        t->size += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

bool json_text_write(const JsonText *t, const char *path, Error *e) {
    if (t->failed) return error_set(e, ERR_MEMORY, "%s: out of memory", file_shown(path));
    return atomic_write_file(path, t->size ? t->p : "", t->size, e);
}

void json_text_quoted(JsonText *t, const char *s) {
    size_t n = json_quote(NULL, 0, s);
    if (!reserve(t, n)) return;
    json_quote(t->p + t->size, n + 1, s);
    t->size += n;
}

void json_text_number(JsonText *t, double v) {
    char out[40];
    int precision = 1;
    do snprintf(out, sizeof out, "%.*g", precision, v);
    while (strtod(out, NULL) != v && ++precision < 18);
    for (char *p = out; *p; p++) /* the decimal point is the locale's, whatever it is */
        if (!strchr("0123456789+-e", *p)) *p = '.';
    json_text(t, "%s%s", out, strpbrk(out, ".e") ? "" : ".0");
}

/* As deep as the reader allows: JSON_MAX_DEPTH. */
void json_text_node(JsonText *t, const Json *j, const JsonNode *n) {
    static const char *const WORDS[] = {"null", "false", "true"};
    bool object = n->type == JSON_OBJECT;
    if (n->type <= JSON_TRUE) json_text(t, "%s", WORDS[n->type]);
    else if (n->type == JSON_NUMBER) json_text(t, "%s", n->text);
    else if (n->type == JSON_STRING) json_text_quoted(t, n->text);
    else {
        json_text(t, object ? "{" : "[");
        for (int32_t i = n->child; i >= 0; i = j->nodes[i].next) {
            if (i != n->child) json_text(t, ", ");
            if (object) json_text_quoted(t, j->nodes[i].key), json_text(t, ": ");
            json_text_node(t, j, &j->nodes[i]);
        }
        json_text(t, object ? "}" : "]");
    }
}
