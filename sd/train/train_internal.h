/* train_internal.h: what the files of training share. */
#ifndef SD_TRAIN_TRAIN_PARTS_H
#define SD_TRAIN_TRAIN_PARTS_H

#include "nn/optimiser.h"
#include "tensor/tape.h"
#include "sd/load/weights.h"
#include "tensor/os.h"
#include "train.h"

enum { TRAIN_TOKENS = 77 };

/* What the U-Net learns from, kept after its first use. */
typedef struct {
    int64_t count, moments_each;
    float *moments;    /* [count][h w 2C]: vae_encode's output */
    int32_t *ids;      /* [count][encoders][TRAIN_TOKENS], rows of the token table */
    TrainSizes *sizes; /* [count] */
    uint8_t *known;    /* [count] */
    int64_t *ends;     /* [pictures of a microbatch], train_states' work space */
} Cache;

typedef struct {
    const TrainOptions *o;
    const TrainData *d;
    SdModel *m;
    void *made; /* a new model's file; NULL: it is on the disk */
    Parameters p;
    Ctx ctx;
    Arena arena;
    Tape *tape;
    Cache cache;
    int32_t empty[MAX_ENCODERS * TRAIN_TOKENS]; /* the empty caption */
    int64_t step, kept;                         /* steps done; those that the state on the disk has */
    bool used[PART_COUNT];                      /* parts whose weights training reads */
    double loss;                                /* of the current step, summed over its microbatches */
    bool planning;
} Trainer;

/* What random numbers are for; each purpose has a stream of its own. */
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

/* A microbatch (train_unet.c, train_vae.c): forward, loss and backward of n of the step's `all` pictures, from number
 * `first` on. While planning, only memory is counted. */
void train_unet_microbatch(Trainer *t, int64_t first, int64_t n, int64_t all);
void train_vae_microbatch(Trainer *t, int64_t first, int64_t n, int64_t all);
int64_t train_batch(const Trainer *t, int64_t step); /* how many pictures a step has */
/* Which picture is number i of a step. */
int64_t train_picture(const Trainer *t, int64_t step, int64_t i);
/* Its time, 0..999, from u = (i + a uniform number) / pictures of the step, shifted as SD3 does it (Esser et al. 2024,
 * eq. 23): u' = s u / (1 + (s - 1) u). */
int train_time(const TrainOptions *o, int64_t step, int64_t i);

/* Whether the weights that training reads are finite, and all can be saved; a line that names the tensor otherwise. */
bool train_check_weights(const Trainer *t, Error *e);
/* Whether what the VAE's encoder made is finite. */
bool train_check_moments(const Trainer *t, const float *moments, int64_t count, Error *e);
/* Always false: "step N: WHAT not finite". */
bool train_refuse_step(int64_t step, const char *what, Error *e);
/* Always false: a weight that --dtype f16 would make infinite. */
bool train_refuse_half(const char *path, const char *name, double value, Error *e);
/* Always false: "PATH: WHAT not finite", with the largest weight of these parts. */
bool train_refuse_large(const SdModel *m, const bool used[PART_COUNT], const char *what, Error *e);

/* A caption as rows of each encoder's token table, cut to one chunk: out[encoders][TRAIN_TOKENS]. */
bool train_ids(const Trainer *t, const char *text, int32_t *out, Error *e);
/* The rows of a picture's caption for an encoder, after dropout; i: its number in the step. */
void train_put_ids(const Trainer *t, int32_t *to, int encoder, int64_t picture, int64_t i);
/* The text states [n,TRAIN_TOKENS,context] of rows ids[encoder], I32 [n,TRAIN_TOKENS], of the step's pictures from
 * number `first` on; with a label, also *label [n,config.label], what unet_label takes. */
Tensor train_states(Trainer *t, const Tensor ids[MAX_ENCODERS], int64_t first, Tensor *label);
bool train_cache_init(Trainer *t, Error *e);
void train_cache_free(Cache *c);
/* Encodes those pictures of the current step that the cache lacks. */
bool train_cache_fill(Trainer *t, Error *e);
void train_encode(Trainer *t, const int64_t *pictures, int64_t n, Error *e); /* at most a microbatch of them */

/* A model's file: each weight in torch's shape and order. */
typedef struct {
    Weight **w;
    const float **values; /* in compute order; an entry NULL: as in the checkpoint */
    int64_t count;
    const Checkpoint *from; /* NULL if values has every entry */
    const SdConfig *config;
    const char *tokens;  /* sdc.tokens, or NULL */
    const float *alphas; /* [TRAIN_STEPS] to store, or NULL */
    bool half;           /* write F16 */
} ModelFile;
bool train_write_model(const char *path, const ModelFile *f, Error *e);
void *train_model_bytes(const char *name, const ModelFile *f, size_t *size, Error *e); /* its file, in memory */

/* The file of a small model with random weights, in memory: nothing is written before the first save. NULL on error. */
void *train_create(const TrainOptions *o, const TrainData *d, size_t *size, Error *e);
/* Writes FILE.state, then the model: the trained parameters, or their average, and everything else as the model's own
 * file has it. ERR_NUMERIC: something is not finite, and nothing is written. What else keeps the model from being
 * written leaves the state. */
bool train_save(Trainer *t, Error *e);
/* FILE.state. Saving sets t->kept; loading t->step, too. Refused: a state that is damaged, or of another training. */
bool train_save_state(Trainer *t, Error *e);
bool train_load_state(Trainer *t, Error *e);
/* Whether all that a state holds is finite. */
bool train_check_finite(Trainer *t, Error *e);
/* Whether it belongs to this training as far as can be said without a model. */
bool train_check_state(const TrainOptions *o, Error *e);
bool train_state_path(const TrainOptions *o, char out[OS_PATH_SIZE], Error *e);

/* The log (train_log.c), a CSV file, a pipe or a terminal. */
typedef struct TrainLog TrainLog;
/* A file gets, in one piece, the lines that it has of the first t->step steps; the rest of them will be repeated. */
TrainLog *train_log_begin(const Trainer *t, Error *e);
bool train_log_step(TrainLog *l, const TrainProgress *p, Error *e); /* NULL is fine */
bool train_log_flush(TrainLog *l, Error *e);                        /* to the disk; NULL is fine */
bool train_log_end(TrainLog *l, Error *e);                          /* frees it; NULL is fine */

/* Changes the VAE's 1x1 convolutions in values (laid out as p.values) so that its latents have mean 0 and standard
 * deviation 1 / scale (train_fold.c). */
bool train_fold(Trainer *t, float *values, Error *e);
/* Whether the latents of the first picture, which it will measure too, are finite. */
bool train_check_latents(Trainer *t, Error *e);
void train_fold_plan(Trainer *t); /* the memory that it needs, which steps on crops do not */

#endif
