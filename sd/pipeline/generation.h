/* generation.h: one request on its way to pictures.
 *
 *     sd_txt2img, sd_img2img        txt2img.c
 *       share_out                   shares.c      a batch among several GPUs, each of which calls
 *       draw_passes                 draw.c        in sd/workflow: once, or more often (hires.c, tiles.c)
 *       generate                    generate.c    the whole request on one device:
 *         generation_begin          generation.c  sizes, seeds, points, prompts; refuses what cannot be served
 *         plan_memory               plan.c        every stage on the plan backend; its mode; the arena
 *         stage_run                 stages.c      the rows of STAGES, one after the other:
 *
 *           image prompts, before: image_encode.c  pictures ──> CLIP's vision encoder, IP-Adapter ──> keys and values
 *           text    conditioning.c  prompts ──> text_states ──> CLIP ──> states of all texts
 *           text 2                  the same by the second encoder                         (SDXL)
 *                                   both for each expert: the base, and the refiner if there is one
 *           encode  encode.c        picture ──> VAE ──> latents z                                  (img2img)
 *           sample  sample.c        noise, z ──> start.c ──> x ──> sampler_run ──> latents x
 *                                                                   │  ^
 *                                                    asks, x, time  v  │  denoised
 *                                                    denoiser.c     the refiner takes over (experts.c); guidance
 *                                                                   over all texts
 *                                                    unet_calls.c   the U-Net, in as many calls as the mode says
 *                                                                   attention_calls.c looks on where maps are wanted
 *           decode  decode.c        latents x ──> VAE ──> bytes, with their text; previews, too
 *
 * With a mask, inpaint.c makes the picture that is encoded, blends z into what the denoiser answers, and lays the kept
 * pixels over the bytes.
 *
 * Planning and running go through the same functions. A context of the plan backend (ctx_plans) has an arena without
 * memory; there, only what touches numbers on the host is left out. */
#ifndef SD_PIPELINE_GENERATION_H
#define SD_PIPELINE_GENERATION_H

#include "networks.h"
#include "sd/load/weights.h"
#include "sd/models/controlnet_union.h"
#include "sd/noise/picture_noise.h"
#include "sd/sampling/points.h"
#include "taps.h"
#include "sd/pipeline/text/text_states.h"
#include "sd/pipeline/denoiser/windows.h"

/* In the order in which they run. */
typedef enum {
    STAGE_TEXT,
    STAGE_TEXT_2,
    STAGE_ENCODE,
    STAGE_SAMPLE,
    STAGE_PREVIEW, /* in the midst of sampling */
    STAGE_DECODE,
    STAGE_COUNT
} StageIndex;

/* How a stage is made to fit. All modes give the same bits; slower ones take less memory. */
typedef struct {
    int texts, pictures; /* in one U-Net call: all of both, or fewer */
    int vae_strips;      /* levels of the VAE that are made strip by strip, counted from the picture's side */
    bool streamed;       /* large weights stay in the file until an op needs them */
    size_t ahead;        /* bytes of them that are read before that (sd/load/read_ahead.h) */
    size_t strip;        /* Ctx.strip: what a layer may take for temporaries */
} Mode;

typedef struct {
    Part part; /* whose weights it needs */
    Mode mode;
    size_t peak; /* bytes of the arena */
} StagePlan;

/* What a U-Net, or a ControlNet's half of one, makes of the texts and the time, computed once for all calls that share
 * it. */
typedef struct {
    const Unet *unet;
    Tensor cross_kv[MOST_UNET_CALLS];    /* [texts,T,channels]: keys, values of each call's context; or itself */
    Tensor labels[MOST_UNET_CALLS];      /* [texts,width]: each text's label embedding, where the U-Net takes one */
    Tensor time_shifts[MOST_UNET_CALLS]; /* [1,channels], one for all calls; with labels [texts,channels] */
    float time;                          /* that the shifts are of; NAN: none yet */
    const ControlnetUnion *kinds;        /* of a ControlNet Union: which adds to labels; else NULL */
    int kind;                            /* of its hint */
} UnetTexts;

