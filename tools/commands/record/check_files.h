/* check_files.h: what `sdc check` runs a record with: its files, as options name them or where they are found. */
#ifndef SD_TOOLS_COMMANDS_CHECK_FILES_H
#define SD_TOOLS_COMMANDS_CHECK_FILES_H

#include "record.h"

/* What options say; NULL and none: nothing. */
typedef struct {
    const char *model, *refiner, *hires_model, *image, *background, *mask, *noise, *upscaler, *lora_dir, *files;
    const ModelOptions *open;
    const ControlOptions *controls;
} CheckNamed;

/* All zero: none. */
typedef struct {
    PictureArguments a; /* of the run; its strings are the options', the record's and found's */
    RecordFound found;
    char folder[OS_PATH_SIZE]; /* of embeddings or networks that were found */
    char loras[OS_PATH_SIZE];
} CheckFiles;

/* Finds what the record reads, and warns of files that are named but other than the record's. ERR_FORMAT: one line with
 * the name and hash of a file that is nowhere. check_files_free in any case. */
bool check_files(const Record *r, const CheckNamed *named, CheckFiles *out, Error *e);
void check_files_free(CheckFiles *f);

#endif
