/* atomic_file.h: a file that appears under its name whole, or not at all.
 *
 * The bytes go to a temporary file in the same directory; atomic_end flushes it to the disk, renames it over the name
 * and flushes the directory. Whatever happens before that (a full disk, a signal, a power cut), an old file of that
 * name is as it was. A name that exists and is not a regular file is refused. A symbolic link to a regular file keeps
 * being a link: the file it leads to is replaced. The replaced file's permission bits are kept, and its owner where the
 * system allows; other hard links to it keep the old contents. */
#ifndef SD_WEIGHTS_ATOMIC_FILE_H
#define SD_WEIGHTS_ATOMIC_FILE_H

#include "tensor/error.h"

#include <stddef.h>

typedef struct AtomicFile AtomicFile;

/* Whether `path` looks writable, found without creating anything: for telling before the work begins, not after. */
bool atomic_check(const char *path, Error *e);
AtomicFile *atomic_begin(const char *path, Error *e); /* NULL on error */
bool atomic_write(AtomicFile *f, const void *bytes, size_t size, Error *e);
/* Completes the file; frees f. False, with the temporary file gone and an old file intact, on any I/O error, also one
 * that an earlier atomic_write reported. */
bool atomic_end(AtomicFile *f, Error *e);
void atomic_abort(AtomicFile *f); /* removes the temporary file, frees f; NULL is fine */

#endif
