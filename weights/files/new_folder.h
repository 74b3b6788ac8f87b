/* new_folder.h: a folder for what is written, in which nothing can be lost. */
#ifndef SD_WEIGHTS_FILES_NEW_FOLDER_H
#define SD_WEIGHTS_FILES_NEW_FOLDER_H

#include "tensor/error.h"

/* Whether there is nothing of this name, or an empty folder; else ERR_FILE. */
bool new_folder_check(const char *path, Error *e);
/* The same, and makes it. */
bool new_folder_make(const char *path, Error *e);

#endif
