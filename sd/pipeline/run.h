/* run.h: one request on its way from prompt to pictures. The same code plans it and runs it: with the plan backend it
 * allocates from an arena without memory and computes nothing. */
#ifndef SD_PIPELINE_RUN_H
#define SD_PIPELINE_RUN_H

#include "sd/load/weights.h"
#include "sd/noise/picture_noise.h"
#include "sd/sampling/points.h"
#include "taps.h"
#include "text_states.h"

/* How a stage is made to fit. The bits are the same in every mode; costlier ones take less memory. */
typedef struct {
    int texts, pictures; /* of a U-Net call: all of both, or fewer */
    int tiled;           /* levels of the VAE that are made strip by strip, from the picture's side */
    bool streamed;       /* weights stay in the file until an op needs them */
} Mode;

typedef struct {
    SdModel *m;
    const SdRequest *r;
    const Sampler *sampler;
    const Scheduler *scheduler; /* NULL: Automatic */
    Ctx ctx;
    Workspace work;
    SdPlan plan;
    Mode mode[PART_COUNT];
    bool keep; /* parts stay in memory for the next call */
    WeightSource source;

    int batch;
    int64_t h, w, latent; /* latents: rows, columns, floats of one picture */
    TextStates text;
    Tensor keys[2]; /* [1,T,keys] or [sides,T,keys]: what the U-Net makes of each call's context */
    Tensor times;   /* [1,times]: what it makes of `time` */
    float time;     /* NAN: of none yet */

    float *x;             /* [batch][C][h][w], the sampler's latents */
    float *eps;           /* [sides][group][C][h][w]: the negative prompt's (when guided), then each part's */
    float *z;             /* [batch][C][h][w], img2img's encoded picture; NULL: none */
    const uint8_t *image; /* [height][width][3], img2img's picture at the request's size; NULL: none */
    uint8_t *resized;     /* what run->image points to when it is not the request's own */
    PictureNoise *noise;
    int first, group; /* the pictures being sampled: all, or one by one (SAMPLER_ADAPTIVE) */
    uint64_t seed, variation_seed;

    TapFile *taps;
    Taps listener;
    int step, calls; /* the sampler's step and the U-Net's calls in it, for names */
    int asked;       /* the denoiser's calls so far: prompts change by these */
    double started;
    char blame[128]; /* the first layer whose output is not finite */
} Run;

/* Fills what follows from the request. False on what cannot be served. */
bool run_init(Run *run, SdModel *m, const SdRequest *r, Error *e);
void run_free(Run *run);
/* Exact bytes and FLOPs (run_plan.c); chooses modes that the memory limit allows, and reserves the arena. */
bool run_plan(Run *run, Error *e);
/* Loads a part as its mode says. */
bool run_load(Run *run, Part part, Error *e);
/* A stage's arena, before its weights: on a GPU, whose memory is taken whether it is used or not, each stage has one
 * of its own size, unless the request keeps it. */
bool run_arena(Run *run, size_t size, Error *e);
/* The part whose weights ops are about to read. */
void run_use(Run *run, Part part);
/* What a stage leaves behind when it ends. */
void run_leave(Run *run, Part part);

/* Where the text states lie, and what the U-Net makes of them, at the arena's bottom; and the text encoder on the
 * context's backend. */
void run_place_states(Run *run);
void run_text_stage(Run *run);

/* Stages. Each loads the part it needs and releases it unless the request keeps it. */
bool run_text(Run *run, Error *e);
bool run_encode(Run *run, Error *e);
bool run_sample(Run *run, Error *e);
bool run_decode(Run *run, SdResult *out, Error *e);

/* U-Net call i of a step, or as many as the mode makes of it, the group's pictures for each of its texts:
 * eps[texts][group][C][h][w] from x[group][C][h][w] scaled. */
bool run_unet(Run *run, float *eps, const float *x, float scale, float time, int i, Error *e);
/* What the calls of denoiser's call number `asked` need of its texts (all of them while planning) and time. */
void run_turn(Run *run, int asked);

/* Shows the group's pictures as they are predicted now (txt2img.c). */
bool run_preview(Run *run, const float *denoised, int step, int steps, Error *e);

/* Where sampling begins (start.c): the points that the sampler visits, and run->x. */
bool run_points(Run *run, Points *points, Error *e);
bool run_start(Run *run, const Points *points, Error *e);

/* Offers latents x [pictures][C][h][w] under a name. */
bool run_tap_latents(Run *run, const char *name, const float *x, int pictures, Error *e);

/* planes[C][count] to pixels[count][C], scaled; and back */
void to_pixels(float *out, const float *planes, int64_t channels, int64_t count, float scale);
void to_planes(float *out, const float *pixels, int64_t channels, int64_t count);

/* The whole request on the model's own device; sd_txt2img and sd_img2img, once they have looked at it. */
bool run_pictures(SdModel *m, const SdRequest *r, SdResult *out, Error *e);
/* The same, its batch shared out among the model and its peers (shares.c). */
bool run_shares(SdModel *m, const SdRequest *r, SdResult *out, Error *e);

bool run_progress(Run *run, SdStage stage, int step, int steps, Error *e);

#endif
