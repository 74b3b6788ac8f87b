/* model_hash.h: the sha256 of a model's file, read once and then remembered in the user's cache directory. */
#ifndef SD_LOAD_MODEL_HASH_H
#define SD_LOAD_MODEL_HASH_H

#include "model.h"

/* 64 hex digits, or NULL: a folder, or a file that cannot be read. The hash is the file's own (by read(), never through
 * the map), cached by path, size and time; a file that `sdc convert` wrote carries its source's. */
const char *model_hash(SdModel *m);
/* File name without its directory and extension. */
void model_name(const SdModel *m, char *out, size_t size);
/* The hash of any file through the same cache. */
bool cached_sha256(const char *path, char hex[65], Error *e);

#endif
