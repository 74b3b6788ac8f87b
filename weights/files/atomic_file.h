/* atomic_file.h: a file that appears under its name complete, or not at all.
 *
 * The bytes go to a temporary file in the same directory (temporary.h); atomic_end flushes it to the disk, puts it in
 * place and flushes the directory. Whatever happens before that (a full disk, a signal, a power cut), an old file of
 * that name stays as it was. Only a regular file is ever replaced. A symbolic link to one stays a link, and its target
 * is replaced. The new file takes over the old one's permissions, and its owner if the system allows; other hard links
 * keep the old contents.
 *
 * A path that names what the program was handed open (/dev/stdout, /dev/fd/N) is no file: the bytes go there at once.
 * A terminal is refused. */
#ifndef SD_WEIGHTS_FILES_ATOMIC_FILE_H
#define SD_WEIGHTS_FILES_ATOMIC_FILE_H

#include "tensor/error.h"

#include <stddef.h>

typedef struct AtomicFile AtomicFile;

/* Whether `path` looks writable, without creating anything: so that errors come before the work, not after it. */
bool atomic_check(const char *path, Error *e);
AtomicFile *atomic_begin(const char *path, Error *e); /* NULL on error */
bool atomic_write(AtomicFile *f, const void *bytes, size_t size, Error *e);
/* Completes the file and frees f. On any I/O error, even one that an earlier atomic_write reported: false; the
 * temporary file is gone and an old file is intact. */
bool atomic_end(AtomicFile *f, Error *e);
void atomic_abort(AtomicFile *f); /* removes the temporary file, frees f; NULL is fine */

/* A whole file. */
bool atomic_write_file(const char *path, const void *bytes, size_t size, Error *e);
/* The same for one of many in a new folder: complete or not there when the process ends, but not flushed to the disk
 * one by one. */
bool atomic_write_one_of_many(const char *path, const void *bytes, size_t size, Error *e);

#endif
