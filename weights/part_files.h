/* part_files.h: the weights of one part of a diffusers folder. */
#ifndef SD_WEIGHTS_PART_FILES_H
#define SD_WEIGHTS_PART_FILES_H

#include "weights/files/json.h"
#include "weights/formats/weight_file.h"

enum { PART_SHARDS = 64 };

typedef struct {
    WeightFile **shards; /* [count], of at most PART_SHARDS */
    int count;
} PartFiles;

/* Opens one more file. */
bool part_files_add(PartFiles *p, const char *path, Error *e);
/* Opens what a part's folder has: a whole file (safetensors, else .bin; .fp16 where there is no other) or every shard
 * that its index names. *found false, without an error: it has none. */
bool part_files_find(PartFiles *p, const char *folder, bool *found, Error *e);
void part_files_close(PartFiles *p);

/* A short JSON file of a folder; *out stays NULL where it does not exist and is not needed. */
bool part_json(const char *path, bool needed, Json **out, Error *e);

#endif
