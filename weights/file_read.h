/* file_read.h: a whole file in memory. For small ones: models are mapped (safetensors.h). */
#ifndef SD_WEIGHTS_FILE_READ_H
#define SD_WEIGHTS_FILE_READ_H

#include "tensor/error.h"

#include <stddef.h>
#include <stdio.h>

typedef struct {
    size_t most;        /* bytes; a larger file is refused */
    const char *advice; /* ends each message: "name a text file" */
    /* NULL, or whether such a file can begin with these bytes; false, with e set: the rest is not read. */
    bool (*begins)(const char *name, const void *first, size_t size, Error *e);
} FileWanted;

/* The bytes of a file, or of whatever can be opened (a pipe, a terminal), followed by a NUL; release with free(). NULL
 * on error: ERR_FILE, ERR_FORMAT (too large, or what `begins` says), ERR_MEMORY. size may be NULL. */
char *file_read(const char *path, const FileWanted *wanted, size_t *size, Error *e);
/* The same of the rest of a stream, which messages call `name`. */
char *stream_read(FILE *f, const char *name, const FileWanted *wanted, size_t *size, Error *e);

#endif
