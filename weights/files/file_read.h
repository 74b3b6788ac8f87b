/* file_read.h: a whole file in memory. For small ones: models are mapped (weight_file.h). */
#ifndef SD_WEIGHTS_FILES_FILE_READ_H
#define SD_WEIGHTS_FILES_FILE_READ_H

#include "tensor/error.h"

#include <stddef.h>
#include <stdint.h>

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

/* The same for bytes that may be many: a large regular file is mapped, so that it takes memory only where it is looked
 * at (os_map says what happens when it is cut meanwhile); without the NUL. path must outlive it. */
typedef struct {
    const uint8_t *bytes; /* NULL: failed */
    size_t size;
    bool mapped;
} FileBytes;

FileBytes file_bytes(const char *path, const FileWanted *wanted, Error *e);
void file_bytes_free(FileBytes *b); /* {0} is fine */

#endif
