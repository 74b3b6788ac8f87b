/* make_model.h: writes checkpoints of generated weights, with the names, shapes and types of real ones, so that tests
 * and demos need no download. Streamed to disk: the full size takes 4.3 GB there (F32) and a few MB of memory. */
#ifndef SD_TESTS_HARNESS_MAKE_MODEL_H
#define SD_TESTS_HARNESS_MAKE_MODEL_H

#include "tools/ledger/made_model.h"

typedef struct {
    enum { MODEL_MICRO, MODEL_FULL } size; /* micro: 32 to 64 channels; full: SD 1.5 */
    enum { MODEL_SINGLE, MODEL_DIFFUSERS } layout;
    DType dtype;          /* F32, F16 or BF16 */
    bool bare_text;       /* the text encoder's names without "text_model.", as newer converters write them */
    bool ema;             /* a single file with the U-Net's moving averages, as training left them */
    bool buffers;         /* a single file with the schedule's tables */
    bool early_attention; /* a folder with the names of the VAE's attention in early diffusers */
    bool new_attention;   /* a single file with diffusers' names, and matrices, of the VAE's attention */
    bool fp16_names;      /* a folder whose weights are called "....fp16.safetensors" */
    int shards;           /* a folder with the U-Net in so many files, and their index; 0: one */
    const char *config;   /* "sdc.config" of a single file; NULL: the configuration, if it is micro; "": none */
    const char *tokens;   /* "sdc.tokens"; NULL: none */
    void (*edit)(void *user, MadeTensors *l); /* changes the list before it is written; NULL: nothing does */
    void *user;
} MakeModel;

/* The smallest: two levels of 8 channels, for pictures of 8 x 8 in two steps. */
SdConfig tiny_config(void);
/* A small one whose sizes its shapes tell: a file of torch.save has no configuration. */
SdConfig plain_config(void);

/* A single file, or a folder that may exist already. False, with a line on stderr, when it cannot be written. */
bool make_model(const char *path, MakeModel spec);
/* The same with another configuration. */
bool make_model_of(const char *path, MakeModel spec, SdConfig k);
/* The same model in a folder, which has every encoder under CLIP's names, and SD 2's without the layer that is not
 * used: what make_model_of writes there. */
SdConfig config_for_folder(SdConfig k);
/* One check: the micro model in a single file is written. */
bool make_micro_model(const char *path, DType dtype);

/* --make-model micro|full|micro-sd2|micro-sdxl|micro-refiner single|diffusers f32|f16|bf16 PATH: the arguments after
 * the option; an exit status. */
int make_model_main(int argc, char **argv);

#endif
