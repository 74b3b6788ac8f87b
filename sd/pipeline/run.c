/* run.c: a request's sizes, and the text stage. */
#include "sd/image/resize.h"
#include "sd/info/params.h"
#include "request.h"
#include "run.h"
#include "tensor/os.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool run_progress(Run *run, SdStage stage, int step, int steps, Error *e) {
    if (!run->r->progress) return true;
    SdProgress p = {.pictures = 1, .step = step, .steps = steps, .seconds = os_clock() - run->started, .stage = stage};
    return run->r->progress(run->r->user, &p) || error_set(e, ERR_CANCELLED, "stopped");
}

bool run_init(Run *run, SdModel *m, const SdRequest *r, Error *e) {
    *run = (Run){.m = m, .r = r};
    if (!m || (e && e->code) || !request_check(m, r, e)) return false;
    run->sampler = request_sampler(r, &run->scheduler, e);
    if (!run->sampler) return false;
    run->variation_seed = (uint64_t)(r->variation_seed < 0 ? sd_random_seed() : r->variation_seed);
    int unit = vae_factor(&m->config.vae);
    run->batch = r->batch_size;
    run->h = r->height / unit;
    run->w = r->width / unit;
    run->latent = m->config.vae.latent * run->h * run->w;
    run->seed = (uint64_t)(r->seed < 0 ? sd_random_seed() : r->seed);
    bool alone = run->sampler->flags & SAMPLER_ADAPTIVE, second = run->sampler->flags & SAMPLER_SECOND_ORDER;
    run->group = alone ? 1 : run->batch;
    PromptOptions o = {.emphasis = r->emphasis,
                       .comments = r->comments,
                       .pad = m->config.clip.pad,
                       .steps = second ? 2 * r->steps : r->steps};
    if (!text_states_init(&run->text, m->tokenizer, r->prompt ? r->prompt : "", r->negative ? r->negative : "", o,
                          r->cfg != 1 || run->sampler->flags & SAMPLER_CFGPP, e))
        return false;
    run->image = r->image;
    if (r->image && (r->image_width != r->width || r->image_height != r->height)) {
        run->resized = malloc((size_t)r->width * (size_t)r->height * 3);
        if (!run->resized) return error_set(e, ERR_MEMORY, "out of memory for a picture");
        if (!resize_picture(r->image, r->image_width, r->image_height, run->resized, r->width, r->height, r->resize, e))
            return false;
        run->image = run->resized;
    }
    return true;
}

void run_free(Run *run) {
    text_states_free(&run->text);
    taps_abort(run->taps);
    if (run->keep && run->work.arena.base && !run->ctx.err.code) workspace_keep(&run->work, run->m);
    else workspace_free(&run->work);
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
    if (!workspace_resize(&run->work, size, e)) return false;
    run_place_states(run); /* the host still has them */
    return true;
}

void run_leave(Run *run, Part part) {
    if (run->keep) return;
    model_release(run->m, part);
    arena_trim(&run->work.arena);
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
    text_states_switch(s, &run->ctx, 0);
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
