#include "plan_other.h"

#include "beside.h"
#include "inpaint.h"
#include "plan.h"
#include "request.h"
#include "sd/pipeline/attention/attention_maps.h"
#include "sd/pipeline/control/control_hint.h"
#include "sd/pipeline/control/image_prompt.h"
#include "sd/load/scratch.h"
#include "tensor/os.h"
#include "tensor/sizes.h"
#include "weights/files/glob.h"

#include <stdio.h>

/* A model in memory that no file is behind. */
static size_t model_bytes(const SdModel *m) {
    const WeightFile *file = m->checkpoint->file;
    return file && !file->backed ? os_counted_memory(file->map, file->size) : 0;
}

/* What a model's threads work in if ops use `bytes`, and take all with networks on top of weights or in OpenBLAS. */
static size_t scratch_bytes(const SdModel *m, size_t bytes) {
    return pool_scratch_memory(m->pool, m->overlay || !m->ops->rows_independent ? SCRATCH_BYTES : bytes);
}

static size_t program_bytes(const SdModel *m) { return os_program_memory(scratch_bytes(m, pool_scratch(m->pool))); }

const char *plan_name(const Generation *g, const char *name, char out[160]) {
    snprintf(out, 160, "%s%s", g->pass.before ? g->pass.before : "", name);
    return out;
}

bool plan_tells(const Generation *g, const char *name) {
    char out[160];
    return g->r->activation && (!g->r->tap || glob_match(g->r->tap, plan_name(g, name, out)));
}

size_t plan_process(const SdModel *m, bool least) {
    size_t scratch = least ? model_least_scratch(m) : pool_scratch(m->pool);
    return m->gpu ? 0 : program_bytes(m) + scratch_bytes(m, scratch) + model_bytes(m);
}

size_t plan_other(const Generation *g) {
    if (g->m->gpu) return 0; /* the limit is the GPU's */
    uint64_t models = 0,
             latents = (uint64_t)(g->batch * (4 + g->sampler->buffers) + g->now->cond.text.count * g->group);
    for (const Expert *d = g->experts; d < g->experts + g->expert_count; d++)
        models += model_bytes(d->m) + scratch_bytes(d->m, d->scratch);
    uint64_t pixels = (uint64_t)g->r->width * (uint64_t)g->r->height;
    if (beside_edits(g->m, g->r)) latents += (size_t)g->group;
    uint64_t beside = (uint64_t)(g->batch * beside_channels(g->m) * g->h * g->w);
    if (beside_upscales(g->m)) beside += (uint64_t)(7 * g->h * g->w); /* its noise, and the small picture in floats */
    uint64_t pictures =
        (uint64_t)g->batch * pixels * 3 + (g->image ? 3 * pixels : 0) + hint_bytes(g) + image_prompt_bytes(g);
    pictures +=
        g->pass.from_pictures ? (uint64_t)g->batch * 3 * (uint64_t)g->pass.picture_w * (uint64_t)g->pass.picture_h : 0;
    size_t unit =
        (size_t)vae_factor(&g->m->config.vae); /* noise and latents of another size are beside the picture's */
    uint64_t seeds = (uint64_t)g->r->seed_width / unit * ((size_t)g->r->seed_height / unit) * 2;
    if (generation_stretches(g)) seeds += (uint64_t)g->r->image_width / unit * ((size_t)g->r->image_height / unit) * 2;
    if (request_taps(g->r)) pictures += (uint64_t)g->batch * pixels * 3 * sizeof(float);
    if (plan_tells(g, "image")) pictures += (uint64_t)g->batch * pixels * 3 * sizeof(float);
    uint64_t all = program_bytes(g->m) + models + g->pass.held + inpaint_bytes(g) + attention_maps_bytes(g) +
                   windows_bytes(&g->windows) +
                   (latents * (size_t)g->latent + beside + seeds * (size_t)g->m->config.vae.latent) * sizeof(float) +
                   pictures;
    return size_of(all);
}
