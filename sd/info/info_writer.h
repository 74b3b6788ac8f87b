/* info_writer.h: a text of parameters while it is written. */
#ifndef SD_INFO_INFO_WRITER_H
#define SD_INFO_INFO_WRITER_H

#include <stdbool.h>
#include <stddef.h>

/* All zero is empty. Out of memory, `failed` is set and the text stays as it was. */
typedef struct {
    char *p; /* NULL: nothing yet; the caller frees it */
    size_t n, capacity;
    bool failed, started; /* a pair was written */
} InfoWriter;

void info_add(InfoWriter *t, const char *s);
/* Adds ", key: value", with a JSON string for a value with a comma, colon, newline or a quote or bracket in front;
 * nothing for NULL; a value equal to its key stands alone. */
void info_pair(InfoWriter *t, const char *key, const char *value);
/* Adds a JSON string with its quotes. */
void info_json(InfoWriter *t, const char *s);

/* Begins with a text of parameters up to the version that it ends with, so that pairs can follow; returns the rest,
 * which info_add ends with. */
const char *info_begin(InfoWriter *t, const char *text);

enum { INFO_NUMBER = 48 };
/* The shortest decimal that reads back as v, as Python's str() writes it but whole numbers without ".0", whatever the
 * locale: 7, 7.5, 0.0001, 1e-05, 1e+16, nan, -inf. */
void info_number(double v, char out[INFO_NUMBER]);

#endif
