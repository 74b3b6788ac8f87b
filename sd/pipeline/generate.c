#include "generate.h"

#include "sd/pipeline/control/control.h"
#include "decode.h"
#include "sd/pipeline/denoiser/experts.h"
#include "sd/pipeline/control/image_encode.h"
#include "plan.h"
#include "request.h"
#include "stages.h"
#include "start.h"
#include "tensor/os.h"

#include <stdlib.h>
#include <string.h>

static bool open_taps(Generation *g, Error *e) {
    const SdRequest *r = g->r;
    if (!request_taps(r)) return true;
    g->taps = g->pass.taps ? g->pass.taps : taps_open(r->taps, r->tap, r->activation, r->user, e);
    if (g->pass.taps) taps_enter(g->taps, g->pass.before);
    if (g->taps) g->listener = taps_listener(g->taps);
    return g->taps != NULL;
}

/* The file appears only if all went well; that of all passes after the last one. */
static bool close_taps(Generation *g, Error *e) {
    TapFile *taps = g->taps;
    g->taps = NULL;
    return !taps || g->pass.taps || taps_close(taps, e);
}

/* What an earlier call kept. */
static void release_kept(Generation *g) {
    for (int k = 0; k < g->expert_count; k++)
        for (int i = 0; i < PART_COUNT; i++) model_release(g->experts[k].m, (Part)i);
    for (int k = 0; k < g->expert_count; k++) kept_values_drop(&g->experts[k].m->made);
    control_release(g);
}

/* By every expert that wants it, or, once, by the one whose turn it is. */
static bool run_stage(Generation *g, int i, Error *e) {
    bool ok = true;
    Expert *turn = expert_for(g, 0);
    for (Expert *d = g->experts; ok && d < g->experts + g->expert_count; d++)
        if (STAGES[i].run && STAGES[i].wanted(g, d) && (STAGES[i].by_all || d == turn)) ok = stage_run(g, d, i, e);
    return ok;
}

/* Those that are only decoded. */
static bool take_latents(Generation *g, Error *e) {
    size_t bytes = (size_t)(g->batch * g->latent) * sizeof *g->x;
    g->x = malloc(bytes);
    if (!g->x) return error_set(e, ERR_MEMORY, "out of memory for latents");
    memcpy(g->x, g->pass.z, bytes);
    return true;
}

bool generate(SdModel *m, const SdRequest *r, const Pass *pass, SdResult *out, Error *e) {
    Generation g;
    Error own = {0};
    if (!e) e = &own;
    *out = (SdResult){0};
    bool ok = generation_begin(&g, m, r, pass, e) && check_noise(&g, e) && plan_memory(&g, e);
    if (ok && !g.keep) release_kept(&g);
    g.out = out;
    g.started = os_clock();
    ok = ok && open_taps(&g, e) && image_encode(&g, e);
    if (ok && g.pass.decodes) ok = take_latents(&g, e);
    for (int i = 0; ok && i < STAGE_COUNT; i++) ok = run_stage(&g, i, e);
    ok = ok && close_taps(&g, e);
    if (ok && g.pass.first)
        ok = text_vectors_hashes(&g.experts[BASE].cond.text.vectors, g.experts[BASE].cond.text.embeddings, NULL,
                                 g.pass.told_embeddings, e);
    if (ok && g.pass.encodes) *g.pass.latents = g.z, g.z = NULL;
    else if (ok && g.pass.latents) *g.pass.latents = g.x, g.x = NULL;
    if (!ok) sd_free(out);
    generation_end(&g);
    return ok;
}

bool generate_plan(SdModel *m, const SdRequest *r, const Pass *pass, SdPlan *out, Error *e) {
    Generation g;
    bool ok = generation_begin(&g, m, r, pass, e) && plan_memory(&g, e);
    *out = g.plan;
    generation_end(&g);
    return ok;
}

void generate_release(SdModel *m, const SdRequest *r) {
    SdModel *const models[] = {m, r->refiner};
    for (int k = 0; k < 2; k++) {
        for (int i = 0; models[k] && i < PART_COUNT; i++) model_release(models[k], (Part)i);
        if (models[k]) workspace_drop_kept(models[k]), kept_values_drop(&models[k]->made);
    }
}

bool generate_tell(SdModel *m, const SdRequest *r, const Pass *pass, char **text, Error *e) {
    Generation g;
    bool ok = generation_begin(&g, m, r, pass, e);
    const TextStates *states = &g.experts[BASE].cond.text;
    if (ok && pass && pass->first)
        ok = text_vectors_hashes(&states->vectors, states->embeddings, NULL, pass->told_embeddings, e);
    else if (ok) ok = (*text = picture_told(&g, 0, r->refiner != NULL, (int64_t)g.seed, e)) != NULL;
    generation_end(&g);
    return ok;
}
