/* path.h: names of files made from parts. */
#ifndef SD_WEIGHTS_FILES_PATH_H
#define SD_WEIGHTS_FILES_PATH_H

#include "tensor/error.h"
#include "tensor/os.h"

/* Writes what the format makes. False, with a line in e: it is too long for a path; a name is never cut. */
bool path_make(char out[OS_PATH_SIZE], Error *e, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Whether a path is short enough for the system; else sets e. */
bool path_fits(const char *path, Error *e);

#endif
