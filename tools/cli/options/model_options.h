/* model_options.h: how a model is opened and where it computes: the options that the commands making pictures share. */
#ifndef SD_TOOLS_CLI_MODEL_OPTIONS_H
#define SD_TOOLS_CLI_MODEL_OPTIONS_H

#include "part_options.h"
#include "sd/sd.h"

#define MODEL_HELP "the model: a file or a folder (the built-in one)"                    /* of -m */
#define REFINER_HELP "a model that takes over from the first before the picture is done" /* of --refiner */
#define HIRES_HELP "the model of the second drawing, and of its decoding, if it is another"

typedef struct {
    const char *device, *precision; /* NULL: auto, f32 */
    const char *prediction;         /* NULL: the model's */
    int threads;                    /* 0: one for each core */
    size_t memory_limit;            /* bytes; 0: none */
    bool ema, exact, quiet;
    const char *embedding_dir; /* NULL: none */
    PartOptions parts;
} ModelOptions;

/* Rows of a ModelOptions, for OPTION_ROWS: --device, --precision, --prediction, --ema, --exact, --threads,
 * --memory-limit, --quiet, --embedding-dir, and those of parts. */
bool model_rows(int i, Option *o);
/* What is wrong with device and precision, as an exit code, or GO_ON. */
int model_options_check(const Command *c, const ModelOptions *m);
/* How they open a model; its strings are m's. */
SdOptions model_options_how(const ModelOptions *m);
/* Opens a model (path NULL: the built-in one) and says where it computes, unless quiet. NULL on error. */
SdModel *model_options_open(const ModelOptions *m, const char *path, Error *e);
/* Opens a second model in the same way, but for --prediction, --ema, --text-encoder and --unet, which are of the first;
 * NULL, without an error, for path NULL. */
SdModel *refiner_open(const ModelOptions *m, const char *path, Error *e);
/* Whether one of the files that they name is `path`. */
bool model_options_name(const ModelOptions *m, const char *path);
/* Notes what of a request has no effect with the model, unless quiet, and says which embeddings cannot be named. */
void model_note_ignored(const ModelOptions *m, const SdModel *model, const SdRequest *r);
/* The latter alone: warns of each that a prompt names in vain, and notes others, unless quiet. */
void model_note_embeddings(const ModelOptions *m, const SdModel *model, const SdRequest *r);

#endif
