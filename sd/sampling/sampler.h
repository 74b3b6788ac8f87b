/* sampler.h: from noise to a picture, step by step, over a callback that denoises.
 *
 * Latents are x[n] floats on the host, all pictures of a batch in a row; a sampler never looks at shapes. Samplers in
 * sigma space (k-diffusion's) carry x = x_0 + sigma noise and visit sigmas; those in time space (DDIM and its kin)
 * carry x = sqrt(a) x_0 + sqrt(1 - a) noise and visit times. Which points a run visits, and where img2img begins:
 * points.h. Where noise comes from: picture_noise.h. */
#ifndef SD_SAMPLING_SAMPLER_H
#define SD_SAMPLING_SAMPLER_H

#include "tensor/error.h"
#include "noise_levels.h"

#include <stddef.h>
#include <stdint.h>

typedef enum {
    SPACE_SIGMA, /* denoise gives the picture D(x, sigma); points: sigmas, falling, usually to 0 */
    SPACE_TIME   /* denoise gives the noise eps(x, t); points: times in 0..999, rising */
} SamplerSpace;

/* One evaluation of the model. */
typedef struct {
    const float *x; /* [n] */
    float sigma;    /* sigma space: how much noise x holds; 0 in time space */
    float time;     /* what the network receives, 0..999, often fractional */
    int step;       /* from 0; both evaluations of a two-evaluation step have the same number */
    float *uncond;  /* NULL, or with SAMPLER_CFGPP [n]: receives the negative prompt's prediction, same space */
} Ask;

/* out[n] = the model's prediction. false with e set: the sampler stops and returns false. */
typedef bool (*DenoiseFn)(void *user, const Ask *ask, float *out, Error *e);

/* out[n] = the next standard normal draw, each picture from its own generator. Samplers draw exactly when the originals
 * do, even where the draw is multiplied by 0, so that the streams stay in step with theirs. */
typedef void (*DrawFn)(void *user, float *out);

/* out[n] = standard normal noise for the interval between two sigmas, from each picture's Brownian path. */
typedef void (*BrownianFn)(void *user, float *out, float from, float to);

/* After each step, for progress, previews, taps and masks: x[n] (which may be changed), denoised[n] the latest
 * prediction of the clean picture, the step just done and the number of steps. A sampler that chooses its own steps
 * (SAMPLER_ADAPTIVE) gives steps = step + 2 until the last. false: stop; the sampler returns false, with ERR_CANCELLED
 * unless the callback set an error. */
typedef bool (*StepFn)(void *user, float *x, const float *denoised, int step, int steps, Error *e);

typedef struct {
    double eta;           /* share of a step's noise that is new: 1 in ancestral samplers, 0 by default in DDIM */
    double s_churn;       /* 0: none */
    float s_tmin, s_tmax; /* the range of sigmas with churn; 0 and INFINITY */
    float s_noise;        /* scales new noise; 1 */
    int unipc_order;      /* 3; 1..3 */
    int unipc_variant;    /* UNIPC_BH1 */
    bool unipc_lower_order_final; /* true */
} SamplerOptions;

enum { UNIPC_BH1, UNIPC_BH2, UNIPC_VARY_COEFF };

typedef struct {
    const NoiseLevels *levels;
    const float *points; /* [count], see SamplerSpace */
    int count;
    float low, high; /* SAMPLER_BOUNDS: the sigmas to run between; high 0: points[count - 2] and points[0] */
    bool tail;       /* img2img: points are the tail of a list (UniPC then begins elsewhere) */
    int64_t n;       /* floats in x */
    float *work;     /* [n * Sampler.buffers]: samplers do not allocate */
    SamplerOptions options;
    DenoiseFn denoise;
    DrawFn draw;
    BrownianFn brownian; /* for SAMPLER_BROWNIAN only */
    StepFn step;         /* may be NULL */
    void *user;          /* for the callbacks */
} Sampling;

/* What a sampler has, needs, or does its own way. */
enum {
    /* options that apply; without the flag they keep their defaults, as in the webui */
    SAMPLER_ETA = 1 << 0,
    SAMPLER_CHURN = 1 << 1, /* s_churn, s_tmin, s_tmax */
    SAMPLER_S_NOISE = 1 << 2,

