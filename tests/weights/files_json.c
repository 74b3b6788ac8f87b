/* files_json.c: documents that are JSON, and many that are not. */
#include "files.h"
#include "tests/harness/test.h"
#include "weights/files/json.h"

#include <stdlib.h>
#include <string.h>

static const char *const VALID[] = {"0",
                                    "-0",
                                    "1",
                                    "-1",
                                    "10",
                                    "1.5",
                                    "-0.0",
                                    "1e1",
                                    "1E+1",
                                    "1e-1",
                                    "0e0",
                                    "0.1e9",
                                    "123456789012345678901234567890",
                                    "1e400",
                                    "-1e-400",
                                    "true",
                                    "false",
                                    "null",
                                    "\"\"",
                                    "\"a\"",
                                    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                    "\"\\u0041\"",
                                    "\"\\uD83D\\uDE00\"",
                                    "\"\\uFFFF\"",
                                    "\"\xf0\x9f\x98\x80\"",
                                    "\"\xed\x9f\xbf\"",
                                    "\"\xee\x80\x80\"",
                                    "\"\xf4\x8f\xbf\xbf\"",
                                    "\"\x7f\"",
                                    "[]",
                                    "[ ]",
                                    "[1]",
                                    "[1,2]",
                                    " [ 1 , 2 ] ",
                                    "[[],[[]]]",
                                    "{}",
                                    "{ }",
                                    "{\"a\":1}",
                                    "{\"a\":{\"a\":1}}",
                                    "{\"a\":[{}],\"b\":null}",
                                    "\t\n\r []\t\n\r ",
                                    "[true,false,null]",
                                    "{\"\":0}",
                                    "{\"a\":1,\"A\":1}",
                                    "[1,1,1]",
                                    "\"\\u2028\"",
                                    "[\"\",\"\"]"};

static const char *const INVALID[] = {"",
                                      " ",
                                      "[",
                                      "]",
                                      "{",
                                      "}",
                                      "[1",
                                      "[1,",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "[1,,2]",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{,}",
                                      "{a:1}",
                                      "{1:1}",
                                      "{\"a\" 1}",
                                      "{\"a\":1 \"b\":2}",
                                      "{\"a\"::1}",
                                      "{\"a\":1]",
                                      "[1}",
                                      "'a'",
                                      "tru",
                                      "True",
                                      "nul",
                                      "truefalse",
                                      "NaN",
                                      "Infinity",
                                      "-Infinity",
                                      "-",
                                      "+1",
                                      "01",
                                      "-01",
                                      "00",
                                      "1.",
                                      ".5",
                                      "-.5",
                                      "1e",
                                      "1e+",
                                      "1.e1",
                                      "0x10",
                                      "1_000",
                                      "1,000",
                                      "\"",
                                      "\"a",
                                      "\"\\\"",
                                      "\"\\x41\"",
                                      "\"\\a\"",
                                      "\"\\u\"",
                                      "\"\\u12\"",
                                      "\"\\u123g\"",
                                      "\"\\uD800\"",
                                      "\"\\uDC00\"",
                                      "\"\\uD800\\u0041\"",
                                      "\"\\uD800x\"",
                                      "\"\\uDC00\\uD800\"",
                                      "\"\\u0000\"",
                                      "\"\n\"",
                                      "\"\t\"",
                                      "\"\x01\"",
                                      "\"\x80\"",
                                      "\"\xc3\"",
                                      "\"\xc3(\"",
                                      "\"\xc0\x80\"",
                                      "\"\xe0\x80\x80\"",
                                      "\"\xed\xa0\x80\"",
                                      "\"\xf0\x80\x80\x80\"",
                                      "\"\xf4\x90\x80\x80\"",
                                      "\"\xf5\x80\x80\x80\"",
                                      "\"\xfe\"",
                                      "\xef\xbb\xbf[]",
                                      "[] x",
                                      "[][]",
                                      "1 2",
                                      "// a\n1",
                                      "/**/1",
                                      "{\"a\":1,\"a\":2}",
                                      "{\"a\":1,\"b\":2,\"a\":3}",
                                      "{\"a\":1,\"\\u0061\":2}",
                                      "[{\"x\":{\"k\":1,\"k\":1}}]",
                                      "\"\\\n\"",
                                      "[\"a\"\"b\"]",
                                      "\f[]",
                                      "\v1"};

