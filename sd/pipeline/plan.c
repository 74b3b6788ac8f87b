#include "plan.h"

#include "conditioning.h"
#include "request.h"
#include "stages.h"
#include "tensor/os.h"

#include <stdio.h>
#include <string.h>

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* --- what there is --- */

/* The machine's memory; of a GPU, what is free and what this model holds there. */
static size_t available(const SdModel *m) {
    if (!m->gpu) return os_physical_memory();
    size_t bytes = m->ops->memory->available(m->gpu) + m->kept.arena.size;
    for (int i = 0; i < PART_COUNT; i++)
        if (m->loaded[i]) bytes += model_part_bytes(m, (Part)i, false);
    return bytes;
}

/* --- what is taken outside of the arena and the weights --- */

/* The program, its libraries, tables and stacks, and what the system maps around a page that is read: measured as
 * 18 MiB, plus a margin. */
enum { PROGRAM_BYTES = 24 << 20 };

static size_t other_bytes(const Generation *g) {
    if (g->m->gpu) return 0; /* the limit is the GPU's */
    const WeightFile *file = g->m->checkpoint->file;
    size_t model = file && !file->mapped ? file->size : 0; /* a model in memory */
    size_t latents = (size_t)(g->batch * (4 + g->sampler->buffers) + g->cond.text.count * g->group);
    size_t pixels = (size_t)g->r->width * (size_t)g->r->height;
    size_t pictures = (size_t)g->batch * pixels * 3 + (g->image ? 3 * pixels : 0);
    size_t unit = (size_t)vae_factor(&g->m->config.vae); /* noise of another size lies beside the picture's */
    size_t seeds = (size_t)g->r->seed_width / unit * ((size_t)g->r->seed_height / unit) * 2;
    if (request_taps(g->r)) pictures += (size_t)g->batch * pixels * 3 * sizeof(float);
    return PROGRAM_BYTES + model + (size_t)pool_threads(g->m->pool) * SCRATCH_BYTES +
           (latents * (size_t)g->latent + seeds * (size_t)g->m->config.vae.latent) * sizeof(float) + pictures;
}

/* Whether measuring takes long enough to look first whether the pictures themselves fit. */
static bool is_vast(const Generation *g) { return g->batch * (int64_t)g->r->width * g->r->height > 1 << 28; }

/* --- modes --- */

/* Everything at once, all weights in memory. */
static Mode first_mode(const Generation *g) { return (Mode){.texts = g->cond.text.count, .pictures = g->group}; }

static void set_first_modes(Generation *g) {
    for (int i = 0; i < STAGE_COUNT; i++) g->stages[i].mode = first_mode(g);
}

/* Whether activations whose names begin so are wanted: they are of whole calls and whole maps, in every mode. */
static bool shows(const SdRequest *r, const char *begin) {
    return request_taps(r) && (!r->tap || glob_begins(r->tap, begin));
}

/* The next mode of a stage, from the fastest: smaller U-Net calls, the VAE strip by strip, streamed weights. */
static bool next_mode(const Generation *g, int stage, Mode *m) {
    Part part = STAGES[stage].part;
    bool unet = part == PART_UNET && !shows(g->r, "unet."), vae = part == PART_DECODER || part == PART_ENCODER;
    int levels = g->m->ops->rows_independent && !shows(g->r, "vae.") ? g->m->config.vae.levels : 0;
    if (unet && m->texts > 1) return m->texts = 1, true;
    if (unet && m->pictures > 1) return m->pictures = (m->pictures + 1) / 2, true;
    if (vae && m->vae_strips < levels) return m->vae_strips++, true;
    if (m->streamed || g->m->gpu) return false;
    *m = first_mode(g);
    return m->streamed = true;
}

static size_t weights_of(const Generation *g, int stage) {
    return model_part_bytes(g->m, STAGES[stage].part, g->stages[stage].mode.streamed);
}

/* What the process has in memory during a stage in its mode, with the stage that is nested in it. */
static size_t need(Generation *g, int stage) {
    size_t peak = stage_measure(g, stage, NULL), weights = weights_of(g, stage);
    int inner = stage_nested(g, stage);
    if (inner >= 0) {
        peak = larger(peak, stage_measure(g, inner, NULL));
        weights += weights_of(g, inner);
    }
    return other_bytes(g) + weights + peak;
}

/* What a U-Net call takes at least: its input after the first convolution. Measuring takes longer the larger a call is,
 * and this saves measuring one that is far too large. */
static size_t least_of(const Generation *g, int stage, const Mode *m) {
    if (STAGES[stage].part != PART_UNET) return 0;
    int64_t pixels = (int64_t)m->texts * m->pictures * g->h * g->w;
    return dtype_bytes(g->m->ops->type, pixels * g->m->config.unet.channels);
}

/* Gives a stage the first mode that the limit allows, or else the one that needs least; returns what it needs. */
static size_t choose(Generation *g, int stage, size_t limit) {
    Mode *mode = &g->stages[stage].mode, m = first_mode(g), best = m;
    size_t bytes = SIZE_MAX, most = limit; /* more is not worth measuring */
    if (least_of(g, stage, &m) > limit) {
        *mode = (Mode){.texts = 1, .pictures = 1};
        most = larger(limit, need(g, stage));
    }
    do {
        *mode = m;
        size_t now = least_of(g, stage, &m) > most ? SIZE_MAX : need(g, stage);
        if (now < bytes) bytes = now, best = m;
    } while (bytes > limit && next_mode(g, stage, &m));
    *mode = best;
    return bytes;
}

