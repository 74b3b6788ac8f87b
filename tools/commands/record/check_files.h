/* check_files.h: what `sdc check` runs a record with: its files, as options name them or where they are found. */
#ifndef SD_TOOLS_COMMANDS_CHECK_FILES_H
#define SD_TOOLS_COMMANDS_CHECK_FILES_H

#include "named_files.h"
#include "record.h"

/* All zero: none. */
typedef struct {
    PictureArguments a; /* of the run; its strings are the options', the record's and found's */
    RecordFound found;
    char folder[OS_PATH_SIZE]; /* of embeddings or networks that were found */
    char loras[OS_PATH_SIZE];
} CheckFiles;

/* Finds what the record reads, in the folder `files` (NULL: beside it) where options do not name it, and warns of files
 * that are named but other than the record's. ERR_FORMAT: one line with the name and hash of a file that is nowhere.
 * check_files_free in any case. */
bool check_files(const Record *r, const NamedFiles *named, const char *files, CheckFiles *out, Error *e);
void check_files_free(CheckFiles *f);

#endif
