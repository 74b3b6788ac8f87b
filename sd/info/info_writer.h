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

#endif