static Json *parse(const char *text, Error *e) { return *e = (Error){0}, json_parse("TEXT", text, strlen(text), e); }

static void numbers(void) {
    static const struct {
        const char *text;
        bool is_int, is_double;
        int64_t i;
        double d;
    } CASES[] = {{"0", true, true, 0, 0},
                 {"-0", true, true, 0, 0},
                 {"-7", true, true, -7, -7},
                 {"2.0", true, true, 2, 2},
                 {"1e3", true, true, 1000, 1000},
                 {"2.5", false, true, 0, 2.5},
                 {"9223372036854775807", true, true, INT64_MAX, 0x1p63},
                 {"-9223372036854775808", true, true, INT64_MIN, -0x1p63},
                 {"9223372036854775808", false, true, 0, 0x1p63},
                 {"18446744073709551615", false, true, 0, 0x1p64},
                 {"18446744073709551616", false, true, 0, 0x1p64},
                 {"1e400", false, false, 0, 0},
                 {"1e-400", true, true, 0, 0},
                 {"1e19", false, true, 0, 1e19},
                 {"\"1\"", false, false, 0, 0},
                 {"true", false, false, 0, 0}};
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        Error e;
        Json *j = parse(CASES[k].text, &e);
        int64_t i = 0;
        double d = 0;
        bool ok = j && json_int(j->nodes, &i) == CASES[k].is_int && i == CASES[k].i;
        bool fits = ok && json_double(j->nodes, &d);
        test_check(ok && fits == CASES[k].is_double && (!fits || d == CASES[k].d), "number %s", CASES[k].text);
        json_free(j);
    }
    int64_t i;
    test_check(!json_int(NULL, &i), "no node is no number");
}

static void depth(void) {
    for (int levels = JSON_MAX_DEPTH; levels <= JSON_MAX_DEPTH + 1; levels++) {
        char text[4 * JSON_MAX_DEPTH] = "";
        Error e = {0};
        memset(text, '[', (size_t)levels);
        memset(text + levels, ']', (size_t)levels);
        Json *j = json_parse("TEXT", text, (size_t)levels * 2, &e);
        test_check((j != NULL) == (levels == JSON_MAX_DEPTH), "nested %d deep", levels);
        json_free(j);
    }
    enum { MANY = 3000000 };
    char *text = malloc(MANY);
    if (!text) return;
    for (size_t i = 0; i < MANY; i++) text[i] = i ? (i & 1 ? '0' : ',') : '[';
    text[MANY - 1] = ']';
    text[MANY - 2] = '0';
    text[MANY - 3] = ' ';
    Error e = {0};
    Json *j = json_parse("TEXT", text, MANY, &e);
    test_check(!j && e.code == ERR_FORMAT, "more than a million values are refused");
    json_free(j);
    free(text);
}

/* What Python's json.loads makes of {"k": TEXT}, whether a whole number, a double or a string; strict JSON refuses it.
 */
