/* train_parts.h: what the files of training give each other. */
#ifndef SD_TRAIN_TRAIN_PARTS_H
#define SD_TRAIN_TRAIN_PARTS_H

#include "nn/optimiser.h"
#include "tensor/tape.h"
#include "sd/load/weights.h"
#include "train.h"

enum { TRAIN_TOKENS = 77, STATE_PATH = 1024 };

/* Pictures that were seen before: what the U-Net's training needs of them. */
typedef struct {
    int64_t count, moments_each;
    float *moments; /* [count][h w 2C], as vae_encode gives them */
    int32_t *ids;   /* [count][TRAIN_TOKENS], rows of the table of tokens */
    uint8_t *known; /* [count] */
} Cache;

typedef struct {
    const TrainOptions *o;
    const TrainData *d;
    SdModel *m;
    Parameters p;
    Ctx ctx;
    Arena arena;
    Tape *tape;
    Cache cache;
    int32_t empty[TRAIN_TOKENS]; /* the empty caption */
    int64_t step;                /* done */
    double loss;                 /* of the step at hand, the sum of its parts */
    bool planning;
} Trainer;

/* What random numbers are for: each purpose has its own stream. */
typedef enum {
    FOR_PICTURE,
    FOR_TIME,
    FOR_NOISE,
    FOR_OFFSET,
    FOR_POSTERIOR,
    FOR_DROPOUT,
    FOR_WORDS,
    FOR_CROP,
    FOR_INIT
} Purpose;
uint64_t train_random(uint64_t seed, Purpose purpose, int64_t step, int64_t index);
double train_uniform(uint64_t seed, Purpose purpose, int64_t step, int64_t index); /* [0,1) */
/* Standard normals. */
void train_normal(float *out, int64_t n, uint64_t seed, Purpose purpose, int64_t step);

/* One part of a step (train_unet.c, train_vae.c): forward, loss, backward of the n pictures from `first` on of the
 * step's `all`. While planning it only counts. */
void train_unet_part(Trainer *t, int64_t first, int64_t n, int64_t all);
void train_vae_part(Trainer *t, int64_t first, int64_t n, int64_t all);
int64_t train_batch(const Trainer *t, int64_t step); /* pictures of that step */
/* Which picture is number i of the step. */
int64_t train_picture(const Trainer *t, int64_t step, int64_t i);
/* Its time, 0..999: i and a uniform number as a part of the step's pictures, shifted as SD3's are (Esser et al. 2024,
 * eq. 23), u' = s u / (1 + (s - 1) u). */
int train_time(const TrainOptions *o, int64_t step, int64_t i);

/* A caption as rows of the table of tokens, cut to one chunk. */
bool train_ids(const Trainer *t, const char *text, int32_t out[TRAIN_TOKENS], Error *e);
bool train_cache_init(Trainer *t, Error *e);
void train_cache_free(Cache *c);
/* Encodes what the pictures of the step at hand still need. */
bool train_cache_fill(Trainer *t, Error *e);
void train_encode_part(Trainer *t, const int64_t *pictures, int64_t n, Error *e);

/* Files (train_file.c). create: a model with random weights. save: the trained parameters (or their average) with
 * everything else as the model's file has it. */
bool train_create(const TrainOptions *o, const TrainData *d, Error *e);
bool train_save(Trainer *t, Error *e);
bool train_save_state(Trainer *t, Error *e);
bool train_load_state(Trainer *t, Error *e);

/* The VAE's latents brought to mean 0 and spread 1 / scale by its 1x1 convolutions (train_fold.c): values [floats] as
 * p's. */
bool train_fold(Trainer *t, float *values, Error *e);

#endif
