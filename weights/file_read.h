/* file_read.h: a whole file in memory. For small ones: models are mapped (weight_file.h). */
#ifndef SD_WEIGHTS_FILE_READ_H
#define SD_WEIGHTS_FILE_READ_H

#include "tensor/error.h"

#include <stddef.h>

typedef struct {
    size_t most;        /* bytes; a larger file is refused */
    const char *advice; /* ends each message: "name a text file" */
    /* NULL, or whether such a file can begin with these bytes; false, with e set: the rest is not read. */
    bool (*begins)(const char *name, const void *first, size_t size, Error *e);
} FileWanted;

/* The bytes of a file, or of what the program was handed open (/dev/stdin, /dev/fd/N: to its end), followed by a NUL;
 * release with free(). NULL on error: ERR_FILE (file_open.h says what is opened), ERR_FORMAT (too large, or what
 * `begins` says), ERR_MEMORY. size may be NULL. */
char *file_read(const char *path, const FileWanted *wanted, size_t *size, Error *e);

#endif
