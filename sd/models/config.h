/* config.h: a model's hyper-parameters. SD 1.x, 2.x, inpainting and small models differ in these numbers alone. */
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
    int heads;    /* heads per attention (SD 1.x: 8); 0: channels / head_dim */
    int head_dim; /* SD 2.x: 64 */
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
    double scale; /* factor of latents: 0.18215 */
} VaeConfig;

typedef struct {
    int vocabulary, positions; /* 49408, 77 */
    int width, layers, heads, mlp;
    Act act;          /* quick GELU (ViT-L), GELU (open_clip) */
    bool open_clip;   /* has open_clip's names and fused projections */
    bool penultimate; /* text states come from the last layer but one (SD 2.x) */
    int pad;          /* token that pads a chunk: 49407, or 0 (SD 2.x) */
} ClipConfig;

/* What configurations say that is not followed, for people: "" or a list. */
enum { CONFIG_NOTE_SIZE = 400 };
typedef struct {
    char said[CONFIG_NOTE_SIZE];    /* keys that are understood: a sampler's settings */
    char unknown[CONFIG_NOTE_SIZE]; /* keys that nobody knows */
} ConfigNotes;
/* Appends to one of them, after a comma. */
void config_note(char list[CONFIG_NOTE_SIZE], const char *format, ...) __attribute__((format(printf, 2, 3)));

typedef enum { PREDICT_EPS, PREDICT_V } Prediction;

typedef struct {
    char family[24]; /* "SD 1.x", for people */
    UnetConfig unet;
    VaeConfig vae;
    ClipConfig clip;
    Prediction prediction;
    int width, height, steps; /* the model's own defaults; 0: the program's */
    double cfg;
} SdConfig;

/* The published configurations of SD 1.x, and of SD 2.x (512-base, a single file). */
SdConfig config_sd1(void);
SdConfig config_sd2(void);

/* As JSON, for a file's metadata; the caller frees it. NULL: out of memory. */
char *config_to_json(const SdConfig *c);
/* Overwrites *c with what config_to_json wrote; fields that are missing keep their values, unknown ones are noted.
 * False, with a line that begins with `what`, when the result is not a usable configuration. */
bool config_from_json(SdConfig *c, const char *what, const char *json, ConfigNotes *notes, Error *e);

/* Whether the models can be built with these numbers; a line that begins with `what` otherwise. */
bool config_check(const SdConfig *c, const char *what, Error *e);
/* At least so many tensors belong to such a model (a VAE without its encoder). */
int64_t config_least_tensors(const SdConfig *c);
/* Whether the U-Net's input is a latent alone, which is what sampling and training give it. */
bool config_check_input(const SdConfig *c, const char *what, Error *e);

#endif