    SAMPLER_TWO_CALLS = 1 << 3, /* two model calls a step: the webui counts 2 steps for progress and prompts */
    SAMPLER_BROWNIAN = 1 << 4,  /* takes noise from a Brownian path, not from the first noise's generator */
    SAMPLER_ENSD = 1 << 5,      /* the webui writes the eta noise seed delta into its pictures */
    SAMPLER_CFGPP = 1 << 6, /* CFG++: needs the negative prompt's prediction at any guidance scale; see sampler_cfg */

    /* the points it visits */
    SAMPLER_BOUNDS = 1 << 7,     /* chooses its own sigmas, between the model's ends */
    SAMPLER_DISCARD = 1 << 8,    /* schedules one extra step, then drops the last nonzero sigma */
    SAMPLER_LCM_LEVELS = 1 << 9, /* of LCM's 50 times (lcm_levels.h) in place of the model's 1000 */
    SAMPLER_ONE_POINT = 1 << 10, /* can run on a single point; the others step from one point to the next */
    SAMPLER_DIFFUSERS = 1 << 11, /* times as diffusers has them: as many as steps, and img2img evaluates each one */

    SAMPLER_ADAPTIVE = 1 << 12 /* chooses its steps by what x is; to be run one picture at a time, or the pictures of a
                                  batch would decide each other's steps */
};

typedef bool SampleFn(const Sampling *s, float *x, Error *e); /* x[n] in place */

typedef struct Sampler {
    const char *name;       /* the webui's, as pictures carry it: "Euler a" */
    const char *aliases[8]; /* other spellings, NULL after the last; case does not matter */
    SamplerSpace space;
    int buffers;           /* of work, in multiples of n */
    int flags;             /* SAMPLER_... */
    double default_eta;    /* 0 without SAMPLER_ETA */
    const char *scheduler; /* the schedule type that "Automatic" means; NULL: Uniform */
    SampleFn *run;
} Sampler;

/* s_churn 0, s_tmin 0, s_tmax INFINITY, s_noise 1, UniPC's, and the sampler's own eta. */
SamplerOptions sampler_defaults(const Sampler *s);

/* Runs all steps on x[n], which sampler_start or points_start prepared. Options that the sampler lacks are taken as
 * their defaults, as in the webui. false: a callback failed, the method cannot step between these points
 * (ERR_ARGUMENT), or the last x is not finite (ERR_NUMERIC). */
bool sampler_run(const Sampler *s, const Sampling *sampling, float *x, Error *e);

/* Whether schedule types apply: not in time space, nor to a sampler that chooses its own sigmas. */
bool sampler_has_schedule(const Sampler *s);

/* The guidance scale to use for `cfg`: cfg itself, or for CFG++ cfg / 12.5, so that the usual scales serve. */
double sampler_cfg(const Sampler *s, double cfg);

/* Scales standard normal noise x[n] to what the first step expects: by the first sigma in sigma space (with `unit`, the
 * webui's "SGM noise multiplier" and Points.unit_start: by sqrt(1 + sigma^2)), not at all in time space. */
void sampler_start(const Sampler *s, float *x, int64_t n, const float *points, bool unit);

/* All samplers; *count: how many. */
const Sampler *sampler_list(int *count);
/* The sampler of that name or alias, ignoring case; NULL: there is none. */
const Sampler *sampler_find(const char *name);
/* The sampler whose name or alias is the fewest edits from this one, for "did you mean"; never NULL. */
const Sampler *sampler_nearest(const char *name);
/* "'Euler', 'Euler a' or 'Heun'": the nearest few names. */
void sampler_suggest(const char *name, char *out, size_t size);

/* From a model's raw output to what a sampler needs, with the operations in the order of k-diffusion's external.py; out
 * may be any of the inputs.
 *  - Sigma space: the model receives sampler_scale_in(sigma) * x, and its output becomes
 *      D = x - sigma eps   or   D = x / (sigma^2 + 1) - v sigma / sqrt(sigma^2 + 1).
 *  - Time space: eps is used as it is, v becomes eps = sqrt(a_t) v + sqrt(1 - a_t) x, and a model that gives x_0
 *    itself eps = (x - sqrt(a_t) x_0) / sqrt(1 - a_t). */
float sampler_scale_in(float sigma);
void sampler_denoised_from_eps(float *out, const float *x, const float *eps, float sigma, int64_t n);
void sampler_denoised_from_v(float *out, const float *x, const float *v, float sigma, int64_t n);
void sampler_eps_from_v(float *out, const float *x, const float *v, float alpha, int64_t n);
void sampler_eps_from_clean(float *out, const float *x, const float *clean, float alpha, int64_t n);

#endif
