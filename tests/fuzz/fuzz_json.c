/* fuzz_json.c: JSON. A tree that is written and read again is the same tree; the reader of events agrees with it. */
#include "fuzz.h"

#include "weights/files/json.h"

#include <stdlib.h>
#include <string.h>

static void put(char *out, size_t *n, const char *text) {
    size_t size = strlen(text);
    memcpy(out + *n, text, size + 1);
    *n += size;
}

/* Nodes lie in the order of the text, so that a walk in order needs only the depth. */
static size_t write_node(const Json *j, int32_t at, char *out, size_t n, size_t room) {
    static const char *const WORDS[] = {"null", "false", "true"};
    const JsonNode *node = &j->nodes[at];
    if (node->type <= JSON_TRUE) put(out, &n, WORDS[node->type]);
    else if (node->type == JSON_NUMBER) put(out, &n, node->text);
    else if (node->type == JSON_STRING) n += json_quote(out + n, room - n, node->text);
    else {
        bool object = node->type == JSON_OBJECT;
        put(out, &n, object ? "{" : "[");
        int32_t count = 0;
        for (int32_t c = node->child; c >= 0; c = j->nodes[c].next, count++) {
            if (count) put(out, &n, ",");
            if (object) n += json_quote(out + n, room - n, j->nodes[c].key), put(out, &n, ":");
            n = write_node(j, c, out, n, room);
        }
        fuzz_require(count == node->count);
        put(out, &n, object ? "}" : "]");
    }
    return n;
}

static bool same(const char *a, const char *b) { return a == b || (a && b && !strcmp(a, b)); }

static void compare(const Json *a, const Json *b) {
    fuzz_require(a->count == b->count);
    for (int32_t i = 0; i < a->count && i < b->count; i++) {
        const JsonNode *x = &a->nodes[i], *y = &b->nodes[i];
        fuzz_require(x->type == y->type && x->count == y->count && same(x->key, y->key) && same(x->text, y->text));
    }
}

static void numbers(const Json *j) {
    for (int32_t i = 0; i < j->count; i++) {
        int64_t whole = 0;
        double real = 0;
        if (json_int(&j->nodes[i], &whole)) fuzz_require(json_double(&j->nodes[i], &real) && real == (double)whole);
    }
}

static void events(const uint8_t *data, size_t size, const Json *j) {
    JsonReader r;
    JsonEvent v;
    JsonStep step;
    Error e = {0};
    int32_t values = 0;
    json_reader_init(&r, "it", "mend it", (const char *)data, size);
    while ((step = json_step(&r, &v, &e)) > JSON_END) values += step == JSON_VALUE;
    fuzz_verdict(step == JSON_END, &e);
    if (j) fuzz_require(step == JSON_END && values == j->count);
}

FUZZ(json) {
    Error e = {0};
    Json *j = json_parse("it", (const char *)data, size, &e);
    fuzz_verdict(j != NULL, &e);
    events(data, size, j);
    if (!j) return;
    size_t room = 6 * size + 16;
    char *text = malloc(room);
    if (!text) abort();
    size_t n = write_node(j, 0, text, 0, room);
    Json *again = json_parse("again", text, n, &e);
    fuzz_verdict(again != NULL, &e);
    fuzz_require(again);
    if (again) compare(j, again);
    numbers(j);
    json_free(again);
    json_free(j);
    free(text);
}
