#include "plan.h"

#include "plan_other.h"
#include "sd/pipeline/text/conditioning.h"
#include "sd/pipeline/control/control.h"
#include "sd/pipeline/control/image_encode.h"
#include "request.h"
#include "sd/load/workspace.h"
#include "sd/load/control.h"
#include "sd/load/read_ahead.h"
#include "sd/load/scratch.h"
#include "stages.h"
#include "tensor/os.h"
#include "weights/files/glob.h"
#include "tensor/sizes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* --- what there is --- */

static size_t held(const SdModel *m) {
    size_t bytes = m->kept.arena.size;
    for (int i = 0; i < PART_COUNT; i++)
        if (m->loaded[i]) bytes += model_part_bytes(m, (Part)i, false);
    return bytes;
}

/* The machine's memory; of a GPU, what is free and what the models hold there. */
static size_t available(const Generation *g) {
    const SdModel *m = g->m;
    if (!m->gpu) return os_physical_memory();
    size_t bytes = m->ops->memory->available(m->gpu);
    for (int k = 0; k < g->expert_count; k++) bytes += held(g->experts[k].m);
    for (int i = 0; i < g->control_count; i++) bytes += held(&g->controls[i].net->m);
    return bytes;
}

size_t plan_limit(const SdModel *m) {
    size_t machine = m->gpu ? m->ops->memory->available(m->gpu) + held(m) : os_physical_memory();
    return m->memory_limit && m->memory_limit < machine ? m->memory_limit : machine;
}

/* The scratch of all experts' threads: what makes ops fastest, or the least that their layers can do with. */
static void set_scratch(Generation *g, bool least) {
    for (Expert *d = g->experts; d < g->experts + g->expert_count; d++) {
        d->scratch = least ? model_least_scratch(d->m) : SCRATCH_FASTEST;
        for (int i = 0; least && i < g->control_count; i++) {
            size_t control = model_least_scratch(&g->controls[i].net->m);
            if (control > d->scratch) d->scratch = control;
        }
    }
}

/* Whether measuring takes long enough to look first whether the pictures themselves fit. */
static bool is_vast(const Generation *g) { return g->batch * (int64_t)g->r->width * g->r->height > 1 << 28; }

/* --- modes --- */

enum { STRIP = 8 << 20, LEAST_STRIP = 64 << 10 }; /* of temporaries: fast, and the least that saves something */

/* Everything at once, of several windows as many as the request says, all weights in memory. */
static Mode first_mode(const Generation *g) {
    const int64_t all = (int64_t)g->windows.count * g->group, most = (int64_t)g->r->tile_batch * g->group;
    int pictures = (int)(g->windows.count > 1 && most < all ? most : all);
    return (Mode){.texts = g->now->cond.text.count, /* every expert has as many */
                  .pictures = pictures,
                  .strip = g->m->ops->rows_independent ? STRIP : 0};
}

static void set_first_modes(Generation *g, Expert *d) {
    for (int i = 0; i < STAGE_COUNT; i++)
        d->stages[i] = (StagePlan){.part = STAGES[i].part(g->r), .mode = first_mode(g)};
}

/* Whether activations whose names begin so are wanted: they are of whole calls and whole maps, in every mode. */
static bool shows(const Generation *g, const char *begin) {
    char out[160];
    return request_taps(g->r) && (!g->r->tap || glob_begins(g->r->tap, plan_name(g, begin, out)));
}

/* Of what stands between pictures and latents; 0: the part does not. */
static int coder_levels(const SdModel *m, Part part) {
    switch (part) {
    case PART_DECODER:
    case PART_ENCODER: return m->config.vae.levels;
    case PART_TAESD_DECODER: return m->taesd_decoder ? m->taesd_decoder->config.levels : 0;
    case PART_TAESD_ENCODER: return m->taesd_encoder ? m->taesd_encoder->config.levels : 0;
    default: return 0;
    }
}

static bool encodes(Part part) { return part == PART_ENCODER || part == PART_TAESD_ENCODER; }

/* The next mode of a stage, from the fastest: smaller U-Net calls, the VAE strip by strip, short strips of temporaries,
 * streamed weights. */
