/* yaml.c: line by line, as JSON, which json.c then reads. */
#include "yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 16, LONGEST = 500 };

typedef struct {
    char *out; /* JSON */
    size_t at, capacity;
    bool full; /* out of memory */
    char path[DEPTH * 64];
    int indent[DEPTH];
    int number[DEPTH];  /* a map of a list: its number; -1: a key */
    size_t mark[DEPTH]; /* of path, before the level's key */
    int depth;
    bool open, list; /* the last key has no value yet; has one that is a list */
} Yaml;

static bool room(Yaml *y, size_t n) {
    if (y->at + n < y->capacity) return true;
    char *more = y->full ? NULL : realloc(y->out, y->capacity = 2 * (y->at + n) + 4096);
    if (more) y->out = more;
    else y->full = true;
    return !y->full;
}

static void put(Yaml *y, const char *text) {
    size_t n = strlen(text);
    if (!room(y, n)) return;
    memcpy(y->out + y->at, text, n + 1);
    y->at += n;
}

static void put_string(Yaml *y, const char *text) {
    if (room(y, json_quote(NULL, 0, text))) y->at += json_quote(y->out + y->at, y->capacity - y->at, text);
}

/* A number as JSON writes one. */
static bool is_number(const char *s) {
    const char *digits = "0123456789";
    s += *s == '-';
    size_t n = strspn(s, digits);
    if (!n || (*s == '0' && n > 1)) return false;
    s += n;
    if (*s == '.') {
        if (!(n = strspn(++s, digits))) return false;
        s += n;
    }
    if (*s == 'e' || *s == 'E') {
        s++;
        s += *s == '-' || *s == '+';
        if (!(n = strspn(s, digits))) return false;
        s += n;
    }
    return !*s;
}

/* One value without spaces around it; s is changed. */
static void put_scalar(Yaml *y, char *s) {
    static const char *const WORDS[][2] = {{"true", "true"},   {"True", "true"},   {"TRUE", "true"}, {"false", "false"},
                                           {"False", "false"}, {"FALSE", "false"}, {"null", "null"}, {"Null", "null"},
                                           {"NULL", "null"},   {"None", "null"},   {"~", "null"},    {"", "null"}};
    size_t n = strlen(s);
    bool quoted = n >= 2 && (*s == '"' || *s == '\'') && s[n - 1] == *s;
    if (quoted) s[n - 1] = 0;
    for (size_t i = 0; !quoted && i < sizeof WORDS / sizeof *WORDS; i++)
        if (!strcmp(s, WORDS[i][0])) {
            put(y, WORDS[i][1]);
            return;
        }
    if (!quoted && is_number(s)) put(y, s);
    else put_string(y, s + quoted);
}

static char *trim(char *s) {
    s += strspn(s, " ");
    size_t n = strlen(s);
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\r')) s[--n] = 0;
    return s;
}

/* Cuts a comment off: # at the beginning or after a space, outside quotes. */
static void cut_comment(char *s) {
    char quote = 0;
    for (char *p = s; *p; p++) {
        if (quote) quote = *p == quote ? 0 : quote;
        else if (*p == '"' || *p == '\'') quote = *p;
        else if (*p == '#' && (p == s || p[-1] == ' ')) {
            *p = 0;
            return;
        }
    }
}

static void close_value(Yaml *y) {
    if (y->list) put(y, "]");
    else if (y->open) put(y, "null");
    y->open = y->list = false;
}

/* "[a, b]" */
static bool put_list(Yaml *y, char *s) {
    size_t n = strlen(s);
    if (s[n - 1] != ']' || strpbrk(s + 1, "[{")) return false;
    s[n - 1] = 0;
    put(y, "[");
    bool first = true;
    for (char *item = trim(s + 1); *item; first = false) {
        char *comma = strchr(item, ',');
        if (comma) *comma = 0;
        if (!first) put(y, ",");
        put_scalar(y, trim(item));
        item = comma ? trim(comma + 1) : item + strlen(item);
    }
    put(y, "]");
    return true;
}

