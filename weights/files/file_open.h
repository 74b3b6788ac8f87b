/* file_open.h: the one way to open a file for reading. */
#ifndef SD_WEIGHTS_FILES_FILE_OPEN_H
#define SD_WEIGHTS_FILES_FILE_OPEN_H

#include "tensor/error.h"
#include "tensor/os.h"

/* Opens a regular file, without ever waiting: a named pipe, a device, a directory are refused before they are opened.
 * What the program was handed open (/dev/stdin, /dev/fd/N) is taken whatever it is; info->kind says, and if that is
 * not OS_REGULAR it can only be read from beginning to end (os_read_next). OS_NO_FILE on error: ERR_FILE (ERR_ARGUMENT:
 * no name), a line that ends with the advice ("name a text file") or with what helps against the system's reason. */
OsFile file_open(const char *path, const char *advice, OsInfo *info, Error *e);
/* What messages call a file: "standard input", "standard output", else its path. */
const char *file_shown(const char *path);

/* Whether a name stands for anything, be it a link that leads nowhere. "Cannot tell" is neither yes nor no. */
typedef enum { FILE_ABSENT, FILE_PRESENT, FILE_UNKNOWN /* e says why */ } FilePresence;
FilePresence file_presence(const char *path, Error *e);

/* Whether both exist and are the same file; NULL is none. */
bool file_same(const char *a, const char *b);

#endif