static void python(void) {
    static const struct {
        const char *text, *string;
        bool is_int;
        int64_t i;
    } CASES[] = {{"{\"k\":NaN}", "NaN", false, 0},
                 {"{\"k\": Infinity }", "Infinity", false, 0},
                 {"{\"k\":-Infinity}", "-Infinity", false, 0},
                 {"{\"k\":1,\"k\":2}", "2", true, 2},
                 {"{\"k\":1,\"l\":0,\"\\u006b\":{},\"k\":3}", "3", true, 3},
                 {"\xef\xbb\xbf{\"k\":4}", "4", true, 4},
                 {"{\"k\":\"a\\ud800b\"}",
                  "a\xef\xbf\xbd"
                  "b",
                  false, 0},
                 {"{\"k\":\"\\udc80\"}", "\xef\xbf\xbd", false, 0},
                 {"{\"k\":\"\\ud83d\\ud83d\\ude00\"}", "\xef\xbf\xbd\xf0\x9f\x98\x80", false, 0},
                 {"{\"k\":\"\\u0000\"}", "\xef\xbf\xbd", false, 0}};
    static const char *const NEITHER[] = {"{\"k\":nan}", "{\"k\":+Infinity}",     "{\"k\":-NaN}", "{\"k\":Infinit}",
                                          "{\"k\":-}",   "{\"k\":1}\xef\xbb\xbf", "{'k':1}",      "{\"k\":True}",
                                          "{\"k\":1,}",  "{\"k\":\"\\ud83d\\u\"}"};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const char *text = CASES[i].text;
        Error e = {0}, strict;
        int64_t whole = 0;
        double d;
        Json *j = json_parse_python("TEXT", text, strlen(text), &e), *no = parse(text, &strict);
        const JsonNode *k = j ? json_get(j, j->nodes, "k") : NULL;
        test_check(k && k->text && !strcmp(k->text, CASES[i].string) && json_int(k, &whole) == CASES[i].is_int &&
                       whole == CASES[i].i && json_double(k, &d) == CASES[i].is_int && !no,
                   "as Python reads it: %s", text);
        test_note("%s", e.text);
        json_free(j);
        json_free(no);
    }
    for (size_t i = 0; i < sizeof NEITHER / sizeof *NEITHER; i++) {
        Error e = {0};
        Json *j = json_parse_python("TEXT", NEITHER[i], strlen(NEITHER[i]), &e);
        test_check(!j && e.code == ERR_FORMAT, "Python refuses too: %s", NEITHER[i]);
        json_free(j);
    }
}

void files_json(void) {
    Error e;
    for (size_t i = 0; i < sizeof VALID / sizeof *VALID; i++) {
        Json *j = parse(VALID[i], &e);
        if (!test_check(j && !e.code, "valid JSON %zu: %s", i, VALID[i])) test_note("%s", e.text);
        json_free(j);
    }
    for (size_t i = 0; i < sizeof INVALID / sizeof *INVALID; i++) {
        size_t n = strlen(INVALID[i]);
        char *tight = malloc(n + 1); /* of the exact size, so that a sanitizer sees reads past the end */
        Json *j = json_parse("TEXT", tight ? memcpy(tight, INVALID[i], n) : "", n, (e = (Error){0}, &e));
        test_check(!j && e.code == ERR_FORMAT && holds(e.text, "TEXT: |;"), "invalid JSON %zu: %s", i, INVALID[i]);
        json_free(j);
        free(tight);
    }
    Json *j = parse("{\"a\":[1,\"\\u00e9\\ud83d\\ude00\\n\"],\"b\":{\"c\":-2}}", &e);
    const JsonNode *a = j ? json_get(j, j->nodes, "a") : NULL, *b = j ? json_get(j, j->nodes, "b") : NULL;
    int64_t v = 0;
    test_check(a && a->count == 2 && b && json_int(json_get(j, b, "c"), &v) && v == -2, "a tree is walked");
    test_check(a && !strcmp(j->nodes[j->nodes[a->child].next].text, "\xc3\xa9\xf0\x9f\x98\x80\n"),
               "escapes are undone");
    test_check(j && !json_get(j, a, "c") && !json_get(j, NULL, "a") && !json_get(j, b, "a"), "what is absent is NULL");
    json_free(j);
    char buf[64];
    test_check(json_quote(buf, sizeof buf, "a\"\\\n\x01\xc3\xa9") == 17 &&
                   !strcmp(buf, "\"a\\\"\\\\\\n\\u0001\xc3\xa9\"") && json_quote(NULL, 0, "") == 2,
               "json_quote");
    test_check(json_quote(buf, sizeof buf, "\b\f\r\x7f") == 9 && !strcmp(buf, "\"\\b\\f\\r\x7f\""),
               "json_quote: as Python's json.dumps");
    test_check(json_quote(buf, 2, "") == 2 && json_quote(buf, 3, "") == 2 && !strcmp(buf, "\"\""),
               "json_quote with little room");
    numbers();
    python();
    depth();
}