static bool next_mode(const Generation *g, const Expert *d, int stage, Mode *m) {
    Part part = d->stages[stage].part;
    bool unet = part == PART_UNET && !shows(g, "unet."), vae = coder_levels(d->m, part) > 0;
    int levels = g->m->ops->rows_independent && !shows(g, "vae.") && !g->r->tiling ? coder_levels(d->m, part) : 0;
    if (unet && m->texts > 1) return m->texts = 1, true;
    if (unet && m->pictures > 1) return m->pictures = (m->pictures + 1) / 2, true;
    if (vae && m->vae_strips < levels) return m->vae_strips++, true;
    if (m->strip > LEAST_STRIP) return m->strip = LEAST_STRIP, true;
    if (m->streamed || g->m->gpu) return false;
    *m = first_mode(g);
    return m->streamed = true;
}

static size_t weights_of(const Generation *g, const Expert *d, int stage) {
    Part part = d->stages[stage].part;
    bool streamed = d->stages[stage].mode.streamed;
    size_t loading = g->m->gpu ? 0 : model_loading_bytes(d->m, part);
    return model_part_bytes(d->m, part, streamed) + loading + (part == PART_UNET ? control_bytes(g, d, streamed) : 0);
}

/* While a stage is planned: the largest copy that the listener is given. */
typedef struct {
    const Generation *g;
    Part part;
    size_t bytes;
} Copies;

static bool is_told(void *user, const char *name) {
    const Copies *k = user;
    char out[160];
    if (k->part != PART_UNET) {
        snprintf(out, sizeof out, "vae.%s.%s", encodes(k->part) ? "encoder" : "decoder", name);
        return plan_tells(k->g, out);
    }
    for (int step = 0; step < k->g->r->steps && shows(k->g, "unet."); step++) {
        snprintf(out, sizeof out, "unet.step%03d.%s", step, name);
        if (plan_tells(k->g, out)) return true;
    }
    return false;
}

static void count_copy(void *user, const char *name, Tensor x, Error *e) {
    Copies *k = user;
    (void)name, (void)e;
    k->bytes = larger(k->bytes, (size_t)tensor_count(x) * sizeof(float));
}

/* The arena's peak in a stage, and what its listener takes beside it. */
static size_t measure(Generation *g, Expert *d, int stage) {
    Copies k = {.g = g, .part = d->stages[stage].part};
    Taps taps = {.want = is_told, .put = count_copy, .user = &k};
    bool listens = stage != STAGE_PREVIEW && (k.part == PART_UNET || coder_levels(d->m, k.part));
    if (g->r->activation && !g->m->gpu && listens) g->ctx.taps = &taps;
    /* texts are placed before any stage, also where none reads them */
    size_t peak = larger(stage_measure(g, d, stage, NULL), g->work.arena.used);
    g->ctx.taps = NULL;
    return size_sum(peak, k.bytes);
}

/* What the process has in memory during an expert's stage in its mode, with the stage that is nested in it. */
static size_t need(Generation *g, Expert *d, int stage) {
    size_t peak = measure(g, d, stage), weights = weights_of(g, d, stage);
    int inner = stage_nested(g, stage);
    if (inner >= 0) {
        peak = larger(peak, measure(g, d, inner));
        weights = size_sum(weights, weights_of(g, d, inner));
    }
    return size_sum(plan_other(g), size_sum(weights, peak));
}

/* What a U-Net call takes at least: its input after the first convolution. Measuring takes longer the larger a call is,
 * and this saves measuring one that is far too large. */
static size_t least_of(const Generation *g, const Expert *d, int stage, const Mode *m) {
    if (d->stages[stage].part != PART_UNET) return 0;
    int64_t pixels = (int64_t)m->texts * m->pictures * windows_area(&g->windows);
    return size_of(dtype_bytes(g->m->ops->type, pixels * d->m->config.unet.channels));
}

/* What a streamed stage may read ahead with the memory that the limit leaves. */
static size_t ahead(const Generation *g, const Expert *d, int stage, size_t left) {
    enum { UNIT = 64 << 10 };
    Part part = d->stages[stage].part;
    if (!d->stages[stage].mode.streamed) return 0;
    size_t all = read_ahead_most(d->m, part);
    for (int i = 0; part == PART_UNET && i < g->control_count; i++)
        all = size_sum(all, read_ahead_most(&g->controls[i].net->m, PART_CONTROL));
    return (all < left ? all : left) / UNIT * UNIT;
}

