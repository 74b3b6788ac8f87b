/* request.c: a request's defaults, and the ranges of what it asks for. */
#include "request.h"
#include "tensor/os.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { MOST_PIXELS = 16 << 20, MOST_BATCH = 1024, MOST_STEPS = 1000, MOST_PROMPT = 1 << 20 };

SdRequest sd_request(const SdModel *m) {
    SdRequest r = {.width = 512,
                   .height = 512,
                   .steps = 20,
                   .cfg = 7,
                   .sampler = "Euler a",
                   .seed = -1,
                   .batch_size = 1,
                   .strength = 0.75,
                   .eta = -1,
                   .s_noise = 1,
                   .variation_seed = -1,
                   .clip_skip = 1};
    if (m) {
        const SdConfig *k = &m->config;
        if (k->width) r.width = k->width;
        if (k->height) r.height = k->height;
        if (k->steps) r.steps = k->steps;
        if (k->cfg > 0) r.cfg = k->cfg;
    }
    return r;
}

int64_t sd_random_seed(void) {
    uint64_t v;
    os_random(&v, sizeof v);
    return (int64_t)(v % 4294967294u);
}

/* Options of samplers and schedules. Where `unset` is true, 0 leaves the choice to the sampler or the model. */
static bool check_sampling(const SdRequest *r, Error *e) {
    const struct {
        const char *name;
        double value, low, high;
        bool unset;
    } REALS[] = {{"eta", r->eta, -1, 1, false},
                 {"s churn", r->s_churn, 0, 1000, false},
                 {"s tmin", r->s_tmin, 0, 1e6, false},
                 {"s tmax", r->s_tmax, 0, 1e6, false},
                 {"s noise", r->s_noise, 0, 10, false},
                 {"sigma min", r->sigma_min, 1e-4, 1e5, true},
                 {"sigma max", r->sigma_max, 1e-4, 1e5, true},
                 {"rho", r->rho, 0.01, 1000, true}};
    for (size_t i = 0; i < sizeof REALS / sizeof *REALS; i++) {
        double v = REALS[i].value, low = REALS[i].low, high = REALS[i].high;
        if (!(v >= low && v <= high) && !(REALS[i].unset && v == 0))
            return error_set(e, ERR_ARGUMENT, "%s %g: must be %swithin %g..%g", REALS[i].name, v,
                             REALS[i].unset ? "0 (not set) or " : "", low, high);
    }
    return true;
}

bool request_check(const SdModel *m, const SdRequest *r, Error *e) {
    int unit = vae_factor(&m->config.vae);
    if (!config_check_input(&m->config, m->checkpoint->path, e)) return false;
    if (r->width < unit || r->height < unit || r->width % unit || r->height % unit)
        return error_set(e, ERR_ARGUMENT, "size %dx%d: width and height must be multiples of %d, at least %d", r->width,
                         r->height, unit, unit);
    if ((int64_t)r->width * r->height > MOST_PIXELS)
        return error_set(e, ERR_ARGUMENT, "size %dx%d: is more than 16 megapixels; make a smaller picture", r->width,
                         r->height);
    if (r->steps < 1 || r->steps > MOST_STEPS)
        return error_set(e, ERR_ARGUMENT, "steps %d: must be within 1..%d", r->steps, MOST_STEPS);
    if (r->batch_size < 1 || r->batch_size > MOST_BATCH)
        return error_set(e, ERR_ARGUMENT, "batch size %d: must be within 1..%d", r->batch_size, MOST_BATCH);
    if (!isfinite(r->cfg) || fabs(r->cfg) > 1000)
        return error_set(e, ERR_ARGUMENT, "cfg %g: must be within -1000..1000", r->cfg);
    if (r->clip_skip < 1 || r->clip_skip > m->config.clip.layers)
        return error_set(e, ERR_ARGUMENT, "clip skip %d: must be within 1..%d for this model", r->clip_skip,
                         m->config.clip.layers);
    if (r->seed < -1) return error_set(e, ERR_ARGUMENT, "seed %lld: must be -1 (random) or more", (long long)r->seed);
    for (int i = 0; i < 2; i++) {
        const char *text = i ? r->prompt : r->negative;
        if (text && strlen(text) > MOST_PROMPT)
            return error_set(e, ERR_ARGUMENT, "prompt: is longer than 1 MiB; shorten it");
    }
    if (!(r->variation_strength >= 0 && r->variation_strength <= 1))
        return error_set(e, ERR_ARGUMENT, "variation strength %g: must be within 0..1", r->variation_strength);
    if (!check_sampling(r, e)) return false;
    if (r->seed_width < 0 || r->seed_height < 0 || r->seed_width > 16384 || r->seed_height > 16384)
        return error_set(e, ERR_ARGUMENT, "seed resize %dx%d: sizes must be within 0..16384", r->seed_width,
                         r->seed_height);
    if (r->image && !(r->strength >= 0 && r->strength <= 1))
        return error_set(e, ERR_ARGUMENT, "strength %g: must be within 0..1", r->strength);
    return true;
}
