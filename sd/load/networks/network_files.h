/* network_files.h: files of networks (LoRA and its kin) by the names that prompts give them. */
#ifndef SD_LOAD_NETWORK_FILES_H
#define SD_LOAD_NETWORK_FILES_H

#include "tensor/error.h"
#include "tensor/os.h"

typedef struct {
    char *name, *path; /* the file's name without its ending */
    char *alias;       /* "ss_output_name" of its metadata; NULL: it has none, or was not asked */
    bool asked;
    char hash[13]; /* "": not known yet */
} NetworkFile;

/* All zero: none. */
typedef struct {
    NetworkFile *at; /* [count], in the order of files_below */
    size_t count, capacity;
    char searched[2 * OS_PATH_SIZE]; /* the folders, for messages; "": there is none */
} NetworkFiles;

/* Lists .safetensors, .pt and .ckpt below `folder`, or, where that is NULL, below those of Lora, loras, lora beside the
 * model's file and beside the folder that it is in, which exist; model NULL: none. ERR_FILE, ERR_MEMORY.
 * network_files_free in any case.
 */
bool network_files_open(NetworkFiles *out, const char *folder, const char *model, Error *e);
void network_files_free(NetworkFiles *f);

/* The file that a prompt's NAME means, as in the webui: the last one of that name, or else the one whose training
 * called it so (its alias); names are compared byte by byte. NULL with ERR_ARGUMENT: there is none, or several have
 * the alias. `tag` begins the line. */
NetworkFile *network_files_find(NetworkFiles *f, const char *name, const char *tag, Error *e);
/* The one with this hash, of 12 hex digits at least, looking first at `likely` (NULL: none); NULL: there is none, or e
 * is set. Hashes of large files are remembered (model_hash.h). */
NetworkFile *network_files_with_hash(NetworkFiles *f, NetworkFile *likely, const char *hash, Error *e);

/* The first 12 digits of the webui's hash of a network: "sshs_model_hash" of its metadata, where that is one, or
 * the SHA-256 of a safetensors file's data, of any other's bytes. */
bool network_file_hash(const char *path, char hash[13], Error *e);

#endif