static size_t most_ahead(const Generation *g) {
    size_t most = 0;
    for (int k = 0; k < g->expert_count; k++)
        for (int i = 0; i < STAGE_COUNT; i++) most = larger(most, g->experts[k].stages[i].mode.ahead);
    return most;
}

/* Gives a stage the first mode that the limit allows, or else the one that needs least; returns what it needs. */
static size_t choose(Generation *g, Expert *d, int stage, size_t limit) {
    Mode *mode = &d->stages[stage].mode, m = first_mode(g), best = m;
    size_t bytes = SIZE_MAX, most = limit; /* more is not worth measuring */
    if (least_of(g, d, stage, &m) > limit) {
        *mode = (Mode){.texts = 1, .pictures = 1, .strip = m.strip};
        most = larger(limit, need(g, d, stage));
    }
    do {
        *mode = m;
        size_t now = least_of(g, d, stage, &m) > most ? SIZE_MAX : need(g, d, stage);
        if (now < bytes) bytes = now, best = m;
    } while (bytes > limit && next_mode(g, d, stage, &m));
    *mode = best;
    mode->ahead = bytes < limit ? ahead(g, d, stage, limit - bytes) : 0;
    return bytes + mode->ahead;
}

/* The same for a stage and the one nested in it, whose weights are in memory together. */
static size_t choose_both(Generation *g, Expert *d, int outer, int inner, size_t limit) {
    Mode *a = &d->stages[outer].mode, *b = &d->stages[inner].mode;
    Mode m = first_mode(g), best_a = m, best_b = m;
    size_t bytes = SIZE_MAX;
    do {
        *b = m;
        size_t now = larger(need(g, d, inner), choose(g, d, outer, limit));
        if (now < bytes) bytes = now, best_a = *a, best_b = m;
    } while (bytes > limit && next_mode(g, d, inner, &m));
    *a = best_a, *b = best_b;
    return bytes;
}

static bool is_nested(const Generation *g, int stage) {
    for (int i = 0; i < STAGE_COUNT; i++)
        if (stage_nested(g, i) == stage) return true;
    return false;
}

/* The same for all stages of all experts; returns what the process needs then, which is what the largest needs. */
static size_t choose_modes(Generation *g, size_t limit) {
    size_t most = g->m->gpu ? 0 : size_sum(plan_other(g), image_encode_peak(g));
    for (Expert *d = g->experts; d < g->experts + g->expert_count; d++)
        for (int i = 0; i < STAGE_COUNT; i++) {
            int inner = stage_nested(g, i);
            if (!STAGES[i].wanted(g, d) || is_nested(g, i)) continue;
            most = larger(most, inner < 0 ? choose(g, d, i, limit) : choose_both(g, d, i, inner, limit));
        }
    return most;
}

/* Whether an earlier stage has the same weights. */
static bool is_repeated(const Generation *g, const Expert *d, int stage) {
    bool found = false;
    for (int i = 0; i < stage; i++)
        found = found || (STAGES[i].wanted(g, d) && d->stages[i].part == d->stages[stage].part);
    return found;
}

/* The states of all texts, which are kept with the weights. */
static size_t texts_bytes(const Generation *g) {
    size_t bytes = 0;
    if (g->m->gpu) return 0;
    for (const Expert *d = g->experts; d < g->experts + g->expert_count; d++)
        for (int i = 0; i < d->cond.text.count; i++)
            bytes += tensor_bytes(d->cond.text.sides[i].states) + tensor_bytes(d->cond.text.sides[i].pooled);
    return bytes;
}

/* What all stages need if every part's weights stay in memory, as a request that keeps them has it, beside what earlier
 * calls kept; other requests drop that (release_kept). */
static size_t need_all(Generation *g) {
    size_t weights = 0, peak = g->m->gpu ? 0 : image_encode_peak(g);
    for (Expert *d = g->experts; d < g->experts + g->expert_count; d++) {
        weights += kept_values_bytes(&d->m->made);
        for (int i = 0; i < STAGE_COUNT; i++) {
            if (!STAGES[i].wanted(g, d)) continue;
            if (!is_repeated(g, d, i)) weights = size_sum(weights, weights_of(g, d, i));
            peak = larger(peak, measure(g, d, i));
        }
    }
    return size_sum(size_sum(plan_other(g), texts_bytes(g)), size_sum(weights, peak));
}

