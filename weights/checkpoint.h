/* checkpoint.h: a model's files, whatever their layout, as one dictionary of the original single file's names. */
#ifndef SD_WEIGHTS_CHECKPOINT_H
#define SD_WEIGHTS_CHECKPOINT_H

#include "json.h"
#include "weight_file.h"

typedef enum { CHECKPOINT_SINGLE, CHECKPOINT_DIFFUSERS } CheckpointLayout;

enum { CHECKPOINT_PARTS = 3, CHECKPOINT_SHARDS = 64 };

typedef struct {
    const char *name;    /* "unet", "vae", "text_encoder" */
    Json *config;        /* its config.json */
    WeightFile **shards; /* [count] */
    int count;
} CheckpointPart;

typedef struct {
    char *path;
    CheckpointLayout layout;
    WeightFile *file; /* single file */
    CheckpointPart parts[CHECKPOINT_PARTS];
    Json *scheduler;                    /* scheduler/scheduler_config.json, or NULL */
    int res_blocks, levels, vae_levels; /* the folder's, for its names; set by whoever reads the configurations */
} Checkpoint;

typedef struct {
    const WeightFile *file; /* NULL: the checkpoint does not hold the tensor */
    const FileTensor *tensor;
} Found;

/* Opens a .safetensors file or a diffusers folder (model_index.json; fp32 files, or .fp16 where only those are there;
 * shards). NULL and one line in e. Nothing but headers is read. */
Checkpoint *checkpoint_open(const char *path, Error *e);
/* A .safetensors file in memory, which must outlive the result; name is what messages call it. */
Checkpoint *checkpoint_open_memory(const char *name, const void *bytes, size_t size, Error *e);
void checkpoint_close(Checkpoint *c); /* NULL is fine */

/* The tensor of a single-file key, under any of its spellings. */
Found checkpoint_find(const Checkpoint *c, const char *key);
/* Whether a folder's part, or any key of a file beginning with prefix, is there. */
const CheckpointPart *checkpoint_part(const Checkpoint *c, const char *name);

/* Totals over all files. */
int64_t checkpoint_tensors(const Checkpoint *c);
size_t checkpoint_bytes(const Checkpoint *c);

#endif
