/* generation.c: what is derived from a request, and what all stages need. */
#include "generation.h"

#include "sd/pipeline/attention/attention_maps.h"
#include "beside.h"
#include "sd/pipeline/control/control.h"
#include "inpaint.h"
#include "request.h"
#include "sd/load/workspace.h"
#include "sd/load/control.h"
#include "sd/load/networks/overlay.h"
#include "sd/load/read_ahead.h"
#include "sd/image/resize.h"
#include "sd/info/params.h"
#include "tensor/os.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- begin, end --- */

static void set_sizes(Generation *g) {
    const SdRequest *r = g->r;
    const VaeConfig *vae = &g->m->config.vae;
    g->batch = r->batch_size;
    g->group = g->sampler->flags & SAMPLER_ADAPTIVE ? 1 : g->batch;
    g->h = r->height / vae_factor(vae);
    g->w = r->width / vae_factor(vae);
    g->latent = vae->latent * g->h * g->w;
}

static bool set_windows(Generation *g, Error *e) {
    if (!windows_begin(&g->windows, g->r, (int)g->w, (int)g->h, e)) return false;
    if (g->windows.count > 1 && (g->r->attention || g->r->tiling))
        return error_set(e, ERR_ARGUMENT, "tiled diffusion: does not go with %s; leave one of them out",
                         g->r->tiling ? "tiling" : "attention maps");
    return true;
}

static bool compile_prompts(Generation *g, Expert *d, Error *e) {
    const SdRequest *r = g->r;
    bool second = g->sampler->flags & SAMPLER_TWO_CALLS,
         guided = request_scale(d->m, r) != 1 || g->sampler->flags & SAMPLER_CFGPP || beside_edits(g->m, r);
    PromptOptions o = {.emphasis = r->emphasis,
                       .comments = r->comments,
                       .pad = TOKEN_EOS, /* each encoder pads as it was trained */
                       .steps = g->pass.calls_before ? g->pass.calls_before
                                : second             ? 2 * r->steps
                                                     : r->steps};
    if (g->pass.calls_before) o.hires_steps = second ? 2 * r->steps : r->steps;
    const Embeddings *all = d == &g->experts[BASE] && g->embeddings.count ? &g->embeddings : &d->m->embeddings;
    return text_states_init(&d->cond.text, d->m, all, r->prompt ? r->prompt : "", r->negative ? r->negative : "", o,
                            guided, e);
}

/* A refiner of the base's family has them, too, as in the webui, where they stay loaded; SDXL's own is another kind. */
static bool set_networks(Generation *g, Error *e) {
    const SdRequest *r = g->r;
    const NetworkList *l = &g->networks;
    SdModel *const models[] = {r->refiner, g->m}; /* the base last: it may be its own refiner */
    for (int i = 0; i < 2; i++) {
        bool fits = models[i] && !strcmp(models[i]->config.family, g->m->config.family);
        if (models[i] && !overlay_set(models[i], fits ? l->at : NULL, fits ? l->count : 0, r->network_apply,
                                      fits && r->network_strict, e))
            return false;
    }
    return true;
}

static bool find_networks(Generation *g, Error *e) {
    const NetworkList *l = &g->networks;
    const SdModel *m = g->m;
    if (!networks_find(&g->networks, g->r, m, e) || !set_networks(g, e)) return false;
    size_t embedded = 0;
    for (int i = 0; i < l->count; i++) embedded += m->overlay->networks[i].embedded;
    return !embedded ||
           embeddings_with(&g->embeddings, &m->embeddings, m->overlay->networks, l->count, &m->config, m->tokenizer, e);
}

bool generation_stretches(const Generation *g) {
    const SdRequest *r = g->r;
    return r->image && r->resize == SD_RESIZE_LATENT && !g->pass.from_pictures &&
           (r->image_width != r->width || r->image_height != r->height);
}

static bool fit_image(Generation *g, Error *e) {
    const SdRequest *r = g->r;
    if (r->mask) return inpaint_begin(g, e);
    if (g->pass.from_pictures) return true;
    const bool small = beside_upscales(g->m);
    const int w = small ? (int)g->w : r->width, h = small ? (int)g->h : r->height;
    g->image = r->image;
    if (!r->image || (r->image_width == w && r->image_height == h) || generation_stretches(g)) return true;
    g->image = g->resized = malloc((size_t)w * (size_t)h * 3);
    if (!g->resized) return error_set(e, ERR_MEMORY, "out of memory for a picture");
    return resize_picture(r->image, r->image_width, r->image_height, g->resized, w, h, r->resize, e);
}

/* How many steps the schedule has, and how many of them img2img runs. */
static void strength_steps(const SdRequest *r, int *whole, int *tail) {
    double s = fmin(r->strength, 0.999);
    *whole = r->steps;
    switch (r->strength_steps) {
    case SD_STEPS_WEBUI: *tail = (int)(s * r->steps) + 1; break;
    case SD_STEPS_DIFFUSERS: *tail = (int)fmin(r->strength * r->steps, r->steps); break;
    case SD_STEPS_EXACT:
        *tail = r->steps;
        *whole = s > 0 ? (int)fmin(r->steps / s, LONGEST_LIST + 1) : LONGEST_LIST + 1;
        break;
    }
}

