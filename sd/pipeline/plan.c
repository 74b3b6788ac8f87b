/* run_plan.c: what a request takes, found by running it on the plan backend, and whether that fits. */
#include "run.h"
#include "tensor/os.h"

#include <math.h>
#include <string.h>

/* Of a GPU what is free, and what the model has there already. */
static size_t memory_there(const SdModel *m) {
    if (!m->gpu) return os_physical_memory();
    size_t free_bytes = m->ops->memory->available(m->gpu) + m->kept.arena.size;
    for (int i = 0; i < PART_COUNT; i++)
        if (m->loaded[i]) free_bytes += model_part_bytes(m, (Part)i, false);
    return free_bytes;
}

static size_t strip_of(const SdModel *m) { return m->ops->pieces ? 8 << 20 : 0; }

static size_t most(size_t a, size_t b) { return a > b ? a : b; }

/* --- stages on the plan backend --- */

static void encode_stage(Run *run) {
    Ctx *c = &run->ctx;
    size_t scope = scope_begin(c);
    Tensor image = tensor_new(c, 4, SHAPE(1, run->r->height, run->r->width, 3));
    Tensor moments = tensor_new(c, 4, SHAPE(1, run->h, run->w, 2 * run->m->config.vae.latent));
    vae_encode_tiled(c, moments, &run->m->encoder, image, run->mode[PART_ENCODER].tiled);
    scope_end(c, scope);
}

static void unet_stage(Run *run) {
    run_turn(run, 0);
    run->time = NAN;
    for (int i = 0; i < text_states_calls(&run->text); i++) run_unet(run, NULL, NULL, 1, 0, i, NULL);
}

static void decode_stage(Run *run) {
    Ctx *c = &run->ctx;
    size_t scope = scope_begin(c);
    Tensor image = tensor_new(c, 4, SHAPE(1, run->r->height, run->r->width, 3));
    Tensor z = tensor_new(c, 4, SHAPE(1, run->h, run->w, run->m->config.vae.latent));
    vae_decode_tiled(c, image, &run->m->decoder, z, run->mode[PART_DECODER].tiled);
    scope_end(c, scope);
}

/* A part's stage in its mode: the arena's peak and the arithmetic. */
static size_t measure(Run *run, Part part, double *flops) {
    static void (*const STAGES[PART_COUNT])(Run *) = {run_text_stage, unet_stage, decode_stage, encode_stage};
    run->work.arena.peak = run->work.arena.used;
    run->ctx.flops = 0;
    run_use(run, part);
    STAGES[part](run);
    if (flops) *flops = run->ctx.flops;
    return run->work.arena.peak;
}

/* --- what does not lie on the arena --- */

/* The program, its libraries, tables and stacks, and what the system maps around a page that is read: 18 MiB as
 * measured, and some to spare. */
enum { PROGRAM_BYTES = 24 << 20 };

static size_t beside(const Run *run) {
    if (run->m->gpu) return 0; /* the limit is the GPU's */
    const WeightFile *file = run->m->checkpoint->file;
    size_t model = file && !file->mapped ? file->size : 0; /* a model in memory */
    size_t latents = (size_t)(run->batch * (4 + run->sampler->buffers) + run->text.count * run->group);
    size_t pixels = (size_t)run->r->width * (size_t)run->r->height;
    size_t pictures = (size_t)run->batch * pixels * 3 + (run->image ? 3 * pixels : 0);
    if (run->r->taps) pictures += (size_t)run->batch * pixels * 3 * sizeof(float);
    return PROGRAM_BYTES + model + (size_t)pool_threads(run->m->pool) * SCRATCH_BYTES +
           latents * (size_t)run->latent * sizeof(float) + pictures;
}

/* --- modes --- */

static Mode first_mode(const Run *run) { return (Mode){.texts = run->text.count, .pictures = run->group}; }

/* The next mode, in the order of what they cost: smaller calls, the VAE strip by strip, weights from the file. */
static bool costlier(const Run *run, Part part, Mode *m) {
    bool vae = part == PART_DECODER || part == PART_ENCODER;
    int levels = run->m->ops->pieces && !run->r->taps ? run->m->config.vae.levels : 0; /* taps show whole maps */
    if (part == PART_UNET && m->texts > 1) return m->texts = 1, true;
    if (part == PART_UNET && m->pictures > 1) return m->pictures = (m->pictures + 1) / 2, true;
    if (vae && m->tiled < levels) return m->tiled++, true;
    if (m->streamed || run->m->gpu) return false;
    *m = first_mode(run);
    return m->streamed = true;
}

static size_t weights_of(const Run *run, Part part) { return model_part_bytes(run->m, part, run->mode[part].streamed); }

/* What the process has in memory in a part's stage, in its mode; with a preview the decoder stands beside the U-Net. */
static size_t need(Run *run, Part part) {
    size_t peak = measure(run, part, NULL), weights = weights_of(run, part);
    if (part == PART_UNET && run->r->preview) {
        peak = most(peak, measure(run, PART_DECODER, NULL));
        weights += weights_of(run, PART_DECODER);
    }
    return beside(run) + weights + peak;
}

