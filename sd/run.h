/* run.h: one request on its way from prompt to pictures. The same code plans it and runs it: with the plan backend it
 * allocates from an arena without memory and computes nothing. */
#ifndef SD_RUN_H
#define SD_RUN_H

#include "conditioning.h"
#include "model.h"
#include "noise.h"
#include "sampler.h"
#include "taps.h"

typedef struct {
    SdModel *m;
    const SdRequest *r;
    const Sampler *sampler;
    Ctx ctx;
    Arena arena;
    SdPlan plan;

    int batch;
    int64_t h, w, latent;    /* latents: rows, columns, floats of one picture */
    bool guided;             /* CFG is not 1: the negative prompt counts */
    bool together;           /* both prompts have as many tokens: one U-Net call */
    Conditioning prompts[2]; /* negative, positive */
    Tensor states[2];        /* [batch,T,width] each; when together, halves of one [2 batch,T,width] */
    Tensor both;

    float *x;     /* [batch][C][h][w], the sampler's latents */
    float *eps;   /* [2][batch][C][h][w] */
    Noise *noise; /* [batch] */
    uint64_t seed;

    TapFile *taps;
    Taps listener;
    int step, calls; /* the sampler's step and the U-Net's calls in it, for names */
    double started;
    char blame[128]; /* the first layer whose output is not finite */
} Run;

/* Fills what follows from the request. False on what cannot be served. */
bool run_init(Run *run, SdModel *m, const SdRequest *r, Error *e);
void run_free(Run *run);
/* Exact bytes and FLOPs; checks them against the memory limit. */
bool run_plan(Run *run, Error *e);

/* Stages. Each loads the part it needs and releases it unless the request keeps it. */
bool run_text(Run *run, Error *e);
bool run_sample(Run *run, Error *e);
bool run_decode(Run *run, SdResult *out, Error *e);

/* One U-Net call on pictures that share their number of tokens: eps[pictures][C][h][w] from x[batch][C][h][w] scaled,
 * repeated for each half. Used by run_sample. */
bool run_unet(Run *run, float *eps, const float *x, float scale, float t, Tensor states, Error *e);

/* Seconds on a clock that never jumps. */
double run_clock(void);
bool run_progress(Run *run, int stage, int step, int steps, Error *e);

#endif
