/* json.h: a strict JSON reader (RFC 8259) into a flat array of nodes.
 *
 * For headers of safetensors files, configurations of diffusers folders and requests. Duplicate keys, invalid UTF-8,
 * unpaired surrogates, control characters in strings, trailing bytes, numbers JSON does not know, and nesting deeper
 * than JSON_MAX_DEPTH are errors. Iterative; memory is at most a small multiple of the text. */
#ifndef SD_JSON_H
#define SD_JSON_H

#include "../tensor/error.h"

#include <stddef.h>
#include <stdint.h>

enum { JSON_MAX_DEPTH = 64 };

typedef enum { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } JsonType;

typedef struct {
    JsonType type;
    const char *key;  /* in an object: the key, UTF-8, NUL-terminated (a key or string holding U+0000 is an error) */
    const char *text; /* strings: the value; numbers: as written */
    int64_t next;     /* index of the next sibling, or -1 */
    int64_t child;    /* arrays and objects: index of the first child, or -1 */
    int64_t count;    /* arrays and objects: number of children */
} JsonNode;

typedef struct {
    JsonNode *nodes; /* nodes[0] is the root */
    int64_t count;
    char *strings; /* owns every key and text */
} Json;

/* Parses text[0..size). `what` names the source in messages. NULL on error. */
Json *json_parse(const char *what, const char *text, size_t size, Error *e);
void json_free(Json *j);
/* The child of object `at` with this key, or NULL (also when `at` is NULL or no object). */
const JsonNode *json_get(const Json *j, const JsonNode *at, const char *key);
/* Numbers that are whole and fit; false otherwise. */
bool json_int(const JsonNode *n, int64_t *out);
bool json_uint(const JsonNode *n, uint64_t *out);
bool json_double(const JsonNode *n, double *out);

/* Appends s as a JSON string, quotes included, to a growing buffer: returns the bytes it takes (excluding a NUL), and
 * writes them when out has room (out may be NULL to measure). */
size_t json_quote(char *out, size_t room, const char *s);

#endif