/* The texts of all experts lie at the bottom of the arena, below all stages, and above them what the U-Net of the
 * expert at work, and the ControlNets beside it, make of its. */
typedef struct {
    TextStates text;
    UnetTexts unet;
} Conditioning;

/* A ControlNet that has a say in the pictures (control.h). */
typedef struct {
    const SdControl *of;
    SdControlNet *net;
    WeightSource source;
    uint8_t *hint;    /* [hints][height][width][3], owned */
    uint8_t *unknown; /* [hints][height][width], owned: above 127 where the hint is to be painted; NULL: nowhere */
    int hints;        /* one for all pictures, or one for each of the batch */
    uint8_t *cut;     /* [pixels of a window][3], owned: to work in; NULL: there is one window */
    UnetTexts texts;  /* of a ControlNet */
    Tensor guide[MAX_LEVELS]; /* what it makes of each hint's windows alone, beside the texts, [control_rows,...]: one,
                               * or a T2I-Adapter's features; of an IP-Adapter its kv (ImageStates) */
    int guides;
    bool guided;     /* they are made */
    float *image_kv; /* of an IP-Adapter: what it makes of its picture (image_prompt.h), owned; NULL: not yet */
} Control;

/* A model that draws part of a picture. */
typedef struct {
    SdModel *m;
    Conditioning cond;
    StagePlan stages[STAGE_COUNT];
    size_t scratch; /* of each thread that ops may use (thread_pool.h) */
    WeightSource source;
} Expert;

enum { BASE, REFINER, MOST_EXPERTS };

typedef struct Inpaint Inpaint;             /* inpaint.h */
typedef struct AttentionMaps AttentionMaps; /* attention_maps.h */

/* One of several passes over a picture (hires.h, tiles.h), or drawings of its parts (outpaint.h). All zero: the only
 * one. */
typedef struct {
    bool first;                       /* another one follows */
    bool encodes, decodes;            /* it only encodes its picture, into `latents`; only decodes z */
    bool from_latents, from_pictures; /* as img2img it begins with one of these, which are NULL while planning: */
    const float *z;                   /* [batch][C][h][w] */
    uint8_t **pictures;               /* [batch]: [picture_h][picture_w][3], */
    int picture_w, picture_h;         /* of whose latents the first cut_x columns and cut_y rows are left out, */
    int cut_x, cut_y;                 /* and those after the pass' own */
    const uint8_t *latent_mask;       /* [height][width]: of the latents, where it is not the request's mask */
    uint8_t **kept, **masks; /* [batch] of a request with a mask: what lies over the finished pictures, [height][width]
                              * [3], and what is repainted of each, [height][width], blurred; not read while planning.
                              * NULL: the picture and the mask that the request has */
    uint8_t **control_tiles[SD_MOST_CONTROLS]; /* [batch]: [height][width][3], what hints are made of in place of the
                                                * request's picture; not read while planning. NULL: that */
    uint8_t **control_masks[SD_MOST_CONTROLS]; /* [batch]: [height][width]: likewise, of SD_HINT_INPAINT */
    size_t held;                               /* bytes that its caller holds while it is drawn */
    float **latents;       /* where its own latents go, malloc'ed, and no picture is made; NULL: one is */
    int calls_before;      /* denoiser calls of the pass before, which prompts' switches count from */
    const SdRequest *told; /* what the pictures' texts say; NULL: the pass' request, of its model */
    SdModel *told_model;
    const NetworkList *told_networks; /* of all passes; NULL: the pass' own */
    char **told_embeddings; /* what is said of embeddings: the first pass sets it, the last one adds its own; or NULL */
    TapFile *taps;          /* of all passes; NULL: nobody listens, or there is one pass */
    const char *before;     /* what comes before the names of its activations, or NULL */
} Pass;

