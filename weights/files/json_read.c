/* json_read.c: the JSON grammar, one event at a time.
 *
 * The state is a position, a depth, and one bit per level that tells objects from arrays: nothing here allocates or
 * calls itself, so no text can exhaust memory or the stack. */
#include "json.h"

#include "utf8.h"

#include <string.h>

enum { EXPECT_VALUE, EXPECT_FIRST, EXPECT_AFTER }; /* FIRST: after an opening bracket; AFTER: after a value */

void json_reader_init(JsonReader *r, const char *what, const char *todo, const char *text, size_t size) {
    *r = (JsonReader){.what = what, .todo = todo, .text = text, .size = size, .expect = EXPECT_VALUE};
}

static bool fault(const JsonReader *r, size_t at, const char *why, Error *e) {
    return error_set(e, ERR_FORMAT, "%s: not valid JSON at byte %zu: %s; %s", r->what, at, why, r->todo);
}

static void skip_space(JsonReader *r) {
    while (r->at < r->size) {
        char c = r->text[r->at];
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
        r->at++;
    }
}

static bool is_digit(int c) { return c >= '0' && c <= '9'; }

/* The value of four hexadecimal digits, or -1. */
static int32_t hex4(const char *s, size_t left) {
    if (left < 4) return -1;
    int32_t v = 0;
    for (int i = 0; i < 4; i++) {
        int c = s[i], d = is_digit(c)            ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (d < 0) return -1;
        v = v << 4 | d;
    }
    return v;
}

/* The second half of the surrogate pair that `high` begins, an escape at s; -1: there is none. */
static int32_t low_half(int32_t high, const char *s, size_t left) {
    if (high < 0xd800 || high > 0xdbff || left < 6 || s[0] != '\\' || s[1] != 'u') return -1;
    int32_t low = hex4(s + 2, left - 2);
    return low >= 0xdc00 && low <= 0xdfff ? low : -1;
}

/* Reads the escape at r->at (a backslash) and moves past it: NULL, or what is wrong. */
static const char *read_escape(JsonReader *r) {
    const char *s = r->text + r->at;
    size_t left = r->size - r->at;
    if (left < 2) return "the text ends inside a string";
    if (s[1] != 'u') {
        if (!s[1] || !strchr("\"\\/bfnrt", s[1])) return "an unknown escape";
        r->at += 2;
        return NULL;
    }
    int32_t v = hex4(s + 2, left - 2);
    if (v < 0) return "\\u without four hexadecimal digits";
    if (v == 0 && !r->python) return "\\u0000, which no string here may contain";
    bool pair = low_half(v, s + 6, left - 6) >= 0;
    if (v >= 0xd800 && v <= 0xdfff && !pair && !r->python) return "an unpaired surrogate";
    r->at += pair ? 12 : 6;
    return NULL;
}

/* Reads the string whose opening quote is at r->at. */
static bool read_string(JsonReader *r, const char **raw, size_t *raw_size, Error *e) {
    size_t begin = ++r->at;
    for (;;) {
        if (r->at >= r->size) return fault(r, r->at, "the text ends inside a string", e);
        unsigned char c = (unsigned char)r->text[r->at];
        if (c == '"') break;
        if (c == '\\') {
            const char *why = read_escape(r);
            if (why) return fault(r, r->at, why, e);
        } else if (c < 0x20) {
            return fault(r, r->at, "a control character in a string", e);
        } else {
            uint32_t point;
            bool ok;
            size_t n = utf8_decode((const uint8_t *)r->text + r->at, r->size - r->at, &point, &ok);
            if (!ok) return fault(r, r->at, "a string that is not UTF-8", e);
            r->at += n;
        }
    }
    *raw = r->text + begin;
    *raw_size = r->at++ - begin;
    return true;
}

static bool read_number(JsonReader *r, Error *e) {
    const char *s = r->text;
    size_t i = r->at, n = r->size;
    if (s[i] == '-') i++;
    if (i >= n || !is_digit(s[i])) return fault(r, i, "a sign without a number", e);
    if (s[i] == '0' && i + 1 < n && is_digit(s[i + 1])) return fault(r, i, "a number with a leading zero", e);
    while (i < n && is_digit(s[i])) i++;
    if (i < n && s[i] == '.') {
        if (++i >= n || !is_digit(s[i])) return fault(r, i, "a decimal point without digits", e);
        while (i < n && is_digit(s[i])) i++;
    }
    if (i < n && (s[i] == 'e' || s[i] == 'E')) {
        if (++i < n && (s[i] == '+' || s[i] == '-')) i++;
        if (i >= n || !is_digit(s[i])) return fault(r, i, "an exponent without digits", e);
        while (i < n && is_digit(s[i])) i++;
    }
    r->at = i;
    return true;
}

