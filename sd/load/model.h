/* model.h: a checkpoint with the networks that it holds.
 *
 *     model.h      the struct; how checkpoint and networks compare
 *     weights.h    loads, streams and releases a network's weights
 *     workspace.h  memory for activations, kept between calls
 *     levels.h     the noise levels that a checkpoint brings
 *     prediction.h eps or v, where nothing says
 *     embedding.h  embeddings that prompts may name
 *     open.c       opens and closes (sd_open, sd_close)
 *     info.c, convert.c, model_hash.h  what a checkpoint is; rewriting it; its hash
 */
#ifndef SD_LOAD_MODEL_H
#define SD_LOAD_MODEL_H

#include "kept.h"
#include "weights/checkpoint.h"
#include "sd/models/clip.h"
#include "sd/models/config.h"
#include "sd/models/config_keys.h"
#include "sd/models/esrgan.h"
#include "sd/models/taesd.h"
#include "sd/models/unet.h"
#include "sd/models/vae.h"
#include "sd/sampling/noise_levels.h"
#include "sd/sd.h"
#include "sd/text/tokenizer.h"
#include "sd/load/networks/embedding.h"
#include "workspace.h"

/* The networks of a checkpoint. Each is loaded and released as a whole. */
typedef enum {
    PART_TEXT,   /* the first text encoder, */
    PART_TEXT_2, /* and the second: no weights in models that have one */
    PART_UNET,
    PART_DECODER,
    PART_ENCODER,
    PART_TAESD_DECODER, /* no weights in a model that was opened without a TAESD */
    PART_TAESD_ENCODER,
    PART_CONTROL,  /* of a ControlNet's own SdModel (control.h); no weights in any other */
    PART_UPSCALER, /* alone in a model of its own (upscaler.h) */
    PART_VISION,   /* of an IP-Adapter's own: its vision encoder */
    PART_COUNT
} Part;

struct SdModel {
    Checkpoint *checkpoint;
    SdConfig config;
    ConfigNotes notes;
    Clip clip[MAX_ENCODERS];
    Unet unet;
    Vae decoder, encoder;
    Taesd *taesd_decoder, *taesd_encoder; /* owned; NULL: none was opened */
    Esrgan upscaler;
    WeightList lists[PART_COUNT]; /* each part's weights, in order of computation */
    void *memory[PART_COUNT];     /* the weights that loading made; the others stay in the mapped file */
    Arena *room;                  /* what loading makes lies at its end (workspace_lend); NULL: in memory of its own */
    bool loaded[PART_COUNT];
    bool streamed[PART_COUNT]; /* loaded, but large weights stay in the file: see model_source */
    struct Overlay *overlay;   /* the networks on top of the weights (overlay.h); NULL: none */
    struct ReadAhead *ahead;   /* what reads streamed weights before they are needed (read_ahead.h); NULL: nothing */
    bool as_in_files;          /* load weights as numbers to read (converting, training), not prepared for kernels */
    bool told_prediction;      /* the caller's options say what it predicts */
    NoiseLevels noise_levels;
    bool own_levels;                 /* they are the checkpoint's, not those of Stable Diffusion */
    float small_alphas[TRAIN_STEPS]; /* of the x4 upscaler: of the noise over its small picture, by level */
    Tokenizer *tokenizer;
    Embeddings embeddings; /* that prompts may name */
    ThreadPool *pool;
    const Ops *ops;
    Gpu *gpu;         /* NULL: the CPU computes */
    char device[360]; /* "cpu", whether fma is emulated, and why not a GPU where "auto" found one that does not serve */
    struct SdModel **peers; /* the same checkpoint on further GPUs, which share batches */
    int peer_count;
    ThreadPool *gpu_threads; /* one thread for each GPU, where there are several */
    Precision precision;
    size_t memory_limit;              /* bytes; 0: the machine's */
    Workspace kept;                   /* the last call's, if it kept its weights, */
    KeptValues made;                  /* and what it made of texts; of an IP-Adapter's own: of pictures */
    char hash[65];                    /* the file's SHA-256 in hex; "" until model_hash has found it */
    char given_hash[GIVEN_COUNT][65]; /* the same of parts from files of their own */
};

/* Lays out the networks of m->config and lists their weights by name (m->lists). False on ERR_MEMORY or ERR_FORMAT. */
bool model_bind(SdModel *m, Error *e);

/* How a checkpoint's tensors differ from what its networks need. */
typedef struct {
    int64_t used, missing, misshapen, ignored;
    int64_t scales;  /* tensors that are the scales of used ones (FileTensor) */
    char names[512]; /* the first few missing or misshapen tensors, and what is wrong with each */
} ModelReport;
void model_compare(const SdModel *m, const Part *parts, int count, ModelReport *out);
/* Whether it holds all that a part needs; ERR_FORMAT, naming what it lacks. A checkpoint may lack the encoder. */
bool model_has(const SdModel *m, Part part, Error *e);
/* Whether a TAESD with this half (PART_TAESD_...) was opened with it; ERR_ARGUMENT. */
bool model_has_taesd(const SdModel *m, Part half, Error *e);
/* The part as a file of its own has it, and that file's name. */
GivenPart model_given(Part part);
const char *model_path(const SdModel *m, Part part);

#endif