/* --- the plan --- */

/* One stage of an expert. What several run in turn is shown once, as the one has it that takes more. */
static void add_stage(Generation *g, Expert *d, int i) {
    const Stage *s = &STAGES[i];
    SdPlan *p = &g->plan;
    double flops;
    size_t peak = d->stages[i].peak = stage_measure(g, d, i, &flops), weights = weights_of(g, d, i);
    int inner = stage_nested(g, i);
    if (inner >= 0 && !g->keep) weights += weights_of(g, d, inner);
    if (!g->keep) p->weights = larger(p->weights, weights);
    else if (!is_repeated(g, d, i)) p->weights += weights;
    p->activations = larger(p->activations, larger(peak, g->work.arena.used));
    p->streamed |= d->stages[i].mode.streamed;
    p->read_ahead = larger(p->read_ahead, d->stages[i].mode.ahead);
    size_t *shown = (size_t *)(void *)((char *)p + s->plan_peak);
    double *all = (double *)(void *)((char *)p + s->plan_flops);
    *shown = larger(*shown, peak);
    if (s->run) *all = s->by_all ? *all + flops : fmax(*all, flops);
}

static void fill_plan(Generation *g) {
    SdPlan *p = &g->plan;
    for (Expert *d = g->experts; d < g->experts + g->expert_count; d++) {
        const Mode *sample = &d->stages[STAGE_SAMPLE].mode, *decode = &d->stages[STAGE_DECODE].mode;
        int pictures = sample->texts * sample->pictures;
        for (int i = 0; i < STAGE_COUNT; i++)
            if (STAGES[i].wanted(g, d)) add_stage(g, d, i);
        p->lasting = larger(p->lasting, g->work.arena.used);
        if (!p->unet_pictures || pictures < p->unet_pictures) p->unet_pictures = pictures;
        if (decode->vae_strips > p->vae_strips) p->vae_strips = decode->vae_strips;
    }
    p->decode_flops *= g->batch;
}

/* A context of this backend, with what lies at the arena's bottom. */
static void set_context(Generation *g, const Ops *ops, ThreadPool *pool) {
    const SdModel *m = g->m;
    g->ctx = (Ctx){.op = ops,
                   .precision = m->precision,
                   .type = m->ops->type,
                   .wrap = (int)g->r->tiling,
                   .pool = pool,
                   .arena = &g->work.arena};
    conditioning_place(g);
}

enum { SAVINGS = 2 };

/* Plans anew for a request that no mode fits: 1: the least scratch; 2: and no keys and values of texts that stay. */
static void save(Generation *g, int saved) {
    bool may = !g->m->gpu && g->m->ops->rows_independent && !g->control_count && !g->r->attention;
    g->states = saved > 1 && may;
    set_scratch(g, saved > 0);
    g->work.arena.used = 0;
    set_context(g, plan_ops(), NULL);
}

/* Rounded up; SIZE_MAX, which sizes of a 32-bit program become at 4 GiB, is the next after all. */
static size_t mebibytes(size_t bytes) { return (bytes >> 20) + (bytes & ((1 << 20) - 1) ? 1 : 0); }

static const char *at_least(size_t bytes) { return bytes < SIZE_MAX ? "" : "at least "; }

static bool too_large(Generation *g, size_t limit, Error *e) {
    const SdModel *m = g->m;
    char has[80], what[160];
    snprintf(has, sizeof has, limit >> 20 ? "%s %zu MiB" : "%s %zu bytes",
             m->memory_limit == limit ? "the limit is"
             : m->gpu                 ? "the GPU has"
             : sizeof(void *) == 4    ? "a 32-bit program here has"
                                      : "this machine has",
             limit >> 20 ? limit >> 20 : limit);
    save(g, 0);
    size_t all = g->plan.least ? choose_modes(g, SIZE_MAX) : 0;
    if (all)
        snprintf(what, sizeof what,
                 "needs %s%zu MiB, or %zu MiB with every saving (smaller calls, strips, "
                 "streamed weights)",
                 at_least(all), mebibytes(all), mebibytes(g->plan.least));
    else
        snprintf(what, sizeof what, "needs %s%zu MiB for pictures and latents alone", at_least(plan_other(g)),
                 mebibytes(plan_other(g)));
    return error_set(e, ERR_MEMORY, "memory: %dx%d, batch size %d %s, but %s; make a smaller picture or batch",
                     g->r->width, g->r->height, g->batch, what, has);
}