typedef struct {
    /* derived from the request */
    SdModel *m; /* the base */
    const SdRequest *r;
    Pass pass;
    const Sampler *sampler;
    const Scheduler *scheduler; /* NULL: Automatic */
    uint64_t seed, variation_seed;
    int batch, group;     /* pictures; those that are sampled together: all, or one (SAMPLER_ADAPTIVE) */
    int steps;            /* of the schedule that are run */
    int64_t h, w, latent; /* latents: rows, columns, floats of one picture */
    Windows windows;      /* of latents, that the U-Net is given; usually one */
    const uint8_t *image; /* [height][width][3], img2img's picture at the request's size (the x4 upscaler's: [h][w][3]);
                           * NULL: none */
    uint8_t *resized;     /* owns `image`, unless it is the request's own */
    Inpaint *inpaint;     /* what a mask says; NULL: none */
    AttentionMaps *maps;  /* of words; NULL: not wanted */
    Points points;
    NetworkList networks;
    Embeddings embeddings; /* the model's with those that networks bring along; none: the model's */

    /* where it runs */
    SdPlan plan;
    Expert experts[MOST_EXPERTS];
    int expert_count;  /* 2 with a refiner */
    Expert *now;       /* the one at work */
    int stage, nested; /* the stage at work, and one that runs in its midst, or -1 */
    Control *controls; /* [control_count] */
    int control_count;
    double control_done;     /* the share of sampling that is done, as ControlNets count it (control_calls.h) */
    size_t texts;            /* bytes of the arena that the texts of all experts take */
    bool states;             /* to save memory: every U-Net call makes its keys and values of texts (CrossKv) */
    bool keep;               /* weights and memory stay with the models for the next call */
    struct ReadAhead *ahead; /* for all models; NULL: no stage has weights streamed, or there are no threads */
    Ctx ctx;
    Workspace work;
    TapFile *taps; /* NULL: nobody listens */
    Taps listener;
    double started; /* seconds on os_clock, for progress */

    /* what stages hand on */
    float *z;      /* [batch][C][h][w]: img2img's encoded picture; NULL: none */
    float *beside; /* [batch][further channels of the U-Net's input][h][w]: beside.h; NULL: none */
    float *x;      /* [batch][C][h][w]: the sampler's latents */
    bool *refined; /* [batch]: whether the refiner has taken the picture over; NULL: none yet */
    PictureNoise *noise;
    SdResult *out;
} Generation;

/* Whether it begins with a picture, as img2img does, and whether that has to be encoded. */
bool generation_has_start(const Generation *g);
bool generation_encodes(const Generation *g);
/* Whether that has a size of its own, and its latents are stretched (SD_RESIZE_LATENT). */
bool generation_stretches(const Generation *g);
/* Fills what is derived from the request. pass NULL: the only one. ERR_ARGUMENT for what cannot be served.
 * generation_end in any case. */
bool generation_begin(Generation *g, SdModel *m, const SdRequest *r, const Pass *pass, Error *e);
void generation_end(Generation *g);

/* For stages. */

/* The weights of the expert at work, which the next ops read, are there as `mode` says. */
void use_weights(Generation *g, const Mode *mode);
/* Has a thread bring so many bytes of streamed weights before they are needed; 0: none. */
void read_weights_ahead(Generation *g, size_t bytes);
/* Tells the caller. False, with ERR_CANCELLED, when it wants no more. */
bool report_progress(Generation *g, SdStage stage, int step, int steps, Error *e);
/* Activations go to the request's taps from here on, under names with this prefix. */
void listen_to(Generation *g, const char *format, ...) __attribute__((format(printf, 2, 3)));
void stop_listening(Generation *g);
/* Latents x [pictures][C][h][w] go to the taps under this name. */
bool tap_latents(Generation *g, const char *name, const float *x, int pictures, Error *e);

#endif
