/* config.h: a model's hyper-parameters. Everything that tells SD 1.x, 2.x, inpainting and small models apart is data.
 */
#ifndef SD_MODELS_CONFIG_H
#define SD_MODELS_CONFIG_H

#include "tensor/error.h"
#include "tensor/ops.h"

enum { MAX_LEVELS = 8 };

typedef struct {
    int in_channels, out_channels;
    int channels;          /* of the first level: 320 */
    int levels;            /* resolutions: 4 */
    int mult[MAX_LEVELS];  /* channels of a level, as multiples of `channels`: 1,2,4,4 */
    int res_blocks;        /* per level on the way down (one more on the way up): 2 */
    int depth[MAX_LEVELS]; /* transformer blocks after each ResBlock of a level; 0: none */
    int middle_depth;
    int heads;    /* of every attention (SD 1.x: 8), or 0: */
    int head_dim; /* width of a head (SD 2.x: 64) */
    bool linear_projection;
    int context; /* width of the text states: 768 */
    int groups;  /* of every group norm: 32 */
} UnetConfig;

typedef struct {
    int channels; /* of the first level: 128 */
    int levels;
    int mult[MAX_LEVELS]; /* 1,2,4,4 */
    int res_blocks;       /* per level of the encoder; the decoder has one more: 2 */
    int latent;           /* channels of a latent: 4 */
    int groups;
    double scale; /* latents are scaled by this: 0.18215 */
} VaeConfig;

typedef struct {
    int vocabulary, positions; /* 49408, 77 */
    int width, layers, heads, mlp;
    Act act;          /* quick GELU (ViT-L), GELU (open_clip) */
    bool open_clip;   /* names and fused projections of open_clip */
    bool penultimate; /* text states are those of the last layer but one (SD 2.x) */
    int pad;          /* token that fills up a chunk: 49407, or 0 (SD 2.x) */
} ClipConfig;

typedef enum { PREDICT_EPS, PREDICT_V } Prediction;

typedef struct {
    char family[24]; /* "SD 1.x", for people */
    UnetConfig unet;
    VaeConfig vae;
    ClipConfig clip;
    Prediction prediction;
    int width, height, steps; /* what the model asks for by default; 0: the program's defaults */
    double cfg;
} SdConfig;

/* The published configuration of SD 1.x. */
SdConfig config_sd1(void);

/* As JSON, for the metadata of a file; the caller frees it. NULL when memory is out. */
char *config_to_json(const SdConfig *c);
/* Reads what config_to_json wrote over *c. False on anything that is not a usable configuration. */
bool config_from_json(SdConfig *c, const char *what, const char *json, Error *e);

/* True when every number is in a range that the models can be built with. */
bool config_check(const SdConfig *c, const char *what, Error *e);
/* True when the U-Net's input is a latent alone, which is what sampling and training give it. */
bool config_check_input(const SdConfig *c, const char *what, Error *e);

#endif