/* The modes of all experts' stages, set aside while others are tried. */
static void copy_stages(StagePlan out[MOST_EXPERTS][STAGE_COUNT], const Generation *g) {
    for (int k = 0; k < MOST_EXPERTS; k++) memcpy(out[k], g->experts[k].stages, sizeof *out);
}

static void set_stages(Generation *g, StagePlan from[MOST_EXPERTS][STAGE_COUNT]) {
    for (int k = 0; k < MOST_EXPERTS; k++) memcpy(g->experts[k].stages, from[k], sizeof *from);
}

/* With the best of the savings: small pictures may need less without the last one. */
static size_t least_of_all(Generation *g) {
    size_t least = SIZE_MAX;
    for (int level = 1; level <= SAVINGS; level++) {
        save(g, level);
        size_t needs = choose_modes(g, 0);
        if (needs < least) least = needs;
    }
    return least;
}

/* Where memory is taken before it is touched, a stage's weights lie at the arena's end. */
static bool has_room(const Generation *g) { return !g->m->gpu && !g->keep && !os_lazy_memory(); }

static size_t room_for_weights(Generation *g) {
    size_t most = g->plan.activations;
    for (Expert *d = g->experts; d < g->experts + g->expert_count; d++)
        for (int i = 0; i < STAGE_COUNT; i++) {
            if (!STAGES[i].wanted(g, d)) continue;
            int inner = stage_nested(g, i);
            size_t peak = d->stages[i].peak, weights = weights_of(g, d, i);
            if (inner >= 0) {
                peak = larger(peak, d->stages[inner].peak);
                weights = size_sum(weights, weights_of(g, d, inner));
            }
            most = larger(most, size_sum(peak, weights));
        }
    return most;
}

/* Of the text stages, whose arena is the first. */
static size_t first_peak(const Generation *g) { return g->experts[BASE].stages[STAGE_TEXT].peak; }

bool plan_memory(Generation *g, Error *e) {
    SdModel *m = g->m;
    SdPlan *p = &g->plan;
    StagePlan chosen[MOST_EXPERTS][STAGE_COUNT];
    size_t limit = m->memory_limit, machine = available(g);
    if (!limit || machine < limit) limit = machine;
    save(g, 0);
    for (Expert *d = g->experts; d < g->experts + g->expert_count; d++)
        d->source = model_source(d->m), set_first_modes(g, d);
    if (is_vast(g) && plan_other(g) > limit) return too_large(g, limit, e);
    if (g->r->keep) p->process = need_all(g);
    g->keep = g->r->keep && p->process <= limit;
    if (!g->keep) p->process = choose_modes(g, limit);
    int saved = 0;
    p->least = SIZE_MAX;
    while (p->process > limit && saved < SAVINGS) {
        save(g, ++saved), p->process = choose_modes(g, limit);
        if (p->process < p->least) p->least = p->process; /* what does not fit is the least of its savings */
    }
    copy_stages(chosen, g);
    if (p->process <= limit || !os_lazy_memory()) p->least = least_of_all(g);
    save(g, saved);
    if (p->process > limit) return too_large(g, limit, e);
    set_stages(g, chosen);
    for (const Expert *d = g->experts; d < g->experts + g->expert_count; d++)
        if (!pool_set_scratch(d->m->pool, d->scratch, e)) return false;
    read_weights_ahead(g, most_ahead(g)); /* it is told in which order they will come */
    fill_plan(g);
    read_weights_ahead(g, 0);                                          /* until a stage begins */
    size_t size = m->gpu && !g->keep ? first_peak(g) : p->activations; /* see put_to_work_in in experts.c */
    if (has_room(g)) size = room_for_weights(g);
    if (!workspace_open(&g->work, m, size, g->keep, e)) return false;
    for (int k = 0; k < g->expert_count && has_room(g); k++) workspace_lend(g->experts[k].m, &g->work.arena);
    g->now = &g->experts[BASE];
    set_context(g, m->ops, m->pool);
    return true;
}