static bool make_points(Generation *g, Error *e) {
    const SdRequest *r = g->r;
    const NoiseLevels *levels = &g->m->noise_levels;
    const ScheduleOptions o = {.sigma_min = r->sigma_min,
                               .sigma_max = r->sigma_max,
                               .rho = r->rho,
                               .discard = r->discard_next_to_last,
                               .xl = g->m->config.conditioner};
    bool at_first = r->strength_steps == SD_STEPS_DIFFUSERS;
    int whole = r->steps, tail = r->steps;
    if (generation_has_start(g)) strength_steps(r, &whole, &tail);
    g->steps = tail;
    if (tail < 1)
        return error_set(e, ERR_ARGUMENT,
                         "strength: %g of %d steps leaves no step to run; raise the strength or the steps", r->strength,
                         r->steps);
    int most = g->sampler->space == SPACE_TIME ? TRAIN_STEPS : LONGEST_LIST;
    if (whole > most && generation_has_start(g))
        return error_set(e, ERR_ARGUMENT,
                         "strength: %d steps that are exactly %g of a schedule need a longer one than %d; raise the "
                         "strength or lower the steps",
                         r->steps, r->strength, most);
    g->points.values = malloc(MOST_SIGMAS * sizeof *g->points.values);
    if (!g->points.values) return error_set(e, ERR_MEMORY, "out of memory for a schedule");
    bool ok = points_make(&g->points, levels, g->sampler, g->scheduler, whole, &o, e) &&
              (!generation_has_start(g) || points_tail(&g->points, levels, g->sampler, whole, tail, at_first, e));
    float *less = ok ? realloc(g->points.values, (size_t)g->points.count * sizeof *less) : NULL;
    if (less) g->points.values = less;
    return ok;
}

/* Who brings the models' streamed weights. */
static void tell_readers(const Generation *g) {
    for (int k = 0; k < g->expert_count; k++) g->experts[k].m->ahead = g->ahead;
    for (int i = 0; i < g->control_count; i++) g->controls[i].net->m.ahead = g->ahead;
}

bool generation_encodes(const Generation *g) { return (g->image && !beside_upscales(g->m)) || g->pass.from_pictures; }
bool generation_has_start(const Generation *g) { return generation_encodes(g) || g->pass.from_latents; }

bool generation_begin(Generation *g, SdModel *m, const SdRequest *r, const Pass *pass, Error *e) {
    *g = (Generation){.m = m, .r = r};
    if (pass) g->pass = *pass;
    if (!m || (e && e->code) || !request_check(m, r, e)) return false;
    g->expert_count = r->refiner ? 2 : 1;
    g->experts[BASE].m = m;
    g->experts[REFINER].m = r->refiner;
    g->now = &g->experts[BASE];
    g->sampler = request_sampler(r, &g->scheduler, e);
    if (!g->sampler) return false;
    g->seed = (uint64_t)(r->seed < 0 ? sd_random_seed() : r->seed);
    g->variation_seed = (uint64_t)(r->variation_seed < 0 ? sd_random_seed() : r->variation_seed);
    set_sizes(g);
    bool ok = set_windows(g, e) && find_networks(g, e);
    for (int i = 0; ok && i < g->expert_count; i++) ok = compile_prompts(g, &g->experts[i], e);
    if (ok && beside_edits(m, r) && g->experts[BASE].cond.text.branches > 1)
        ok = error_set(e, ERR_ARGUMENT, "prompt: AND needs an image cfg of 1 with an instruct-pix2pix model");
    return ok && fit_image(g, e) && make_points(g, e) && control_begin(g, e) && attention_maps_begin(g, e);
}

static void stop_reading_ahead(Generation *g) {
    read_ahead_free(g->ahead);
    g->ahead = NULL;
    tell_readers(g);
}

void generation_end(Generation *g) {
    stop_reading_ahead(g);
    for (int i = 0; i < g->expert_count; i++) text_states_free(&g->experts[i].cond.text);
    networks_free(&g->networks);
    embeddings_free(&g->embeddings);
    if (!g->pass.taps) taps_abort(g->taps);
    /* the next call begins with the base, and with ControlNets of its own */
    if (g->now != &g->experts[BASE] || g->control_count || g->maps) workspace_forget(&g->work);
    control_end(g);
    attention_maps_end(g);
    for (int i = 0; i < g->expert_count; i++)
        if (g->experts[i].m) workspace_lend(g->experts[i].m, NULL);
    if (g->keep && g->work.arena.base && !g->ctx.err.code) workspace_keep(&g->work, g->m);
    else workspace_free(&g->work);
    inpaint_end(g);
    windows_end(&g->windows);
    free(g->points.values);
    free(g->resized);
    free(g->x);
    free(g->z);
    free(g->beside);
    free(g->refined);
    picture_noise_close(g->noise);
}

/* --- for stages --- */

void use_weights(Generation *g, const Mode *mode) {
    g->ctx.source = mode->streamed ? &g->now->source : NULL;
    g->ctx.strip = mode->strip;
}

void read_weights_ahead(Generation *g, size_t bytes) {
    if (bytes && !g->ahead) g->ahead = read_ahead_new();
    read_ahead_window(g->ahead, bytes);
    tell_readers(g);
}

bool report_progress(Generation *g, SdStage stage, int step, int steps, Error *e) {
    if (!g->r->progress) return true;
    SdProgress p = {.pictures = 1, .step = step, .steps = steps, .seconds = os_clock() - g->started, .stage = stage};
    return g->r->progress(g->r->user, &p) || error_set(e, ERR_CANCELLED, "stopped");
}

void listen_to(Generation *g, const char *format, ...) {
    if (!g->taps) return;
    va_list args;
    va_start(args, format);
    vsnprintf(g->listener.prefix, sizeof g->listener.prefix, format, args);
    va_end(args);
    g->ctx.taps = &g->listener;
}

void stop_listening(Generation *g) { g->ctx.taps = NULL; }

bool tap_latents(Generation *g, const char *name, const float *x, int pictures, Error *e) {
    if (!g->taps || !taps_wants(g->taps, name)) return true;
    return taps_add(g->taps, name, 4, SHAPE(pictures, g->m->config.vae.latent, g->h, g->w), x, e);
}
