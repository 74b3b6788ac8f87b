/* points.c: see points.h. */
#include "points.h"

#include "lcm_levels.h"

#include <math.h>
#include <string.h>

static void time_points(Points *p, const Sampler *sampler, int steps) {
    if (sampler->flags & SAMPLER_LCM_LEVELS) {
        int times[LCM_LEVELS];
        p->count = lcm_steps(steps, times);
        for (int i = 0; i < p->count; i++) p->values[i] = (float)times[p->count - 1 - i];
        return;
    }
    int stride = TRAIN_STEPS / steps, n = 0;
    bool exact = sampler->flags & SAMPLER_DIFFUSERS; /* the webui's fill 0..999, so there are often more than `steps` */
    for (int t = 0; t < TRAIN_STEPS && (!exact || n < steps); t += stride)
        p->values[n++] = t + 1 < TRAIN_STEPS ? (float)(t + 1) : TRAIN_STEPS - 1;
    p->count = n;
}

static bool enough(const Points *p, const Sampler *sampler) {
    return p->count >= (sampler->flags & SAMPLER_ONE_POINT ? 1 : 2);
}

static void find_ends(Points *p) {
    p->high = p->low = 0;
    for (int i = 0; i < p->count; i++) {
        float v = p->values[i];
        if (v > p->high) p->high = v;
        if (v > 0 && (p->low == 0 || v < p->low)) p->low = v;
    }
}

bool points_make(Points *p, const NoiseLevels *levels, const Sampler *sampler, const Scheduler *scheduler, int steps,
                 const ScheduleOptions *options, Error *e) {
    static const ScheduleOptions NONE = {0};
    const ScheduleOptions *o = options ? options : &NONE;
    bool times = sampler->space == SPACE_TIME, discard = o->discard || sampler->flags & SAMPLER_DISCARD;
    int most = times ? TRAIN_STEPS : LONGEST_LIST;
    p->count = 0;
    p->low = p->high = p->bounds_low = p->bounds_high = p->level = 0;
    p->tail = p->unit_start = false;
    if (steps < 1 || steps > most)
        return error_set(e, ERR_ARGUMENT, "steps: %d is not in 1..%d, the most of %s", steps, most, sampler->name);
    if (!schedule_options_check(o, e)) return false;
    int longer = discard && steps < most ? steps + 1 : steps;
    if (times) time_points(p, sampler, longer);
    else {
        if (!scheduler || !scheduler->fill || !sampler_has_schedule(sampler))
            scheduler = scheduler_find(sampler->scheduler ? sampler->scheduler : "Uniform");
        bool lcm = sampler->flags & SAMPLER_LCM_LEVELS;
        if (!scheduler_sigmas(scheduler, levels, lcm, longer, o, p->values, &p->count, e)) return false;
        if (discard && p->count > 2) p->values[p->count - 2] = p->values[p->count - 1], p->count--;
        p->unit_start = scheduler->unit_start;
        find_ends(p);
        p->bounds_low = levels->sigmas[0];
        p->bounds_high = levels->sigmas[TRAIN_STEPS - 1];
    }
    return enough(p, sampler) ||
           error_set(e, ERR_ARGUMENT, "steps: %s makes no picture in %d step; use 2 steps or more", sampler->name,
                     steps);
}

bool points_tail(Points *p, const NoiseLevels *levels, const Sampler *sampler, int whole, int tail, bool at_first,
                 Error *e) {
    p->tail = true;
    p->bounds_low = p->bounds_high = 0;
    if (sampler->space == SPACE_SIGMA) {
        int from = whole - tail < p->count - 2 ? whole - tail : p->count - 2; /* a list may be shorter than its steps */
        p->count -= from;
        memmove(p->values, p->values + from, (size_t)p->count * sizeof *p->values);
        p->level = p->values[0];
        return true;
    }
    bool every = at_first || sampler->flags & SAMPLER_DIFFUSERS;
    int count = every ? tail : tail - 1, first = tail - 1;
    if (first > p->count - 1) first = p->count - 1;
    if (count < p->count) p->count = count;
    p->level = levels->alphas[(int)p->values[first]];
    return enough(p, sampler) ||
           error_set(e, ERR_ARGUMENT, "strength: %s has no step to make at this one; raise it, or the steps",
                     sampler->name);
}

void points_start(const Points *p, const Sampler *sampler, float *x, const float *latent, int64_t n, float extra) {
    bool sigma = sampler->space == SPACE_SIGMA;
    float a = sigma ? 1 : sqrtf(p->level), b = sigma ? p->level : sqrtf(1 - p->level);
    for (int64_t i = 0; i < n; i++) {
        float start = latent[i] * a + x[i] * b;
        x[i] = extra == 0 ? start : start + x[i] * extra * a;
    }
}
