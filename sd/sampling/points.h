/* points.h: the points that a run visits: sigmas, falling, or times, rising (SamplerSpace). They come from a sampler, a
 * schedule type and a number of steps; img2img runs the tail of the list. */
#ifndef SD_SAMPLING_POINTS_H
#define SD_SAMPLING_POINTS_H

#include "scheduler.h"

typedef struct {
    float *values; /* the caller's, room for MOST_SIGMAS */
    int count;
    float low, high;               /* smallest sigma above 0 and largest of the whole list: a Brownian path's ends */
    float bounds_low, bounds_high; /* for Sampling.low and .high */
    bool unit_start;               /* x begins as noise of sqrt(1 + sigma^2): for sampler_start */
    bool tail;                     /* img2img: the points are the tail of a list, */
    float level;                   /* and this is x's sigma, or in time space alpha, before the first step */
} Points;

/* The points of a run. scheduler NULL: Automatic. options may be NULL. ERR_ARGUMENT for steps outside 1..LONGEST_LIST
 * (in time space 1000), for options that scheduler_sigmas refuses, and where the sampler would not call the model even
 * once, such as DDIM with 1 step (the webui returns pure noise then). */
bool points_make(Points *p, const NoiseLevels *levels, const Sampler *sampler, const Scheduler *scheduler, int steps,
                 const ScheduleOptions *options, Error *e);

/* Cuts p, made for `whole` steps, to the last `tail` of them (1..whole), for img2img. In time space the webui starts
 * with the noise of one time above the first that is evaluated; at_first: with that of the first itself, as diffusers
 * does, which evaluates one time more. ERR_ARGUMENT when no step is left. */
bool points_tail(Points *p, const NoiseLevels *levels, const Sampler *sampler, int whole, int tail, bool at_first,
                 Error *e);

/* After points_tail. x[n]: noise in; out: the latent [n] with noise of p->level, where the first step begins, and with
 * `extra` of the noise once more, as the webui adds it. */
void points_start(const Points *p, const Sampler *sampler, float *x, const float *latent, int64_t n, float extra);

#endif
