/* checkpoint.h: a model's files, whatever their layout, as one dictionary of the original single file's names. */
#ifndef SD_WEIGHTS_CHECKPOINT_H
#define SD_WEIGHTS_CHECKPOINT_H

#include "given.h"
#include "weights/files/json.h"
#include "weights/formats/weight_file.h"

typedef enum { CHECKPOINT_SINGLE, CHECKPOINT_DIFFUSERS } CheckpointLayout;

enum { CHECKPOINT_PARTS = 4, CHECKPOINT_TOKENIZERS = 2 };

typedef struct {
    const char *name; /* "unet", "vae", "text_encoder", "text_encoder_2" */
    Json *config;     /* its config.json */
    PartFiles files;  /* none: the folder does not have the part */
} CheckpointPart;

/* The files of tokenizer, or tokenizer_2; each may be NULL. */
typedef struct {
    Json *config;             /* tokenizer_config.json */
    Json *special;            /* special_tokens_map.json */
    Json *added, *vocabulary; /* added_tokens.json, vocab.json */
} CheckpointTokenizer;

typedef struct Checkpoint {
    char *path;
    CheckpointLayout layout;
    WeightFile *file; /* single file */
    CheckpointPart parts[CHECKPOINT_PARTS];
    Json *yaml; /* NAME.yaml beside a single file NAME.safetensors, or NULL; and its path */
    char *yaml_path;
    Json *index;         /* model_index.json of a folder, or NULL */
    Json *scheduler;     /* scheduler/scheduler_config.json, or NULL */
    Json *low_scheduler; /* low_res_scheduler/scheduler_config.json (the x4 upscaler's), or NULL */
    CheckpointTokenizer tokenizers[CHECKPOINT_TOKENIZERS];
    bool ema;                           /* the U-Net's moving averages are taken for its weights */
    int res_blocks, levels, vae_levels; /* the folder's, for its names; 0 until detect_config (sd/models) sets them */
    Given given[GIVEN_COUNT];           /* parts from files of their own, */
    bool sgm;                           /* and whether their text encoders have sgm's names, or ldm's */
    const struct Checkpoint *base;      /* of a ControlLoRA: whose U-Net has the weights that it lacks; NULL: none */
    bool differs;                       /* it holds differences to those of `base`, which are found in their place */
} Checkpoint;

typedef struct {
    const WeightFile *file; /* NULL: the checkpoint lacks the tensor */
    const FileTensor *tensor;
} Found;

/* Opens a file of any format that is read, or a diffusers folder: model_index.json and those parts that it has, in
 * whole files or shards, the .fp16 variant where there is no other. Only headers are read. NULL and one line in e. */
Checkpoint *checkpoint_open(const char *path, Error *e);
/* The same for a file in memory, which must outlive the result; messages call it `name`. */
Checkpoint *checkpoint_open_memory(const char *name, const void *bytes, size_t size, Error *e);
/* A part alone, under the keys that it has in a single file: a file or folder of its own (given_open). */
Checkpoint *checkpoint_open_part(GivenPart part, const char *path, Error *e);
void checkpoint_close(Checkpoint *c); /* NULL is fine */
/* From here on the keys of this part are found in another file (given_open). The U-Net comes before the text encoders,
 * whose keys follow from it. path NULL: nothing happens. */
bool checkpoint_give(Checkpoint *c, GivenPart part, const char *path, Error *e);
/* Where the single file is nothing but a U-Net under names of its own, that becomes the part. */
void checkpoint_give_own(Checkpoint *c);
/* Gives the parts of a TAESD from the folder's VAE, where that is one (SDXS). */
bool checkpoint_give_tiny_vae(Checkpoint *c, Error *e);
/* Whether a new file can hold all its parts; a line otherwise. */
bool checkpoint_can_be_written(const Checkpoint *c, Error *e);
/* Whether the part is given, and the file that messages about it name. */
bool checkpoint_is_given(const Checkpoint *c, GivenPart part);
const char *checkpoint_path(const Checkpoint *c, GivenPart part);
/* Whether a path is one of the files that the weights come from. */
bool checkpoint_has_file(const Checkpoint *c, const char *path);

/* The tensor of a single file's key, under any of its spellings; in a folder, under its name there. Keys that depend on
 * the number of levels are found only once that is set. */
Found checkpoint_find(const Checkpoint *c, const char *key);
/* A folder's part by its name; NULL in a single file, for other names, and for what the folder does not have. */
const CheckpointPart *checkpoint_part(const Checkpoint *c, const char *name);
/* Whether a folder's VAE is an AutoencoderTiny (TAESD), alone. */
bool checkpoint_has_tiny_vae(const Checkpoint *c);
/* The pipeline that a folder is for: "StableDiffusionPipeline"; NULL when nothing says. */
const char *checkpoint_pipeline(const Checkpoint *c);

/* Totals over all files. */
int64_t checkpoint_tensors(const Checkpoint *c);
size_t checkpoint_bytes(const Checkpoint *c);

#endif
