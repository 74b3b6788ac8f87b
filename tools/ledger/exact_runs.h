/* exact_runs.h: what the rows of exact_runs.c do. */
#ifndef SD_TOOLS_LEDGER_EXACT_RUNS_H
#define SD_TOOLS_LEDGER_EXACT_RUNS_H

#include "exact.h"
#include "sd/models/config.h"
#include "sd/sd.h"

/* A picture, and every activation on the way to it. */
typedef struct {
    const char *sampler, *scheduler, *prompt; /* the last two NULL: Automatic, and pipeline_request's */
    int width, height, steps;
    int batch, threads; /* 0: one */
    double cfg;
    double strength; /* 0: txt2img */
    double variation, eta, churn;
    int seed_side, clip_skip; /* 0: the defaults */
    int limit;                /* MB of a process of one thread; each further one may use its scratch memory as well. 0:
                               * none. What is computed at once depends on it: only the last activation is added */
    SdPrecision precision;
    DType weights;                               /* of the micro model */
    bool builtin;                                /* the model that is built in, not the micro model */
    enum { EXACT_WHOLE = 1, EXACT_PART } masked; /* 0: no mask; of img2img */
    SdFill fill;
    bool soft; /* inpainting and colour correction */
    SdTiling tiling;
    enum { EXACT_TILES = 1, EXACT_SIDES } extended; /* of img2img; 0: not */
    bool refined;                                   /* by the micro refiner, from half of the steps on */
    enum { EXACT_CONTROLNET = 1, EXACT_T2I_ADAPTER, EXACT_IP_ADAPTER, EXACT_IP_ADAPTER_PLUS } control; /* 0: none */
    SdControl how;                 /* it is asked; without its network and picture */
    const char *hires;             /* what hires fix enlarges by; EXACT_RRDBNET, EXACT_COMPACT: a network. NULL: none */
    int hires_width, hires_height; /* 0: twice the size */
    SdTiled tiled;                 /* by windows of 16 x 16 latents that overlap by 8 */
    int tile_batch;                /* windows at once; 0: one */
    const char *sd_upscale;  /* what SD upscale enlarges by, twice, in img2img; EXACT_RRDBNET: a network. NULL: none */
    SdConfig (*model)(void); /* NULL: the micro model of SD 1 */
} ExactPicture;

#define EXACT_RRDBNET "an RRDBNet"
#define EXACT_COMPACT "a compact network"

/* TAESD's halves, and upscalers, with generated weights. */
bool exact_taesd(const ExactRun *run, const ExactOn *on, Sha256 *sum, Error *e);
bool exact_upscaler(const ExactRun *run, const ExactOn *on, Sha256 *sum, Error *e);
bool exact_picture(const ExactRun *run, const ExactOn *on, Sha256 *sum, Error *e);

#endif
