/* run_plan.c: what a request takes, found by running it on the plan backend, and whether that fits. */
#define _XOPEN_SOURCE 700
#include "run.h"

#include <unistd.h>

static size_t physical_memory(void) {
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (size_t)pages * (size_t)size : SIZE_MAX;
}

/* Of a card what is free, and what the model has there already. */
static size_t memory_there(const SdModel *m) {
    if (!m->card) return physical_memory();
    size_t free_bytes = m->ops->memory->available(m->card);
    for (int i = 0; i < PART_COUNT; i++)
        if (m->loaded[i]) free_bytes += model_part_bytes(m, (Part)i);
    return free_bytes;
}

static size_t strip_of(const SdModel *m) { return m->ops->pieces ? 8 << 20 : 0; }

static size_t most(size_t a, size_t b) { return a > b ? a : b; }

/* One stage's peak above what lies at the arena's bottom, and its arithmetic. */
static void stage(Run *run, void (*fn)(Run *), size_t *peak, double *flops) {
    run->arena.peak = run->arena.used;
    run->ctx.flops = 0;
    fn(run);
    *peak = run->arena.peak;
    *flops = run->ctx.flops;
}

static void encode_stage(Run *run) {
    Ctx *c = &run->ctx;
    size_t scope = scope_begin(c);
    Tensor image = tensor_new(c, 4, SHAPE(1, run->r->height, run->r->width, 3));
    Tensor moments = tensor_new(c, 4, SHAPE(1, run->h, run->w, 2 * run->m->config.vae.latent));
    vae_encode(c, moments, &run->m->encoder, image);
    scope_end(c, scope);
}

static void unet_stage(Run *run) {
    run_turn(run, 0);
    for (int i = 0; i < text_states_calls(&run->text); i++) run_unet(run, NULL, NULL, 1, 0, i, NULL);
}

static void decode_stage(Run *run) {
    Ctx *c = &run->ctx;
    size_t scope = scope_begin(c);
    Tensor z = tensor_new(c, 4, SHAPE(1, run->h, run->w, run->m->config.vae.latent));
    Tensor image = tensor_new(c, 4, SHAPE(1, run->r->height, run->r->width, 3));
    vae_decode(c, image, &run->m->decoder, z);
    scope_end(c, scope);
}

/* Runs the stages on the plan backend; leaves the arena without memory. */
static void count(Run *run) {
    SdPlan *p = &run->plan;
    run->arena = (Arena){0};
    run->ctx = (Ctx){.op = plan_ops(),
                     .precision = run->m->precision,
                     .type = run->m->ops->type,
                     .strip = strip_of(run->m),
                     .arena = &run->arena};
    run_place_states(run);
    stage(run, run_text_stage, &p->text_peak, &p->text_flops);
    if (run->image) stage(run, encode_stage, &p->encode_peak, &p->encode_flops);
    stage(run, unet_stage, &p->unet_peak, &p->step_flops);
    stage(run, decode_stage, &p->decode_peak, &p->decode_flops);
    p->decode_flops *= run->batch;
    p->activations = most(most(p->text_peak, p->encode_peak), most(p->unet_peak, p->decode_peak));
}

bool run_plan(Run *run, Error *e) {
    count(run);
    SdPlan *p = &run->plan;
    const size_t peaks[PART_COUNT] = {p->text_peak, p->unet_peak, p->decode_peak, p->encode_peak};
    size_t total = 0;
    p->weights = 0;
    for (int i = 0; i < PART_COUNT; i++) {
        if (i == PART_ENCODER && !run->image) continue;
        size_t bytes = model_part_bytes(run->m, (Part)i);
        p->weights = run->r->keep ? p->weights + bytes : most(p->weights, bytes);
        total = most(total, bytes + peaks[i]);
    }
    if (run->r->preview) { /* both at once */
        size_t both = model_part_bytes(run->m, PART_UNET) + model_part_bytes(run->m, PART_DECODER);
        p->weights = most(p->weights, both);
        total = most(total, both + most(p->unet_peak, p->decode_peak));
    }
    if (run->r->keep) total = p->weights + p->activations;
    size_t limit = run->m->memory_limit, machine = memory_there(run->m);
    if (!limit || machine < limit) limit = machine;
    if (total > limit)
        return error_set(e, ERR_MEMORY,
                         "memory: %dx%d, batch size %d takes %zu MiB at its peak (weights %zu MiB, activations %zu "
                         "MiB), and %s %zu MiB; "
                         "make a smaller picture or batch",
                         run->r->width, run->r->height, run->batch, total >> 20, p->weights >> 20, p->activations >> 20,
                         run->m->memory_limit == limit ? "the limit is"
                         : run->m->card                ? "the card has"
                                                       : "this machine has",
                         limit >> 20);
    /* now for real */
    const SdModel *m = run->m;
    if (!arena_init_on(&run->arena, m->ops, m->card, p->activations, e)) return false;
    run->ctx = (Ctx){.op = m->ops,
                     .precision = m->precision,
                     .type = m->ops->type,
                     .strip = strip_of(m),
                     .dev = m->dev,
                     .arena = &run->arena};
    run_place_states(run);
    return true;
}
