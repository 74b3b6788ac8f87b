/* scheduler.h: schedules, the webui's "Schedule type": how a run's steps are spread over the model's sigmas. How noisy
 * each time is belongs to the model (noise_levels.h); a run's list, as its sampler needs it: points.h. */
#ifndef SD_SAMPLING_SCHEDULER_H
#define SD_SAMPLING_SCHEDULER_H

#include "sampler.h"

/* img2img may make long lists and take their tail. */
enum { LONGEST_LIST = 10000, MOST_SIGMAS = LONGEST_LIST + 2 };

/* The webui's settings; 0: the default. */
typedef struct {
    double sigma_min, sigma_max;  /* ends other than the model's, both within 1e-4..1e5 */
    double rho;                   /* of Karras (7) and Polyexponential (1) */
    double beta_alpha, beta_beta; /* of Beta (0.6) */
    bool discard;                 /* discard the next-to-last sigma with any sampler */
    bool old_karras;              /* "use old karras scheduler sigmas": ends .1 and 10 */
    bool xl;                      /* Align Your Steps: the table for SDXL */
} ScheduleOptions;

typedef struct ScheduleArgs ScheduleArgs; /* scheduler.c: the model's sigmas, ends and options */

/* Writes the sigmas of n steps; returns how many there are. */
typedef int FillFn(const ScheduleArgs *in, int n, float *out);

typedef struct Scheduler {
    const char *label;      /* the webui's, as pictures carry it: "Align Your Steps" */
    const char *aliases[4]; /* its internal name first; NULL after the last */
    double rho;             /* the default; 0: has none */
    bool ends;              /* sigma_min and sigma_max apply */
    bool unit_start; /* x begins as noise of sqrt(1 + sigma^2), not of sigma, as a time-space x that is noise alone */
    FillFn *fill;    /* NULL: Automatic */
} Scheduler;

/* All schedule types; *count: how many. */
const Scheduler *scheduler_list(int *count);
/* By label or alias, ignoring case; NULL: there is none. */
const Scheduler *scheduler_find(const char *name);
/* "'Karras', 'Beta' or 'Normal'": the nearest few labels. */
void scheduler_suggest(const char *name, char *out, size_t size);

/* A sampler by name as people and pictures write it, perhaps with a schedule at its end: "DPM++ 2M Karras", "k_lms_ka".
 * *scheduler becomes that schedule, if one is named, and Automatic where it is the sampler's default, as in the webui.
 * NULL: there is no such sampler. */
const Sampler *sampler_parse(const char *name, const Scheduler **scheduler);

/* ERR_ARGUMENT if both ends are given and sigma_min is not below sigma_max. */
bool schedule_options_check(const ScheduleOptions *o, Error *e);

/* The sigmas of a schedule type (Automatic: Uniform) for that many steps, not rising, into out, which has room for
 * MOST_SIGMAS: `steps` of them and 0 for most types; *count: how many. lcm: of LCM's levels alone. ERR_ARGUMENT for
 * ends that do not fall, and for a rho that leaves sigmas of 0 or infinity. 1 <= steps <= LONGEST_LIST. */
bool scheduler_sigmas(const Scheduler *scheduler, const NoiseLevels *levels, bool lcm, int steps,
                      const ScheduleOptions *o, float *out, int *count, Error *e);

#endif
