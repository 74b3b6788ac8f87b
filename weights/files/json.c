/* json.c: JSON as a flat array of nodes, built from the events of json_read.c.
 *
 * Strings and numbers are copied into one block as large as the text: with its quotes gone and its NUL added, none is
 * longer than it was, so the block is never outgrown and pointers into it stay good. */
#include "json.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Json *j;
    int32_t capacity;
    size_t used;                                        /* of j->strings */
    int32_t open[JSON_MAX_DEPTH], last[JSON_MAX_DEPTH]; /* per level: the container, its last child or -1 */
    int depth;
} Builder;

static const char *keep(Builder *b, const char *raw, size_t size) {
    char *s = b->j->strings + b->used;
    size_t n = json_unescape(s, raw, size);
    s[n] = 0;
    b->used += n + 1;
    return s;
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* The keys of the object that was just closed must differ. */
static bool check_keys(const Json *j, const JsonNode *object, const char *what, Error *e) {
    if (object->count < 2) return true;
    const char **keys = malloc((size_t)object->count * sizeof *keys);
    if (!keys) return error_set(e, ERR_MEMORY, "%s: no memory to read it as JSON; free some and try again", what);
    int32_t n = 0;
    for (int32_t i = object->child; i >= 0; i = j->nodes[i].next) keys[n++] = j->nodes[i].key;
    qsort(keys, (size_t)n, sizeof *keys, by_text);
    bool ok = true;
    for (int32_t i = 1; i < n && ok; i++)
        if (!strcmp(keys[i - 1], keys[i]))
            ok = error_set(e, ERR_FORMAT, "%s: the key \"%.100s\" occurs twice in one object; keep one", what, keys[i]);
    free(keys);
    return ok;
}

static bool add_node(Builder *b, const JsonEvent *v, const char *what, Error *e) {
    Json *j = b->j;
    if (j->count == b->capacity) {
        if (b->capacity >= JSON_MAX_NODES)
            return error_set(e, ERR_FORMAT, "%s: more than %d JSON values; give a smaller file", what, JSON_MAX_NODES);
        int32_t capacity = b->capacity ? b->capacity * 2 : 64;
        JsonNode *more = realloc(j->nodes, (size_t)capacity * sizeof *more);
        if (!more) return error_set(e, ERR_MEMORY, "%s: no memory to read it as JSON; free some and try again", what);
        j->nodes = more;
        b->capacity = capacity;
    }
    int32_t i = j->count++;
    j->nodes[i] = (JsonNode){.type = v->type, .next = -1, .child = -1};
    if (v->key) j->nodes[i].key = keep(b, v->key, v->key_size);
    if (v->type == JSON_STRING || v->type == JSON_NUMBER) j->nodes[i].text = keep(b, v->text, v->text_size);
    if (b->depth) {
        JsonNode *parent = &j->nodes[b->open[b->depth - 1]];
        int32_t *last = &b->last[b->depth - 1];
        *(*last < 0 ? &parent->child : &j->nodes[*last].next) = i;
        *last = i;
        parent->count++;
    }
    if (v->type == JSON_ARRAY || v->type == JSON_OBJECT) {
        b->open[b->depth] = i;
        b->last[b->depth++] = -1;
    }
    return true;
}

static Json *parse(const char *what, const char *text, size_t size, bool python, Error *e) {
    JsonReader r;
    json_reader_init(&r, what, "correct it there", text, size);
    r.python = python;
    if (python && size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) r.at = 3;
    Json *j = calloc(1, sizeof *j);
    if (j && size < SIZE_MAX) j->strings = malloc(size + 1);
    if (!j || !j->strings) {
        error_set(e, ERR_MEMORY, "%s: no memory to read it as JSON; free some and try again", what);
        return json_free(j), NULL;
    }
    Builder b = {.j = j};
    for (;;) {
        JsonEvent v;
        JsonStep step = json_step(&r, &v, e);
        if (step == JSON_END) return j;
        bool ok = step != JSON_FAILED;
        if (step == JSON_VALUE) ok = add_node(&b, &v, what, e);
        if (step == JSON_CLOSE) {
            const JsonNode *closed = &j->nodes[b.open[--b.depth]];
            ok = closed->type == JSON_ARRAY || python || check_keys(j, closed, what, e);
        }
        if (!ok) return json_free(j), NULL;
    }
}

Json *json_parse(const char *what, const char *text, size_t size, Error *e) {
    return parse(what, text, size, false, e);
}

Json *json_parse_python(const char *what, const char *text, size_t size, Error *e) {
    return parse(what, text, size, true, e);
}

void json_free(Json *j) {
    if (!j) return;
    free(j->nodes);
    free(j->strings);
    free(j);
}

const JsonNode *json_get(const Json *j, const JsonNode *at, const char *key) {
    if (!at || at->type != JSON_OBJECT) return NULL;
    const JsonNode *found = NULL;
    for (int32_t i = at->child; i >= 0; i = j->nodes[i].next)
        if (!strcmp(j->nodes[i].key, key)) found = &j->nodes[i];
    return found;
}

bool json_int(const JsonNode *n, int64_t *out) {
    if (!n || n->type != JSON_NUMBER) return false;
    const char *s = n->text;
    bool negative = *s == '-';
    uint64_t v = 0;
    if (strpbrk(s, ".eE")) { /* 2.0 and 1e3 count while a double holds them exactly */
        double d;
        if (!json_double(n, &d) || fabs(d) > 0x1p53 || d != floor(d)) return false;
        v = (uint64_t)fabs(d);
    } else
        for (s += negative; *s; s++) {
            uint64_t digit = (uint64_t)(*s - '0'); /* NaN's letters are none */
            if (digit > 9 || v > (UINT64_MAX - digit) / 10) return false;
            v = v * 10 + digit;
        }
    if (v > (uint64_t)INT64_MAX + negative) return false;
    *out = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

bool json_double(const JsonNode *n, double *out) {
    if (!n || n->type != JSON_NUMBER) return false;
    char *end;
    double d = strtod(n->text, &end);
    if (*end) { /* strtod wants the locale's decimal point */
        char buf[1100];
        const char *dot = strchr(n->text, '.'), *point = localeconv()->decimal_point;
        if (!dot) return false;
        int size = snprintf(buf, sizeof buf, "%.*s%s%s", (int)(dot - n->text), n->text, point, dot + 1);
        if (size < 0 || (size_t)size >= sizeof buf) return false; /* nothing here needs a thousand digits */
        d = strtod(buf, &end);
        if (*end) return false;
    }
    if (!isfinite(d)) return false;
    *out = d;
    return true;
}

/* One byte of a string: itself, or its escape. Returns how many bytes of out it takes. */
static size_t escape(unsigned char c, char out[6]) {
    static const char NAMED[] = "\"\\\b\f\n\r\t", LETTERS[] = "\"\\bfnrt", HEX[] = "0123456789abcdef";
    const char *named = c ? strchr(NAMED, c) : NULL;
    if (named) return out[0] = '\\', out[1] = LETTERS[named - NAMED], 2;
    if (c >= 0x20) return out[0] = (char)c, 1;
    memcpy(out, "\\u00", 4);
    out[4] = HEX[c >> 4];
    out[5] = HEX[c & 15];
    return 6;
}

size_t json_quote(char *out, size_t capacity, const char *s) {
    char one[6];
    size_t need = 2;
    for (const char *p = s; *p; p++) need += escape((unsigned char)*p, one);
    if (!out || capacity <= need) return need;
    *out++ = '"';
    for (; *s; s++) {
        size_t n = escape((unsigned char)*s, one);
        memcpy(out, one, n);
        out += n;
    }
    *out++ = '"';
    *out = 0;
    return need;
}
