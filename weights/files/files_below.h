/* files_below.h: the files in a folder of things that prompts name, and in the folders in it. */
#ifndef SD_WEIGHTS_FILES_FILES_BELOW_H
#define SD_WEIGHTS_FILES_FILES_BELOW_H

#include "tensor/error.h"

#include <stddef.h>

enum { FILES_MOST = 20000, FILES_DEPTH = 8 };

/* Calls `each` with every regular file that is not empty, its path and its name, until it returns false, having set e.
 * The same order everywhere, the webui's (modules/util.py, walk_files): a folder's files, then the folders in it, each
 * as people sort names: without case, numbers by value. Links are followed, FILES_DEPTH folders deep. ERR_FILE: what is
 * no folder, or more than FILES_MOST names in one; `what` says what it should be: "a folder of embeddings". */
bool files_below(const char *folder, const char *what,
                 bool (*each)(void *user, const char *path, const char *name, Error *e), void *user, Error *e);

/* How many bytes of a file's name come before its last ending; all where it has none. */
size_t file_stem(const char *name);

/* Room for one more item of a list of *capacity items of `size` bytes; false: out of memory. */
bool list_grow(void *items, size_t *capacity, size_t count, size_t size);
/* A copy of text[0..size), to be freed; NULL: out of memory. */
char *text_copy(const char *text, size_t size);

#endif