/* "key: value" at some indentation. NULL, or what is wrong. */
static const char *put_key(Yaml *y, char *line, int indent) {
    char *colon = strstr(line, ": ");
    if (!colon && *line && line[strlen(line) - 1] == ':') colon = line + strlen(line) - 1;
    if (!colon) return "neither \"key: value\" nor \"- item\"";
    *colon = 0;
    char *key = trim(line), *value = trim(colon + 1);
    size_t n = strlen(key);
    if (n >= 2 && (*key == '"' || *key == '\'') && key[n - 1] == *key) key[n - 1] = 0, key++;
    if (!*key) return "a value without a key";
    if (strlen(key) > 60) return "a key of more than 60 bytes";
    while (y->depth && y->indent[y->depth - 1] >= indent) y->path[y->mark[--y->depth]] = 0;
    if (y->depth == DEPTH) return "deeper than 16 levels";
    if (strchr("&*!|>%@`", *value) && *value) return "not plain YAML";
    close_value(y);
    y->indent[y->depth] = indent;
    y->number[y->depth] = -1;
    size_t at = y->mark[y->depth++] = strlen(y->path);
    snprintf(y->path + at, sizeof y->path - at, "%s%s", at ? "." : "", key);
    if (y->at && y->out[y->at - 1] != '{') put(y, ",");
    put_string(y, y->path);
    put(y, ":");
    if (*value == '[') return put_list(y, value) ? NULL : "a list that does not end on its line, or is not flat";
    if (!strcmp(value, "{}")) return put(y, "{}"), NULL;
    if (*value == '{') return "a map in braces";
    if (*value) put_scalar(y, value);
    else y->open = true;
    return NULL;
}

static bool is_key(const char *s) { return strstr(s, ": ") || (*s && s[strlen(s) - 1] == ':'); }

/* "- key: value" at some indentation, which begins a map of a list; column: of the key. */
static const char *put_map_item(Yaml *y, char *line, int indent, int column) {
    int number = 0;
    while (y->depth && y->indent[y->depth - 1] >= indent) {
        int before = y->number[--y->depth];
        if (y->indent[y->depth] == indent && before < 0) { /* the list's own key may be as far to the left */
            y->depth++;
            break;
        }
        y->path[y->mark[y->depth]] = 0;
        if (y->indent[y->depth] == indent) number = before + 1;
    }
    if (y->list) return "a list of words and maps";
    if (!number && !y->open) return "a list that no key begins";
    if (y->depth == DEPTH) return "deeper than 16 levels";
    y->indent[y->depth] = indent;
    y->number[y->depth] = number;
    size_t at = y->mark[y->depth++] = strlen(y->path);
    snprintf(y->path + at, sizeof y->path - at, ".%d", number);
    return put_key(y, line, column);
}

static const char *put_item(Yaml *y, char *value) {
    if (!y->open && !y->list) return "a list that no key begins";
    if (strchr("[{-&*", *value)) return "a list of more than words and numbers";
    put(y, y->list ? "," : "[");
    y->list = true;
    y->open = false;
    put_scalar(y, value);
    return NULL;
}

static const char *put_line(Yaml *y, char *line) {
    cut_comment(line);
    int indent = (int)strspn(line, " ");
    for (const char *p = line; *p; p++)
        if ((unsigned char)*p < 32 && *p != '\r') return "a tab or another control character";
    line = trim(line);
    if (!*line || (!y->depth && !strcmp(line, "---"))) return NULL;
    if (strlen(line) > LONGEST) return "longer than 500 bytes";
    if (!strncmp(line, "- ", 2)) {
        char *item = trim(line + 2);
        bool plain = strchr("[{-&*\"'", *item) || !is_key(item);
        return plain ? put_item(y, item) : put_map_item(y, item, indent, indent + (int)(item - line));
    }
    return put_key(y, line, indent);
}

Json *yaml_parse(const char *what, const char *text, Error *e) {
    size_t size = strlen(text);
    Yaml *y = calloc(1, sizeof *y);
    char *copy = malloc(size + 1);
    bool ok = (y && copy) || error_set(e, ERR_MEMORY, "%s: out of memory; free some and try again", what);
    Json *j = NULL;
    if (ok) memcpy(copy, text, size + 1), put(y, "{");
    int number = 1;
    for (char *line = ok ? copy : NULL; ok && line; number++) {
        char *next = strchr(line, '\n');
        if (next) *next++ = 0;
        const char *why = put_line(y, line);
        if (why)
            ok = error_set(e, ERR_FORMAT, "%s: line %d: %s; correct it, or move the file away if it is not the model's",
                           what, number, why);
        line = next;
    }
    if (ok) {
        close_value(y);
        put(y, "}");
        ok = !y->full || error_set(e, ERR_MEMORY, "%s: out of memory; free some and try again", what);
    }
    if (ok) j = json_parse_python(what, y->out, strlen(y->out), e);
    free(copy);
    if (y) free(y->out);
    free(y);
    return j;
}
