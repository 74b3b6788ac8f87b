/* run.c: a request's sizes, and the text stage. */
#define _XOPEN_SOURCE 700
#include "sd/image/resize.h"
#include "run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_PIXELS = 16 << 20, MOST_BATCH = 1024, MOST_STEPS = 1000, MOST_PROMPT = 1 << 20 };

double run_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bool run_progress(Run *run, SdStage stage, int step, int steps, Error *e) {
    if (!run->r->progress) return true;
    SdProgress p = {.pictures = 1, .step = step, .steps = steps, .seconds = run_clock() - run->started, .stage = stage};
    return run->r->progress(run->r->user, &p) || error_set(e, ERR_CANCELLED, "stopped");
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

static bool check_request(const SdModel *m, const SdRequest *r, Error *e) {
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

uint64_t run_random_seed(void) {
    uint64_t v = 0;
    FILE *f = fopen("/dev/urandom", "rb");
    if (!f || fread(&v, sizeof v, 1, f) != 1) v = (uint64_t)(run_clock() * 1e9) * 0x9E3779B97F4A7C15u;
    if (f) fclose(f);
    return v % 4294967295u;
}

bool run_init(Run *run, SdModel *m, const SdRequest *r, Error *e) {
    *run = (Run){.m = m, .r = r};
    if (!m || (e && e->code) || !check_request(m, r, e)) return false;
    run->sampler = sampler_parse(r->sampler, &run->scheduler);
    if (!run->sampler)
        return error_set(e, ERR_ARGUMENT, "sampler '%s': there is none of that name; the nearest is '%s'", r->sampler,
                         sampler_nearest(r->sampler)->name);
    if (r->scheduler) {
        char near[128];
        run->scheduler = scheduler_find(r->scheduler);
        scheduler_suggest(r->scheduler, near, sizeof near);
        if (!run->scheduler)
            return error_set(e, ERR_ARGUMENT, "scheduler '%.60s': there is none of that name; did you mean %s?",
                             r->scheduler, near);
    }
    run->variation_seed = r->variation_seed < 0 ? run_random_seed() : (uint64_t)r->variation_seed;
    int unit = vae_factor(&m->config.vae);
    run->batch = r->batch_size;
    run->h = r->height / unit;
    run->w = r->width / unit;
    run->latent = m->config.vae.latent * run->h * run->w;
    run->seed = r->seed < 0 ? run_random_seed() : (uint64_t)r->seed;
    bool alone = run->sampler->flags & SAMPLER_ADAPTIVE, second = run->sampler->flags & SAMPLER_SECOND_ORDER;
    run->group = alone ? 1 : run->batch;
    PromptOptions o = {
        .emphasis = (Emphasis)r->emphasis, .pad = m->config.clip.pad, .steps = second ? 2 * r->steps : r->steps};
    if (!text_states_init(&run->text, m->tokenizer, r->prompt ? r->prompt : "", r->negative ? r->negative : "", o,
                          r->cfg != 1 || run->sampler->flags & SAMPLER_UNCOND, e))
        return false;
    run->image = r->image;
    if (r->image && (r->image_width != r->width || r->image_height != r->height)) {
        run->resized = malloc((size_t)r->width * (size_t)r->height * 3);
        if (!run->resized) return error_set(e, ERR_MEMORY, "out of memory for a picture");
        ResizeMode mode = r->resize == SD_RESIZE_CROP   ? RESIZE_CROP
                          : r->resize == SD_RESIZE_FILL ? RESIZE_FILL
                                                        : RESIZE_STRETCH;
        if (!resize_picture(r->image, r->image_width, r->image_height, run->resized, r->width, r->height, mode, e))
            return false;
        run->image = run->resized;
    }
    return true;
}

void run_free(Run *run) {
    text_states_free(&run->text);
    taps_abort(run->taps);
    if (run->keep && run->arena.base && !run->ctx.err.code) {
        run->m->kept = run->arena;
        memcpy(run->m->kept_steps, run->steps, sizeof run->steps);
    } else {
        for (int i = 0; i < 2; i++) recording_free(&run->arena, &run->steps[i]);
        arena_free(&run->arena);
    }
    free(run->x);
    free(run->eps);
    free(run->z);
    free(run->resized);
    picture_noise_close(run->noise);
}

/* --- parts --- */

void run_use(Run *run, Part part) { run->ctx.source = run->mode[part].streamed ? &run->source : NULL; }

bool run_load(Run *run, Part part, Error *e) {
    run_use(run, part);
    return (run->mode[part].streamed ? model_load_streamed : model_load)(run->m, part, e);
}

bool run_arena(Run *run, size_t size, Error *e) {
    if (!run->m->gpu || run->keep) return true;
    for (int i = 0; i < 2; i++) recording_free(&run->arena, &run->steps[i]);
    if (!arena_again(&run->arena, size, e)) return false;
    run_place_states(run); /* the host still has them */
    return true;
}

void run_leave(Run *run, Part part) {
    if (run->keep) return;
    model_release(run->m, part);
    arena_trim(&run->arena);
}

/* --- text --- */

/* The arena's bottom: what lives through all stages. */
void run_place_states(Run *run) {
    const Unet *u = &run->m->unet;
    text_states_place(&run->text, &run->ctx, run->m->config.clip.width);
    for (int i = 0; i < text_states_calls(&run->text); i++) {
        Tensor context = text_states_context(&run->text, i);
        run->keys[i] = tensor_new(&run->ctx, 3, SHAPE(context.n[0], context.n[1], u->cross_kv));
    }
    run->times = tensor_new(&run->ctx, 2, SHAPE(1, u->time_shifts));
    run->time = NAN;
}

void run_text_stage(Run *run) {
    int skip = run->r->clip_skip;
    if (run->m->config.clip.penultimate && skip < 2) skip = 2;
    text_states_encode(&run->text, &run->ctx, &run->m->clip, skip);
}

/* The states of the first call, negative first; where lengths differ, one tensor for each U-Net call. */
static bool tap_states(Run *run, Error *e) {
    TextStates *s = &run->text;
    text_states_turn(s, &run->ctx, 0);
    for (int i = 0; i < s->count; i++) s->sides[i].now = -1; /* the U-Net has not seen them yet */
    for (int i = 0; run->taps && i < text_states_calls(s); i++) {
        char name[64] = "text_model.last_hidden_state";
        if (!s->together) snprintf(name, sizeof name, "text_model.last_hidden_state.%d", i);
        if (!taps_wants(run->taps, name)) continue;
        Tensor context = tensor_host(&run->ctx, text_states_context(s, i));
        if (!taps_add(run->taps, name, 3, context.n, context.data, e)) return false;
    }
    return true;
}

bool run_text(Run *run, Error *e) {
    if (!run_progress(run, SD_STAGE_TEXT, 0, 1, e) || !run_load(run, PART_TEXT, e)) return false;
    run_text_stage(run);
    if (run->ctx.err.code) return error_set(e, run->ctx.err.code, "%s", run->ctx.err.text);
    run_leave(run, PART_TEXT);
    return tap_states(run, e);
}
