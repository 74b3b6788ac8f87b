/* train.h: training of Stable Diffusion's networks on captioned pictures.
 *
 * The same layers that make pictures run with a tape (tensor/tape.h). Every random number follows from the seed, the
 * step and its purpose, so that the state beside the output (FILE.state: parameters, moments, average, step) is all
 * that resuming needs: the same command, interrupted anywhere and resumed, ends in the same bytes.
 *
 *   U-Net  z = the picture's latents, drawn from the VAE's posterior (kept after their first use); x_t = sqrt(a) z +
 *          sqrt(1 - a) n; loss = mean of w(t) (output - target)^2, target n, or v = sqrt(a) n - sqrt(1 - a) z. Each of
 *          a step's B pictures has its own B-th part of the times, which makes gradients less noisy.
 *          Source: Ho et al. 2020; Salimans and Ho 2022 (v); Hang et al. 2023 (min-SNR); Lin et al. 2024 (zero terminal
 *          SNR); Kingma et al. 2021, appendix I.1 (times); Esser et al. 2024, eq. 23 (their shift).
 *   VAE    mean of (y - x)^2 + l1 |y - x|, + kl * mean of (mu^2 + e^lv - 1 - lv) / 2.
 * Left out: perceptual and adversarial losses of the VAE. */
#ifndef SD_TRAIN_TRAIN_H
#define SD_TRAIN_TRAIN_H

#include "tensor/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    void *user;
    int64_t count;                                                      /* pictures 0..count - 1 */
    int size;                                                           /* pixels along a side */
    bool (*picture)(void *user, int64_t index, uint8_t *rgb, Error *e); /* [size,size,3] */
    bool (*caption)(void *user, int64_t index, char *text, size_t room, Error *e);
} TrainData;

typedef struct {
    int64_t step, steps, pictures; /* pictures since this run began */
    double loss, lr, norm;         /* of this step; the gradients' length before clipping */
    double seconds;                /* since this run began */
    int64_t first;                 /* the step this run began behind */
} TrainProgress;

typedef struct {
    const char *model;                                   /* NULL: a small model begins from nothing */
    const char *out;                                     /* the model; FILE.state beside it */
    const char *log;                                     /* a CSV file; NULL: none */
    bool vae;                                            /* train the VAE; else the U-Net */
    bool text;                                           /* and the text encoder with it */
    bool resume;                                         /* go on from FILE.state, which must be there */
    bool overwrite;                                      /* begin although out or FILE.state is there */
    bool half;                                           /* write F16 */
    bool recompute;                                      /* blocks are computed again on the way back: less memory */
    int64_t steps, batch, accumulate, save_every, cache; /* cache: how many pictures are used, at most */
    uint64_t seed;
    int threads;
    int64_t warmup;                        /* steps in which the rate rises */
    double lr, min_lr;                     /* min_lr: where the cosine ends, as a part of lr */
    bool constant;                         /* no cosine */
    double beta1, beta2, eps, decay, clip; /* clip 0: no clipping */
    double ema;                            /* 0: none */
    bool v, zero_snr;                      /* for a model from nothing; others say themselves */
    double min_snr, noise_offset, caption_dropout, word_dropout;
    double shift; /* of times, as SD3's: > 1 for more of the noisy ones, where layouts are decided; 1: evenly */
    int crop;     /* VAE: pixels along a side of a random part; 0: whole pictures */
    double crop_share, l1, kl;                            /* crop_share: of the steps, from the beginning */
    int64_t whole_batch;                                  /* batch of whole pictures behind the crops */
    bool (*progress)(void *user, const TrainProgress *p); /* false: save and stop */
    void (*saved)(void *user, int64_t step);              /* the model was written; NULL: nobody asks */
    void *user;
} TrainOptions;

TrainOptions train_options(void); /* the defaults */
/* ERR_ARGUMENT where out or its state is there and neither resume nor overwrite is set; until the first save, out is
 * touched only by a model that begins from nothing. */
bool train_run(const TrainOptions *o, const TrainData *d, Error *e);

#endif
