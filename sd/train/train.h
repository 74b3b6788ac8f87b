/* train.h: training Stable Diffusion's networks on captioned pictures.
 *
 * The layers that make pictures run with a tape (tensor/tape.h). Every random number follows from the seed, the step
 * and what it is for, so that FILE.state (parameters, moments, average, step) is all that resuming needs: a command
 * that is interrupted anywhere and resumed ends in the same bytes.
 *
 * U-Net: z is a sample of the VAE's posterior for the picture (the posterior is kept after its first use), n noise,
 *
 *     x_t = sqrt(a) z + sqrt(1 - a) n        loss = mean of w(t) (output - target)^2
 *     target = n, or v = sqrt(a) n - sqrt(1 - a) z
 *
 * The times of a step's B pictures are drawn one from each B-th of the range, which makes gradients less noisy.
 * Sources: Ho et al. 2020; Salimans and Ho 2022 (v); Hang et al. 2023 (min-SNR); Lin et al. 2024 (zero terminal SNR);
 * Kingma et al. 2021, appendix I.1 (times); Esser et al. 2024, eq. 23 (shifted times).
 *
 * SDXL's U-Net is told each picture's sizes beside the pooled text; a caption that is dropped is zeros, as its empty
 * negative prompt is when it draws. Its text encoders are not trained.
 *
 * VAE: loss = mean of (y - x)^2 + l1 |y - x|, + kl * mean of (mu^2 + e^lv - 1 - lv) / 2. It has no perceptual and no
 * adversarial loss. */
#ifndef SD_TRAIN_TRAIN_H
#define SD_TRAIN_TRAIN_H

#include "tensor/error.h"

#include <stddef.h>
#include <stdint.h>

/* What SDXL is told of a picture, in pixels: how large it was, and what was cut off it once it was scaled. */
typedef struct {
    int width, height, crop_top, crop_left;
} TrainSizes;

typedef struct {
    void *user;
    int64_t count;                                                      /* pictures 0..count - 1 */
    int size;                                                           /* pixels along a side */
    bool (*picture)(void *user, int64_t index, uint8_t *rgb, Error *e); /* [size,size,3] */
    char *(*caption)(void *user, int64_t index, Error *e);              /* malloc'ed; NULL on error */
    TrainSizes (*sizes)(void *user, int64_t index);                     /* NULL: of the size that is learned, whole */
} TrainData;

typedef struct {
    int64_t step, steps, pictures; /* pictures since this run began */
    double loss, lr, norm;         /* of this step; the gradient's norm before clipping */
    double seconds;                /* since this run began */
    int64_t first;                 /* steps done before this run began */
} TrainProgress;

typedef struct {
    const char *model; /* the model to start from; NULL: a small one with random weights */
    const char *out;   /* the trained model; its state is FILE.state beside it */
    const char *log;   /* a CSV file; NULL: none */
    bool vae;          /* train the VAE; else the U-Net */
    bool text;         /* and the text encoder with it */
    bool resume;       /* continue from FILE.state, which must exist */
    bool overwrite;    /* start even if out or FILE.state exists */
    bool half;         /* write F16 */
    bool recompute;    /* compute blocks again in the backward pass instead of keeping them: less memory */
    int64_t steps, batch, accumulate, save_every;
    int64_t cache; /* at most so many pictures are used */
    uint64_t seed;
    int threads;
    int64_t warmup;    /* steps in which the learning rate rises */
    double lr, min_lr; /* min_lr: where the cosine ends, as a fraction of lr */
    bool constant;     /* no cosine */
    double beta1, beta2, eps, decay;
    double clip;      /* 0: no clipping */
    double ema;       /* 0: no average */
    bool v, zero_snr; /* of a small new model; others know theirs */
    double min_snr, noise_offset, caption_dropout, word_dropout;
    double shift; /* of times, as SD3 does it: above 1, more of the noisy ones, where layouts are decided; 1: none */
    int crop;     /* VAE: pixels along a side of random crops; 0: whole pictures only */
    double crop_share;   /* the fraction of the steps, from the first, that crop */
    int64_t whole_batch; /* the batch of whole pictures in the steps after */
    double l1, kl;
    void (*begins)(void *user); /* everything was checked, the first step follows; may be NULL */
    bool (*progress)(void *user, const TrainProgress *p); /* false: save and stop */
    void (*saved)(void *user, int64_t step);              /* after the model was written; may be NULL */
    void *user;
} TrainOptions;

TrainOptions train_options(void); /* the defaults */
/* What can be said before data are looked at: ERR_ARGUMENT if out or its state exists and neither resume nor overwrite
 * is set; ERR_FILE if there is no state to resume, or a name cannot be written or looked at. Changes nothing. */
bool train_check(const TrainOptions *o, Error *e);
/* train_check, then the training; ERR_CANCELLED when progress stopped it. Nothing is written before everything is
 * checked, and neither out nor its state before the first save. What fails later is reported after the steps that were
 * done are saved; weights that are not finite are never saved. */
bool train_run(const TrainOptions *o, const TrainData *d, Error *e);

#endif
