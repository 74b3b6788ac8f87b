/* model_hash.h: the SHA-256 of a model's file, computed once and then kept in the user's cache directory. */
#ifndef SD_LOAD_MODEL_HASH_H
#define SD_LOAD_MODEL_HASH_H

#include "model.h"

/* 64 hex digits; NULL, without an error, for a folder. ERR_FILE when the file can no longer be read. A file that `sdc
 * convert` wrote carries its source's hash; any other's is its own, cached by path, size and modification time. The
 * file is read, not mapped, so that memory does not grow. */
const char *model_hash(SdModel *m, Error *e);
/* The same of a part from a file of its own; NULL, without an error, for a folder. */
const char *given_hash(SdModel *m, GivenPart part, Error *e);
/* Its file's name without the directory, as the webui calls a VAE. */
const char *given_file(const SdModel *m, GivenPart part);
/* The file name without directory and extension. */
void model_name(const SdModel *m, char *out, size_t size);
/* The hash of bytes in memory. */
void sha256_memory(const void *bytes, size_t size, char hex[65]);
/* The webui's old hash of a model's file: SHA-256 of 64 KiB that begin at 1 MiB, the first 8 digits; of what a short
 * file has of them. */
void legacy_hash(const WeightFile *f, char out[9]);
/* Any file's hash, through the same cache. ERR_FILE when it cannot be read. */
bool cached_sha256(const char *path, char hex[65], Error *e);
/* The same of its bytes from `begin` on. */
bool cached_sha256_from(const char *path, uint64_t begin, char hex[65], Error *e);

#endif