/* The same for a stage and the one nested in it, whose weights are in memory together. */
static size_t choose_both(Generation *g, int outer, int inner, size_t limit) {
    Mode *a = &g->stages[outer].mode, *b = &g->stages[inner].mode;
    Mode m = first_mode(g), best_a = m, best_b = m;
    size_t bytes = SIZE_MAX;
    do {
        *b = m;
        size_t now = larger(need(g, inner), choose(g, outer, limit));
        if (now < bytes) bytes = now, best_a = *a, best_b = m;
    } while (bytes > limit && next_mode(g, inner, &m));
    *a = best_a, *b = best_b;
    return bytes;
}

static bool is_nested(const Generation *g, int stage) {
    for (int i = 0; i < STAGE_COUNT; i++)
        if (stage_nested(g, i) == stage) return true;
    return false;
}

/* All stages' modes; returns what the largest needs. */
static size_t choose_all(Generation *g, size_t limit) {
    size_t most = 0;
    for (int i = 0; i < STAGE_COUNT; i++) {
        int inner = stage_nested(g, i);
        if (!STAGES[i].wanted(g) || is_nested(g, i)) continue;
        most = larger(most, inner < 0 ? choose(g, i, limit) : choose_both(g, i, inner, limit));
    }
    return most;
}

/* What all stages need if every part's weights stay in memory, as a request that keeps them has it. */
static size_t need_all(Generation *g) {
    size_t weights = 0, peak = 0;
    for (int i = 0; i < STAGE_COUNT; i++) {
        if (!STAGES[i].wanted(g)) continue;
        weights += weights_of(g, i);
        peak = larger(peak, stage_measure(g, i, NULL));
    }
    return other_bytes(g) + weights + peak;
}

/* --- the plan --- */

static void fill_plan(Generation *g) {
    SdPlan *p = &g->plan;
    p->lasting = g->work.arena.used;
    for (int i = 0; i < STAGE_COUNT; i++) {
        const Stage *s = &STAGES[i];
        if (!s->wanted(g)) continue;
        double flops;
        size_t peak = g->stages[i].peak = stage_measure(g, i, &flops), weights = weights_of(g, i);
        int inner = stage_nested(g, i);
        if (inner >= 0 && !g->keep) weights += weights_of(g, inner);
        p->weights = g->keep ? p->weights + weights : larger(p->weights, weights);
        p->activations = larger(p->activations, peak);
        p->streamed |= g->stages[i].mode.streamed;
        size_t *shown = (size_t *)(void *)((char *)p + s->plan_peak);
        *shown = larger(*shown, peak);
        *(double *)(void *)((char *)p + s->plan_flops) += flops;
    }
    p->decode_flops *= g->batch;
    p->unet_pictures = g->stages[STAGE_SAMPLE].mode.texts * g->stages[STAGE_SAMPLE].mode.pictures;
    p->vae_strips = g->stages[STAGE_DECODE].mode.vae_strips;
}

static size_t mebibytes(size_t bytes) { return (bytes + (1 << 20) - 1) >> 20; }

static bool too_large(Generation *g, size_t limit, Error *e) {
    const SdModel *m = g->m;
    char has[80], what[160];
    snprintf(has, sizeof has, limit >> 20 ? "%s %zu MiB" : "%s %zu bytes",
             m->memory_limit == limit ? "the limit is"
             : m->gpu                 ? "the GPU has"
                                      : "this machine has",
             limit >> 20 ? limit >> 20 : limit);
    if (g->plan.least)
        snprintf(what, sizeof what,
                 "needs %zu MiB, or %zu MiB with every saving (smaller calls, strips, "
                 "streamed weights)",
                 mebibytes(choose_all(g, SIZE_MAX)), mebibytes(g->plan.least));
    else snprintf(what, sizeof what, "needs %zu MiB for pictures and latents alone", mebibytes(other_bytes(g)));
    return error_set(e, ERR_MEMORY, "memory: %dx%d, batch size %d %s, but %s; make a smaller picture or batch",
                     g->r->width, g->r->height, g->batch, what, has);
}

/* A context of this backend, with what lies at the arena's bottom. */
static void set_context(Generation *g, const Ops *ops, ThreadPool *pool) {
    const SdModel *m = g->m;
    g->ctx = (Ctx){.op = ops,
                   .precision = m->precision,
                   .type = m->ops->type,
                   .strip = m->ops->rows_independent ? 8 << 20 : 0,
                   .pool = pool,
                   .arena = &g->work.arena};
    conditioning_place(g);
}

bool plan_memory(Generation *g, Error *e) {
    SdModel *m = g->m;
    SdPlan *p = &g->plan;
    size_t limit = m->memory_limit, machine = available(m);
    if (!limit || machine < limit) limit = machine;
    g->source = model_source(m);
    set_context(g, plan_ops(), NULL);
    set_first_modes(g);
    if (is_vast(g) && other_bytes(g) > limit) return too_large(g, limit, e);
    if (g->r->keep) p->process = need_all(g);
    g->keep = g->r->keep && p->process <= limit;
    if (!g->keep) p->process = choose_all(g, limit);
    fill_plan(g);
    StagePlan chosen[STAGE_COUNT];
    memcpy(chosen, g->stages, sizeof chosen);
    p->least = choose_all(g, 0);
    if (p->process > limit) return too_large(g, limit, e);
    memcpy(g->stages, chosen, sizeof chosen);
    size_t size = m->gpu && !g->keep ? g->stages[STAGE_TEXT].peak : p->activations; /* see resize in stages.c */
    if (!workspace_open(&g->work, m, size, g->keep, e)) return false;
    set_context(g, m->ops, m->pool);
    return true;
}
