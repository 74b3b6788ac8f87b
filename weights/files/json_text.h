/* json_text.h: JSON that is built up in memory, as Python's json.dumps(x, ensure_ascii=False) writes it. */
#ifndef SD_WEIGHTS_FILES_JSON_TEXT_H
#define SD_WEIGHTS_FILES_JSON_TEXT_H

#include "json.h"

typedef struct {
    char *p; /* NUL-terminated; NULL while nothing was added. The caller frees it */
    size_t size, capacity;
    bool failed; /* memory ran out */
} JsonText;

void json_text(JsonText *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void json_text_quoted(JsonText *t, const char *s);
/* The shortest decimal that reads back as v; whole numbers with ".0". */
void json_text_number(JsonText *t, double v);
/* Writes it as a whole file (atomic_file.h). False, too, where memory had run out. */
bool json_text_write(const JsonText *t, const char *path, Error *e);
/* A value that was read, and all that is in it. */
void json_text_node(JsonText *t, const Json *j, const JsonNode *n);

#endif
