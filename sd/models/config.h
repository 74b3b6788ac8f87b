/* config.h: a model's hyper-parameters. SD 1.x, 2.x, SDXL, its refiner, inpainting and small models differ in these
 * numbers alone. */
#ifndef SD_MODELS_CONFIG_H
#define SD_MODELS_CONFIG_H

#include "tensor/error.h"
#include "tensor/ops.h"

enum { MAX_LATENT = 64, MAX_LEVELS = 8, MAX_ENCODERS = 2, MAX_OUTPUTS = MAX_LEVELS * 16 };

typedef struct {
    int in_channels, out_channels;
    int channels;               /* of the first level: 320 */
    int levels;                 /* resolutions: 4 */
    int mult[MAX_LEVELS];       /* channels of a level, as multiples of `channels`: 1,2,4,4 */
    int res_blocks;             /* per level on the way down (one more on the way up): 2 */
    int depth[MAX_LEVELS];      /* transformer blocks after each ResBlock of a level; 0: none */
    int only_cross[MAX_LEVELS]; /* 1: attn1 of a level's blocks reads the text as attn2 does (the x4 upscaler) */
    int middle_depth;           /* of the middle; 0: a ResBlock alone (SSD-1B); -1: no middle (BK-SDM, SDXS) */
    bool uneven;                /* distilled: on the way up each output block has its own, */
    int up_depth[MAX_OUTPUTS];
    int heads;    /* heads per attention (SD 1.x: 8); 0: channels / head_dim */
    int head_dim; /* SD 2.x: 64 */
    bool linear_projection;
    int context;  /* width of the text states: 768 */
    int label;    /* width of the vector that is embedded beside the time: pooled text, then SIZE_WIDTH for each of the
                   * picture's sizes (SDXL: 1280 + 6 x 256; its refiner: 1280 + 5 x 256); 0: none */
    int guidance; /* width of the guidance scale's embedding, which is added to the time's (LCM: 256); 0: none */
    int classes;  /* rows of the embedding of how noisy the small picture is (the x4 upscaler: 1000); 0: none */
    int groups;   /* of every group norm: 32 */
} UnetConfig;

typedef struct {
    int channels; /* of the first level: 128 */
    int levels;
    int mult[MAX_LEVELS]; /* 1,2,4,4 */
    int res_blocks;       /* per level of the encoder; the decoder has one more: 2 */
    int latent;           /* channels of a latent: 4 */
    int groups;
    double scale;    /* factor of latents: 0.18215 */
    bool statistics; /* the U-Net's latents are (z - mean) scale / std of the VAE's z (Playground v2.5) */
    double mean[MAX_LATENT], std[MAX_LATENT];
} VaeConfig;

typedef struct {
    int vocabulary, positions; /* 49408, 77 */
    int width, layers, heads, mlp;
    Act act;         /* quick GELU (ViT-L), GELU (open_clip) */
    bool open_clip;  /* has open_clip's names and fused projections */
    int layer;       /* text states are this layer's output, counted from the last: 1, or 2 (SD 2.x, SDXL), */
    bool final_norm; /* through the final layer norm (not in SDXL) */
    int pooled;      /* width of the pooled vector, the end token's projected state (SDXL's open_clip: 1280); 0: none */
    int pad;         /* token that pads a chunk: 49407, or 0 (open_clip) */
} ClipConfig;

/* What configurations say that is not followed, for people: "" or a list. */
enum { CONFIG_NOTE_SIZE = 400 };
typedef struct {
    char said[CONFIG_NOTE_SIZE];    /* keys that are understood: a sampler's settings */
    char unknown[CONFIG_NOTE_SIZE]; /* keys that nobody knows */
    const char *prediction;         /* the file or key that tells SdConfig.prediction; NULL: nothing does */
    char settings[120];             /* what tells SdConfig.sampler and the like; "": nothing does */
} ConfigNotes;
/* Appends to one of them, after a comma. */
void config_note(char list[CONFIG_NOTE_SIZE], const char *format, ...) __attribute__((format(printf, 2, 3)));

typedef enum { PREDICT_EPS, PREDICT_V, PREDICT_X0 } Prediction;

typedef struct {
    char family[24]; /* "SD 1.x", for people */
    UnetConfig unet;
    VaeConfig vae;
    ClipConfig clip[MAX_ENCODERS]; /* their states lie side by side in a context */
    int encoders;
    bool conditioner; /* a single file calls encoder i conditioner.embedders.i (sgm), not cond_stage_model (ldm) */
    Prediction prediction;
    int width, height, steps; /* the model's own defaults; 0: the program's */
    double cfg;
    char sampler[24], scheduler[24]; /* likewise; "": the program's */
    bool few_steps;                  /* distilled: guidance of 1 and below is one call of the U-Net */
} SdConfig;

enum { SIZE_WIDTH = 256 }; /* of the sinusoids of one of a picture's sizes in UnetConfig.label */

/* The published configurations of SD 1.x, of SD 2.x (512-base), of SD-Turbo (SD 2.1's networks in sgm's names), of SDXL
 * base 1.0, of its refiner and of the x4 upscaler; single files. */
SdConfig config_sd1(void);
SdConfig config_sd2(void);
SdConfig config_sd_turbo(void);
SdConfig config_sdxl(void);
SdConfig config_sdxl_refiner(void);
SdConfig config_x4(void);

/* Which of its family's variants it is, for people: "base", "refiner", "512-base", "768-v" (SD 2.x), "inpainting",
 * "instruct-pix2pix", "depth", "SSD-1B" and other distilled U-Nets; "" where there is nothing to tell. */
const char *config_variant(const SdConfig *c);
/* The transformer blocks after the ResBlock of output block i. */
int config_up_depth(const UnetConfig *u, int i);
/* How many sizes describe a picture to the U-Net: 6, 5 (the refiner), 0 (without a label). */
int config_sizes(const SdConfig *c);

/* As JSON, for a file's metadata; the caller frees it. NULL: out of memory. */
char *config_to_json(const SdConfig *c);
/* Overwrites *c with what config_to_json wrote; fields that are missing keep their values, unknown ones are noted.
 * False, with a line that begins with `what`, when the result is not a usable configuration. */
bool config_from_json(SdConfig *c, const char *what, const char *json, ConfigNotes *notes, Error *e);

/* Whether latents of both have the same scale and statistics. */
bool config_same_latents(const VaeConfig *a, const VaeConfig *b);
/* Takes these over. */
void config_copy_latents(VaeConfig *to, const VaeConfig *from);

/* Whether the models can be built with these numbers; a line that begins with `what` otherwise. */
bool config_check(const SdConfig *c, const char *what, Error *e);
/* At least so many tensors belong to such a model (a VAE without its encoder). */
int64_t config_least_tensors(const SdConfig *c);
/* What a U-Net is given: latents; with them a mask and the masked picture's; the picture's to edit; a map of depths;
 * the small picture itself, which has a pixel where the latents have one. */
typedef enum { INPUT_LATENTS, INPUT_INPAINTING, INPUT_PIX2PIX, INPUT_DEPTH, INPUT_UPSCALING, INPUT_UNKNOWN } UnetInputs;
enum { MOST_NOISE_LEVEL = 350 }; /* that the x4 upscaler was trained with */
UnetInputs config_input(const SdConfig *c);
/* Whether sampling can give it that; a line that begins with `what` otherwise. */
bool config_check_input(const SdConfig *c, const char *what, Error *e);
/* Whether it is latents alone; else the line ends with why that matters ("cannot be trained"). */
bool config_check_latents(const SdConfig *c, const char *what, const char *why, Error *e);

#endif
