/* record_files.h: the files that a run reads, as a record names them: `sdc.files`, a line for each,
 *
 *     SHA256 BYTES ROLE NAME
 *
 * (FORMAT.md). record_files.c writes and reads the lines, record_find.c finds the files again. */
#ifndef SD_TOOLS_COMMANDS_RECORD_FILES_H
#define SD_TOOLS_COMMANDS_RECORD_FILES_H

#include "tools/cli/options/picture_options.h"

typedef enum {
    ROLE_MODEL,
    ROLE_REFINER,
    ROLE_HIRES_MODEL, /* of hires fix' second pass */
    ROLE_VAE,
    ROLE_TEXT_ENCODER,
    ROLE_TEXT_ENCODER_2,
    ROLE_UNET,
    ROLE_TAESD,
    ROLE_UPSCALER,      /* of hires fix, or of SD upscale */
    ROLE_CONTROL,       /* ControlNets, in their order */
    ROLE_CONTROL_IMAGE, /* what they are shown; after these, what image prompts are of */
    ROLE_CONTROL_MASK,  /* of the picture before it */
    ROLE_IP_ADAPTER,
    ROLE_IMAGE_ENCODER,
    ROLE_IMAGE,
    ROLE_MASK,
    ROLE_NOISE,
    ROLE_LORA,      /* the request's networks, in their order */
    ROLE_TAG,       /* those that its prompts name */
    ROLE_EMBEDDING, /* likewise */
    ROLE_COUNT
} RecordRole;

typedef struct {
    RecordRole role;
    const char *name;       /* the file's or folder's, without its place */
    bool folder;            /* the hash is of a list of its files (record_hash) */
    uint64_t bytes;         /* of a file */
    const char *hash;       /* 64 hex digits */
    double text, unet;      /* of ROLE_LORA: multipliers */
    const char *background; /* of ROLE_IMAGE: a colour that shows through; NULL: white */
} RecordFile;

/* What the arguments name, the networks of r and the embeddings that parameters (a picture's text) tells of, as text;
 * the caller frees it. Streams, which have no name, are left out where the record tells their pixels. NULL: e says
 * why. */
char *record_files_text(const PictureArguments *a, const SdModel *m, const SdRequest *r, const char *parameters,
                        Error *e);
/* Reads such a text, in which it puts NULs where words end: *out [*count], which the caller frees. False: it is none,
 * or names two files in the role of one.
 * ERR_MEMORY in e. */
bool record_files_read(char *text, RecordFile **out, size_t *count, Error *e);
/* SHA-256 of a file; of a folder, of lines "SHA256  PATH\n" of the weights and configurations in it, as sha256sum
 * prints them, in the order of files_below. */
bool record_hash(const char *path, bool *folder, uint64_t *bytes, char hex[65], Error *e);
/* The option of `sdc check` that names such a file; of ROLE_LORA and the like, its folder. */
const char *record_option(RecordRole role);

/* --- finding them --- */

typedef struct Record Record;

/* paths[i]: where file i of the record is; NULL: not found, or not wanted. */
typedef struct {
    char **paths;
    size_t count;
} RecordFound;

/* Where to look, besides beside the record: below these folders, of any file, and of networks before. NULL: none. */
typedef struct {
    const char *files, *networks;
} RecordFolders;

/* Looks for the files of roles in `wanted`: by name, then by size and hash alone. record_found_free in any case. */
bool record_find(const Record *r, const RecordFolders *in, const bool wanted[ROLE_COUNT], RecordFound *out, Error *e);
void record_found_free(RecordFound *f);

/* Whether a file of this name may have weights, or their configuration. */
bool record_has_ending(const char *name);
/* Whether a file of this name marks its folder as diffusers' of a model, or with `parts` of one of its parts, a
 * ControlNet or an adapter, or as TAESD's. */
bool record_marks_folder(const char *name, bool parts);
/* The last piece of a path, of "." and the like of the place that they mean. ERR_ARGUMENT: what a record cannot hold.
 */
bool record_base_name(const char *path, char out[OS_PATH_SIZE], Error *e);

#endif