/* The first mode of a part that the limit allows, or the one that needs the least; returns what it needs. */
static size_t choose(Run *run, Part part, size_t limit) {
    Mode least = run->mode[part] = first_mode(run);
    size_t bytes = need(run, part);
    for (Mode m = least; bytes > limit && costlier(run, part, &m);) {
        run->mode[part] = m;
        size_t now = need(run, part);
        if (now < bytes) bytes = now, least = m;
    }
    run->mode[part] = least;
    return bytes;
}

/* The U-Net's and the decoder's together, as previews need them. */
static size_t choose_both(Run *run, size_t limit) {
    size_t bytes = SIZE_MAX;
    Mode m = first_mode(run), unet = m, decoder = m;
    do {
        run->mode[PART_DECODER] = m;
        size_t now = most(need(run, PART_DECODER), choose(run, PART_UNET, limit));
        if (now < bytes) bytes = now, unet = run->mode[PART_UNET], decoder = m;
    } while (bytes > limit && costlier(run, PART_DECODER, &m));
    run->mode[PART_UNET] = unet, run->mode[PART_DECODER] = decoder;
    return bytes;
}

/* All parts' modes; returns what the largest stage needs. */
static size_t choose_all(Run *run, size_t limit) {
    size_t text = choose(run, PART_TEXT, limit), encode = run->image ? choose(run, PART_ENCODER, limit) : 0;
    size_t rest = run->r->preview ? choose_both(run, limit)
                                  : most(choose(run, PART_DECODER, limit), choose(run, PART_UNET, limit));
    return most(most(text, encode), rest);
}

/* Everything at once, and all parts together: what is kept for a next call. */
static size_t need_all(Run *run) {
    size_t weights = 0, peak = 0;
    for (int i = 0; i < PART_COUNT; i++) {
        if (i == PART_ENCODER && !run->image) continue;
        weights += model_part_bytes(run->m, (Part)i, false);
        peak = most(peak, measure(run, (Part)i, NULL));
    }
    return beside(run) + weights + peak;
}

static void fill_plan(Run *run) {
    SdPlan *p = &run->plan;
    size_t *const peaks[PART_COUNT] = {&p->text_peak, &p->unet_peak, &p->decode_peak, &p->encode_peak};
    double *const flops[PART_COUNT] = {&p->text_flops, &p->step_flops, &p->decode_flops, &p->encode_flops};
    p->weights = p->activations = 0;
    p->lasting = run->work.arena.used;
    for (int i = 0; i < PART_COUNT; i++) {
        if (i == PART_ENCODER && !run->image) continue;
        *peaks[i] = measure(run, (Part)i, flops[i]);
        size_t bytes = weights_of(run, (Part)i);
        if (i == PART_UNET && run->r->preview && !run->keep) bytes += weights_of(run, PART_DECODER);
        p->weights = run->keep ? p->weights + bytes : most(p->weights, bytes);
        p->activations = most(p->activations, *peaks[i]);
        p->streamed |= run->mode[i].streamed;
    }
    p->decode_flops *= run->batch;
    p->unet_pictures = run->mode[PART_UNET].texts * run->mode[PART_UNET].pictures;
    p->tiled = run->mode[PART_DECODER].tiled;
}

static size_t mebibytes(size_t bytes) { return (bytes + (1 << 20) - 1) >> 20; }

bool run_plan(Run *run, Error *e) {
    SdModel *m = run->m;
    SdPlan *p = &run->plan;
    size_t limit = m->memory_limit, machine = memory_there(m);
    if (!limit || machine < limit) limit = machine;
    run->work = (Workspace){0};
    run->source = model_source(m);
    run->ctx = (Ctx){.op = plan_ops(),
                     .precision = m->precision,
                     .type = m->ops->type,
                     .strip = strip_of(m),
                     .arena = &run->work.arena};
    run_place_states(run);
    for (int i = 0; i < PART_COUNT; i++) run->mode[i] = first_mode(run);
    p->process = need_all(run);
    run->keep = run->r->keep && p->process <= limit;
    if (!run->keep) p->process = choose_all(run, limit);
    fill_plan(run);
    p->least = choose_all(run, 0);
    if (p->process > limit) {
        size_t whole = choose_all(run, SIZE_MAX);
        return error_set(e, ERR_MEMORY,
                         "memory: %dx%d, batch size %d takes %zu MiB at its peak, at the least %zu MiB (smaller calls, "
                         "tiles, weights read from the file when they are needed), and %s %zu MiB; make a smaller "
                         "picture or batch",
                         run->r->width, run->r->height, run->batch, mebibytes(whole), mebibytes(p->least),
                         m->memory_limit == limit ? "the limit is"
                         : m->gpu                 ? "the GPU has"
                                                  : "this machine has",
                         limit >> 20);
    }
    if (!run->keep) choose_all(run, limit);
    else
        for (int i = 0; i < PART_COUNT; i++) run->mode[i] = first_mode(run);
    /* now for real */
    if (!workspace_open(&run->work, m, m->gpu && !run->keep ? p->text_peak : p->activations, run->keep, e))
        return false;
    run->ctx = (Ctx){.op = m->ops,
                     .precision = m->precision,
                     .type = m->ops->type,
                     .strip = strip_of(m),
                     .pool = m->pool,
                     .arena = &run->work.arena};
    run_place_states(run);
    return true;
}
