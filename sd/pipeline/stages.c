#include "sd/load/workspace.h"
#include "stages.h"

#include "sd/pipeline/control/control.h"
#include "sd/pipeline/denoiser/experts.h"
#include "tensor/os.h"

#include <stddef.h>

static bool draws(const Generation *g, const Expert *d) { return (void)d, !g->pass.encodes && !g->pass.decodes; }
static bool makes_pictures(const Generation *g, const Expert *d) { return (void)d, !g->pass.latents; }
static bool two_encoders(const Generation *g, const Expert *d) { return draws(g, d) && d->m->config.encoders == 2; }
static bool encodes(const Generation *g, const Expert *d) {
    return d == &g->experts[BASE] && !g->pass.decodes &&
           (generation_encodes(g) || config_input(&d->m->config) == INPUT_INPAINTING);
}

static int one(const Generation *g) { return (void)g, 1; }
static int pictures(const Generation *g) { return g->batch; }
static bool decodes_previews(const SdRequest *r) { return r->preview && r->preview_by != SD_PREVIEW_APPROX; }
static bool shown(const Generation *g, const Expert *d) { return draws(g, d) && decodes_previews(g->r); }
static int previews(const Generation *g) { return decodes_previews(g->r) ? STAGE_PREVIEW : -1; }

static Part text(const SdRequest *r) { return (void)r, PART_TEXT; }
static Part text_2(const SdRequest *r) { return (void)r, PART_TEXT_2; }
static Part unet(const SdRequest *r) { return (void)r, PART_UNET; }
static Part encoder(const SdRequest *r) { return r->vae_encoder == SD_VAE_TAESD ? PART_TAESD_ENCODER : PART_ENCODER; }
static Part decoder(const SdRequest *r) { return r->vae_decoder == SD_VAE_TAESD ? PART_TAESD_DECODER : PART_DECODER; }
static Part preview_decoder(const SdRequest *r) {
    return r->preview_by == SD_PREVIEW_TAESD ? PART_TAESD_DECODER : PART_DECODER;
}

const Stage STAGES[STAGE_COUNT] = {
    [STAGE_TEXT] = {.shown = SD_STAGE_TEXT,
                    .part = text,
                    .by_all = true,
                    .wanted = draws,
                    .steps = one,
                    .plan = text_plan,
                    .run = text_run,
                    .plan_peak = offsetof(SdPlan, text_peak),
                    .plan_flops = offsetof(SdPlan, text_flops),
                    .seconds = offsetof(SdResult, text_seconds)},
    [STAGE_TEXT_2] = {.shown = SD_STAGE_TEXT,
                      .part = text_2,
                      .by_all = true,
                      .wanted = two_encoders,
                      .steps = one,
                      .plan = text_2_plan,
                      .run = text_2_run,
                      .plan_peak = offsetof(SdPlan, text_peak),
                      .plan_flops = offsetof(SdPlan, text_flops),
                      .seconds = offsetof(SdResult, text_seconds)},
    [STAGE_ENCODE] = {.shown = SD_STAGE_ENCODE,
                      .part = encoder,
                      .wanted = encodes,
                      .steps = one,
                      .plan = encode_plan,
                      .run = encode_run,
                      .plan_peak = offsetof(SdPlan, encode_peak),
                      .plan_flops = offsetof(SdPlan, encode_flops),
                      .seconds = offsetof(SdResult, sample_seconds)},
    [STAGE_SAMPLE] = {.shown = SD_STAGE_SAMPLE,
                      .part = unet,
                      .wanted = draws,
                      .nested = previews,
                      .plan = sample_plan,
                      .run = sample_run,
                      .plan_peak = offsetof(SdPlan, unet_peak),
                      .plan_flops = offsetof(SdPlan, step_flops),
                      .seconds = offsetof(SdResult, sample_seconds)},
    [STAGE_PREVIEW] = {.shown = SD_STAGE_SAMPLE,
                       .part = preview_decoder,
                       .wanted = shown,
                       .plan = preview_plan,
                       .plan_peak = offsetof(SdPlan, decode_peak)},
    [STAGE_DECODE] = {.shown = SD_STAGE_DECODE,
                      .part = decoder,
                      .last = true,
                      .wanted = makes_pictures,
                      .steps = pictures,
                      .plan = decode_plan,
                      .run = decode_run,
                      .plan_peak = offsetof(SdPlan, decode_peak),
                      .plan_flops = offsetof(SdPlan, decode_flops),
                      .seconds = offsetof(SdResult, decode_seconds)},
};

int stage_nested(const Generation *g, int i) { return STAGES[i].nested ? STAGES[i].nested(g) : -1; }

/* Whether the whole arena is a stage's. A refiner's turn places texts again, and so does a GPU's other arena. */
static bool has_all(const Generation *g, int i) { return STAGES[i].last && g->expert_count == 1 && !g->m->gpu; }

size_t stage_measure(Generation *g, Expert *d, int i, double *flops) {
    Arena *a = &g->work.arena;
    expert_put_to_work(g, d);
    size_t texts = a->used;
    if (has_all(g, i)) a->used = 0;
    a->peak = a->used;
    g->ctx.flops = 0;
    STAGES[i].plan(g, &d->stages[i].mode);
    a->used = texts;
    if (flops) *flops = g->ctx.flops;
    return a->peak;
}

bool stage_run(Generation *g, Expert *d, int i, Error *e) {
    const Stage *s = &STAGES[i];
    double begun = os_clock();
    if (has_all(g, i)) g->work.arena.used = 0;
    bool ok = (!s->steps || report_progress(g, s->shown, 0, s->steps(g), e)) &&
              expert_enter(g, d, i, stage_nested(g, i), e) && s->run(g, &d->stages[i].mode, e);
    if (!g->keep) {
        model_release(g->now->m, s->part(g->r));
        workspace_lend(g->now->m, g->now->m->room); /* a nested stage's, too */
        if (s->part(g->r) == PART_UNET) control_release(g);
        arena_trim(&g->work.arena);
    }
    if (g->out) *(double *)(void *)((char *)g->out + s->seconds) += os_clock() - begun;
    return ok;
}
