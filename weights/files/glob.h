/* glob.h: patterns for names. */
#ifndef SD_WEIGHTS_FILES_GLOB_H
#define SD_WEIGHTS_FILES_GLOB_H

#include <stdbool.h>

/* Whether `name` matches a pattern of literal characters, * and ?. */
bool glob_match(const char *pattern, const char *name);
/* Whether a pattern matches some name that begins so. */
bool glob_begins(const char *pattern, const char *begin);

#endif
