/* json.h: a strict JSON reader (RFC 8259), the same for what Python's json module writes, and strings written as JSON.
 *
 * For headers of safetensors files, configurations of diffusers folders and requests. Duplicate keys, invalid UTF-8,
 * unpaired surrogates, control characters in strings, trailing bytes, numbers that are not JSON's, and nesting deeper
 * than JSON_MAX_DEPTH are errors. Not recursive; time is linear in the text, except for sorting keys. */
#ifndef SD_WEIGHTS_FILES_JSON_H
#define SD_WEIGHTS_FILES_JSON_H

#include "tensor/error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* JSON_MAX_NODES bounds a tree to 32 MB plus its text: "[0,0,0..." would otherwise take sixteen times its size. */
enum { JSON_MAX_DEPTH = 64, JSON_MAX_NODES = 1 << 20 };

typedef enum { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } JsonType;

typedef struct {
    JsonType type;
    int32_t next;     /* index of the next sibling, or -1 */
    int32_t child;    /* arrays and objects: index of the first child, or -1 */
    int32_t count;    /* arrays and objects: number of children */
    const char *key;  /* in an object: the key, UTF-8, NUL-terminated (a key or string holding U+0000 is an error) */
    const char *text; /* strings: the value; numbers: as written (Python's: also NaN, Infinity, -Infinity) */
} JsonNode;

typedef struct {
    JsonNode *nodes; /* nodes[0] is the root */
    int32_t count;
    char *strings; /* owns every key and text */
} Json;

/* Parses text[0..size). `what` names the source in messages. NULL on error. */
Json *json_parse(const char *what, const char *text, size_t size, Error *e);
/* The same for configurations, as Python reads them: NaN and the infinities are numbers (which json_int and json_double
 * refuse), of duplicate keys the last one counts, and an unpaired surrogate or U+0000 in a string becomes U+FFFD. A
 * UTF-8 mark in front is passed over. */
Json *json_parse_python(const char *what, const char *text, size_t size, Error *e);
void json_free(Json *j);
/* The last child of object `at` with this key, or NULL (also when `at` is NULL or no object). */
const JsonNode *json_get(const Json *j, const JsonNode *at, const char *key);
/* A whole number that fits; false otherwise (also when n is NULL or not a number). 2.0 and 1e3 are whole: a number with
 * a point or an exponent counts as the nearest double, up to 2^53. */
bool json_int(const JsonNode *n, int64_t *out);
/* Also false for what overflows a double. Independent of the locale. */
bool json_double(const JsonNode *n, double *out);

/* s as a JSON string with its quotes, escaped as Python's json.dumps(s, ensure_ascii=False) does: returns the bytes it
 * takes (without a NUL), and writes them and a NUL if out has room for all (NULL: only measure). Bytes that are not
 * UTF-8 are kept. */
size_t json_quote(char *out, size_t capacity, const char *s);
void json_print(FILE *to, const char *s); /* the same to a stream */

/* The reader beneath json_parse: one event at a time, without allocating, for texts too large to hold as nodes. It
 * checks all of the above except duplicate keys. */
typedef struct {
    const char *what; /* names the source in messages */
    const char *todo; /* ends the message: what to do about an error */
    const char *text;
    size_t size, at;
    int depth;        /* of open arrays and objects */
    uint64_t objects; /* bit d: the one at depth d + 1 is an object */
    int expect;
    bool python; /* json_parse_python's rules */
} JsonReader;

typedef enum {
    JSON_FAILED = -1,
    JSON_END,   /* the text was one whole value */
    JSON_VALUE, /* a scalar, or the opening of an array or object */
    JSON_CLOSE, /* the end of the innermost array or object */
} JsonStep;

typedef struct {
    JsonType type;
    const char *key; /* as written, without quotes, escapes kept; NULL outside objects */
    size_t key_size;
    const char *text; /* the same for a string's value; a number as written */
    size_t text_size;
} JsonEvent;

void json_reader_init(JsonReader *r, const char *what, const char *todo, const char *text, size_t size);
JsonStep json_step(JsonReader *r, JsonEvent *v, Error *e);
/* Undoes the escapes of a string that the reader accepted: writes at most `size` bytes and no NUL, returns how many.
 * Unpaired surrogates and U+0000 give U+FFFD. */
size_t json_unescape(char *out, const char *raw, size_t size);

#endif
