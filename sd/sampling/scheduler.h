/* scheduler.h: which sigmas or times a run visits: the webui's "Schedule type".
 *
 * A run's points come from a sampler, a schedule type and a number of steps; an img2img run takes the last part of
 * them. How noisy a time is belongs to the model, see noise_levels.h. */
#ifndef SD_SAMPLING_SCHEDULER_H
#define SD_SAMPLING_SCHEDULER_H

#include "sampler.h"

enum {
    LONGEST_LIST = 10000,
    MOST_POINTS = LONGEST_LIST + 2
}; /* img2img may make long lists and take their last part */

/* The webui's settings; 0 means that they do not speak. */
typedef struct {
    double sigma_min, sigma_max;  /* ends other than the model's, both within 1e-4..1e5 */
    double rho;                   /* of Karras (7) and Polyexponential (1) */
    double beta_alpha, beta_beta; /* of Beta (0.6) */
    bool discard;                 /* always discard the next-to-last sigma */
    bool old_karras;              /* "use old karras scheduler sigmas": ends .1 and 10 */
    bool xl;                      /* Align Your Steps: the table for SDXL */
} ScheduleOptions;

typedef struct Curve Curve; /* scheduler.c: the model's sigmas, ends and options, for a schedule's function */

typedef struct Scheduler {
    const char *label;      /* the webui's, as pictures carry it: "Align Your Steps" */
    const char *aliases[3]; /* its internal name first; NULL after the last */
    double rho;             /* the default, 0: has none */
    bool ends;              /* sigma_min and sigma_max count */
    int (*fill)(const Curve *c, int n,
                float *out); /* writes the sigmas for n steps, returns how many; NULL: Automatic */
} Scheduler;

const Scheduler *scheduler_list(int *count);
/* By label, name or alias, case ignored; NULL when there is none. */
const Scheduler *scheduler_find(const char *name);
void scheduler_suggest(const char *name, char *out, size_t size);

/* A sampler's name as people and pictures write it, which may end with a schedule: "DPM++ 2M Karras", "k_lms_ka".
 * *scheduler is changed to that one, if there is one; to Automatic where it is the sampler's default, as the webui
 * does. NULL when there is no such sampler. */
const Sampler *sampler_parse(const char *name, const Scheduler **scheduler);

typedef struct {
    float values[MOST_POINTS];
    int count;
    float low, high;               /* smallest sigma above 0 and largest of the whole list: a Brownian path's ends */
    float bounds_low, bounds_high; /* for Sampling.low and .high */
    bool part;
    float level; /* part: the sigma, or in time space the alpha, of x before the first step */
} Points;

/* The points of a run. scheduler NULL: Automatic. options may be NULL. ERR_ARGUMENT for steps outside 1..LONGEST_LIST
 * (in time space 1000), for ends that do not fall, for a rho that leaves sigmas of 0 or infinity, and where the sampler
 * would not ask the model even once, as DDIM with 1 step (the webui hands out pure noise then). */
bool points_make(Points *p, const NoiseLevels *model, const Sampler *sampler, const Scheduler *scheduler, int steps,
                 const ScheduleOptions *options, Error *e);

/* Cuts p, made for `whole` steps, to its last part of `part` steps (1..whole), for img2img. Samplers of times begin as
 * the webui's do, with the noise of a time above the first one that they evaluate; at_first: with that of the first
 * itself, as diffusers' do (there they evaluate one time more). ERR_ARGUMENT when nothing remains to be done. */
bool points_part(Points *p, const NoiseLevels *model, const Sampler *sampler, int whole, int part, bool at_first,
                 Error *e);

/* x[n]: noise in, the first step's x out: of a picture's latent [n] with p->level's noise. For parts. */
void points_start(const Points *p, const Sampler *sampler, float *x, const float *latent, int64_t n);

#endif