static bool read_word(JsonReader *r, JsonEvent *v) {
    static const struct {
        const char *word;
        size_t size;
        JsonType type;
    } WORDS[] = {{"null", 4, JSON_NULL},  {"true", 4, JSON_TRUE},       {"false", 5, JSON_FALSE},
                 {"NaN", 3, JSON_NUMBER}, {"Infinity", 8, JSON_NUMBER}, {"-Infinity", 9, JSON_NUMBER}};
    for (int i = 0; i < (r->python ? 6 : 3); i++)
        if (r->size - r->at >= WORDS[i].size && !memcmp(r->text + r->at, WORDS[i].word, WORDS[i].size)) {
            v->type = WORDS[i].type;
            v->text = r->text + r->at;
            v->text_size = WORDS[i].size;
            r->at += WORDS[i].size;
            return true;
        }
    return false;
}

static bool read_value(JsonReader *r, JsonEvent *v, Error *e) {
    if (r->at >= r->size) return fault(r, r->at, "the text ends where a value is expected", e);
    char c = r->text[r->at];
    r->expect = EXPECT_AFTER;
    if (c == '{' || c == '[') {
        if (r->depth == JSON_MAX_DEPTH) return fault(r, r->at, "nested deeper than 64 levels", e);
        uint64_t bit = (uint64_t)1 << r->depth++;
        r->objects = c == '{' ? r->objects | bit : r->objects & ~bit;
        v->type = c == '{' ? JSON_OBJECT : JSON_ARRAY;
        r->at++;
        r->expect = EXPECT_FIRST;
        return true;
    }
    if (c == '"') {
        v->type = JSON_STRING;
        return read_string(r, &v->text, &v->text_size, e);
    }
    if ((c == '-' && !(r->python && r->size - r->at > 1 && r->text[r->at + 1] == 'I')) || is_digit(c)) {
        size_t begin = r->at;
        if (!read_number(r, e)) return false;
        v->type = JSON_NUMBER;
        v->text = r->text + begin;
        v->text_size = r->at - begin;
        return true;
    }
    return read_word(r, v) || fault(r, r->at, "not a value", e);
}

JsonStep json_step(JsonReader *r, JsonEvent *v, Error *e) {
    *v = (JsonEvent){.type = JSON_NULL};
    skip_space(r);
    bool object = r->depth && (r->objects >> (r->depth - 1) & 1);
    if (r->expect != EXPECT_VALUE) {
        if (!r->depth) {
            if (r->at == r->size) return JSON_END;
            return fault(r, r->at, "more text after the value", e), JSON_FAILED;
        }
        if (r->at >= r->size) return fault(r, r->at, "the text ends before every bracket is closed", e), JSON_FAILED;
        if (r->text[r->at] == (object ? '}' : ']')) {
            r->at++;
            r->depth--;
            r->expect = EXPECT_AFTER;
            return JSON_CLOSE;
        }
        if (r->expect == EXPECT_AFTER) {
            if (r->text[r->at] != ',')
                return fault(r, r->at, "neither a comma nor the closing bracket", e), JSON_FAILED;
            r->at++;
            skip_space(r);
        }
    }
    if (object) {
        if (r->at >= r->size || r->text[r->at] != '"') return fault(r, r->at, "a key is missing", e), JSON_FAILED;
        if (!read_string(r, &v->key, &v->key_size, e)) return JSON_FAILED;
        skip_space(r);
        if (r->at >= r->size || r->text[r->at] != ':') return fault(r, r->at, "a key without a colon", e), JSON_FAILED;
        r->at++;
        skip_space(r);
    }
    return read_value(r, v, e) ? JSON_VALUE : JSON_FAILED;
}

size_t json_unescape(char *out, const char *raw, size_t size) {
    size_t n = 0;
    for (size_t i = 0; i < size;) {
        const char *slash = memchr(raw + i, '\\', size - i);
        size_t plain = slash ? (size_t)(slash - raw) - i : size - i;
        memcpy(out + n, raw + i, plain);
        n += plain;
        i += plain;
        if (!slash) break;
        char c = raw[i + 1];
        i += 2;
        if (c != 'u') {
            static const char FROM[] = "bfnrt", TO[] = "\b\f\n\r\t";
            const char *p = strchr(FROM, c);
            out[n++] = p ? TO[p - FROM] : c;
            continue;
        }
        uint32_t v = (uint32_t)hex4(raw + i, 4);
        i += 4;
        int32_t low = low_half((int32_t)v, raw + i, size - i);
        if (low >= 0) {
            v = 0x10000 + ((v - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
            i += 6;
        }
        if (!v || (v >= 0xd800 && v <= 0xdfff)) v = 0xfffd;
        n += utf8_encode(v, (uint8_t *)out + n);
    }
    return n;
}
