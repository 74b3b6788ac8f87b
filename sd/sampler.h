/* sampler.h: from noise to a picture, step by step, over a callback that denoises.
 *
 * Latents are x[n] floats on the host, all pictures of a batch one after the other; a sampler never looks at shapes.
 * Samplers of the sigma space (k-diffusion's) carry x = x_0 + sigma noise and visit sigmas; those of the timestep space
 * (DDIM and its kin) carry x = sqrt(a) x_0 + sqrt(1 - a) noise and visit integer times. */
#ifndef SD_SAMPLER_H
#define SD_SAMPLER_H

#include "../tensor/error.h"
#include "schedule.h"

#include <stddef.h>
#include <stdint.h>

typedef enum {
    SPACE_SIGMA, /* denoise gives the picture D(x, sigma); points: count = steps + 1 sigmas, falling, usually to 0 */
    SPACE_TIME   /* denoise gives the noise eps(x, t); points: count times in 0..999, rising, as schedule_timesteps */
} SamplerSpace;

/* out[n] = what the model says of x[n] at one sigma or time. step counts from 0; a sampler that asks twice within a
 * step gives the same step twice. false with e set: the sampler stops and returns false. */
typedef bool (*DenoiseFn)(void *user, float *out, const float *x, float sigma_or_t, int step, Error *e);

/* out[n] = the next standard normal draw, each picture from its own generator. Samplers draw exactly when the originals
 * do, also where the draw is then multiplied by 0, so that streams stay in step with theirs. */
typedef void (*DrawFn)(void *user, float *out);

/* After each step: x[n] as it is now, denoised[n] the last prediction of the clean picture, the step just done and how
 * many there are, for progress, previews, taps and masks (x may be changed). false: stop; the sampler returns false,
 * with ERR_CANCELLED unless the callback set an error. */
typedef bool (*StepFn)(void *user, float *x, const float *denoised, int step, int steps, Error *e);

typedef struct {
    double eta;           /* 1 for ancestral samplers: all of the step's noise is new; DDIM's default is 0 */
    double s_churn;       /* 0: none */
    float s_tmin, s_tmax; /* churn only for sigmas within; 0 and INFINITY */
    float s_noise;        /* 1; Euler a has it in k-diffusion, while the webui never passes it there */
} SamplerOptions;

typedef struct {
    const Schedule *schedule;
    const float *points; /* [count], see SamplerSpace */
    int count;
    int64_t n;   /* floats in x */
    float *work; /* [n * the sampler's buffers]: a sampler allocates nothing */
    SamplerOptions options;
    DenoiseFn denoise;
    DrawFn draw;
    StepFn step; /* NULL: nobody listens */
    void *user;  /* handed to the callbacks */
} Sampling;

typedef struct Sampler {
    const char *name;       /* the webui's, as pictures carry it: "Euler a" */
    const char *aliases[5]; /* other spellings, NULL after the last; case does not matter */
    SamplerSpace space;
    int buffers;                                        /* work that it needs, in multiples of n */
    double default_eta;                                 /* 0 where it has none */
    bool (*run)(const Sampling *s, float *x, Error *e); /* x[n] in place */
} Sampler;

/* s_churn 0, s_tmin 0, s_tmax INFINITY, s_noise 1, and the sampler's own eta. */
SamplerOptions sampler_defaults(const Sampler *s);

/* Runs all steps on x[n], which begins as sampler_start left it. False with e set when a callback said so, or on
 * ERR_NUMERIC when the last x is not finite. A list of one point is no step and leaves x alone. */
bool sampler_run(const Sampler *s, const Sampling *sampling, float *x, Error *e);

/* Scales standard normal noise x[n] to what the first step expects: by the first sigma in sigma space (with sgm, the
 * webui's "SGM noise multiplier": by sqrt(1 + sigma^2)), not at all in time space. */
void sampler_start(const Sampler *s, float *x, int64_t n, const float *points, bool sgm);

/* All samplers; count tells how many. */
const Sampler *sampler_list(int *count);
/* The sampler of that name or alias, case ignored; NULL when there is none. */
const Sampler *sampler_find(const char *name);
/* The sampler whose name or alias takes the fewest edits to become this one, for "did you mean"; never NULL. */
const Sampler *sampler_nearest(const char *name);

/* From a model's raw output to what a sampler asks for (out may be any of the inputs). In sigma space the model is
 * shown sampler_scale_in(sigma) * x, and its output becomes D by eps: x - sigma eps         v: x / (sigma^2 + 1) - v
 * sigma / sqrt(sigma^2 + 1) with the operations in k-diffusion's order (external.py); in time space eps is used as it
 * is, v becomes eps = sqrt(a_t) v + sqrt(1 - a_t) x. */
float sampler_scale_in(float sigma);
void sampler_denoised_from_eps(float *out, const float *x, const float *eps, float sigma, int64_t n);
void sampler_denoised_from_v(float *out, const float *x, const float *v, float sigma, int64_t n);
void sampler_eps_from_v(float *out, const float *x, const float *v, float alpha, int64_t n);

#endif
