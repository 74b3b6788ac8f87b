/* run.c: a request's sizes, and the text stage. */
#define _XOPEN_SOURCE 700
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

static bool check_request(const SdModel *m, const SdRequest *r, Error *e) {
    int unit = vae_factor(&m->config.vae);
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
    if (r->image && !(r->strength >= 0 && r->strength <= 1))
        return error_set(e, ERR_ARGUMENT, "strength %g: must be within 0..1", r->strength);
    return true;
}

/* A seed as the webui draws one: 0 .. 2^32 - 2. */
static uint64_t random_seed(void) {
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
    int unit = vae_factor(&m->config.vae);
    run->batch = r->batch_size;
    run->h = r->height / unit;
    run->w = r->width / unit;
    run->latent = m->config.vae.latent * run->h * run->w;
    run->guided = r->cfg != 1 || run->sampler->flags & SAMPLER_UNCOND;
    run->seed = r->seed < 0 ? random_seed() : (uint64_t)r->seed;
    const char *texts[2] = {r->negative ? r->negative : "", r->prompt ? r->prompt : ""};
    for (int i = 0; i < 2; i++)
        if (!conditioning_make(&run->prompts[i], m->tokenizer, texts[i], m->config.clip.pad, e)) return false;
    run->image = r->image;
    run->together = run->guided && run->prompts[0].chunks == run->prompts[1].chunks;
    return true;
}

void run_free(Run *run) {
    for (int i = 0; i < 2; i++) conditioning_free(&run->prompts[i]);
    taps_abort(run->taps);
    arena_free(&run->arena);
    free(run->x);
    free(run->eps);
    free(run->z);
    free(run->resized);
    picture_noise_close(run->noise);
}

/* --- text --- */

/* The arena's bottom: what lives through all stages. */
void run_place_states(Run *run) {
    Ctx *c = &run->ctx;
    int64_t width = run->m->config.clip.width, b = run->batch;
    if (run->together) {
        int64_t t = run->prompts[0].chunks * CHUNK;
        run->both = tensor_new(c, 3, SHAPE(2 * b, t, width));
        run->states[0] = tensor_slice(run->both, 0, 0, b);
        run->states[1] = tensor_slice(run->both, 0, b, b);
        return;
    }
    for (int i = run->guided ? 0 : 1; i < 2; i++)
        run->states[i] = tensor_new(c, 3, SHAPE(b, run->prompts[i].chunks * CHUNK, width));
}

/* All chunks of a prompt at once, [chunks,77,width], which is [1,77 chunks,width]; then repeated for each picture. */
static void encode(Run *run, int which) {
    Ctx *c = &run->ctx;
    const Conditioning *p = &run->prompts[which];
    Tensor states = run->states[which], first = tensor_slice(states, 0, 0, 1);
    Tensor ids = tensor_view(p->ids, I32, 2, SHAPE(p->chunks, CHUNK));
    int skip = run->r->clip_skip;
    if (run->m->config.clip.penultimate && skip < 2) skip = 2;
    clip_forward(c, tensor_reshape(first, 3, SHAPE(p->chunks, CHUNK, states.n[2])), &run->m->clip, ids, skip);
    for (int64_t i = 1; i < states.n[0]; i++) op_affine(c, tensor_slice(states, 0, i, 1), first, 1.0f, 0.0f);
}

void run_text_stage(Run *run) {
    for (int i = run->guided ? 0 : 1; i < 2; i++) encode(run, i);
}

static bool tap_states(Run *run, Error *e) {
    static const char NAME[] = "text_model.last_hidden_state";
    Taps l = run->listener;
    char name[64];
    if (!run->taps) return true;
    if (run->together || !run->guided) {
        int64_t t = run->states[1].n[1], width = run->states[1].n[2], n = run->guided ? 2 : 1;
        if (!l.want(l.user, NAME)) return true;
        if (n == 1) return taps_add(run->taps, NAME, 3, SHAPE(1, t, width), run->states[1].data, e);
        size_t each = (size_t)(t * width);
        float *pair = malloc(2 * each * sizeof *pair);
        if (!pair) return error_set(e, ERR_MEMORY, "out of memory for taps");
        memcpy(pair, run->states[0].data, each * sizeof *pair);
        memcpy(pair + each, run->states[1].data, each * sizeof *pair);
        bool ok = taps_add(run->taps, NAME, 3, SHAPE(2, t, width), pair, e);
        free(pair);
        return ok;
    }
    for (int i = 0; i < 2; i++) { /* prompts of different lengths: one tensor each */
        snprintf(name, sizeof name, "%s.%d", NAME, i);
        Tensor s = run->states[i];
        if (l.want(l.user, name) && !taps_add(run->taps, name, 3, SHAPE(1, s.n[1], s.n[2]), s.data, e)) return false;
    }
    return true;
}

bool run_text(Run *run, Error *e) {
    if (!run_progress(run, SD_STAGE_TEXT, 0, 1, e) || !model_load(run->m, PART_TEXT, e)) return false;
    run_text_stage(run);
    if (run->ctx.err.code) return error_set(e, run->ctx.err.code, "%s", run->ctx.err.text);
    if (!run->r->keep) model_release(run->m, PART_TEXT);
    return tap_states(run, e);
}
