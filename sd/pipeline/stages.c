#include "stages.h"

#include "conditioning.h"
#include "tensor/os.h"

#include <stddef.h>

static bool always(const Generation *g) { return (void)g, true; }
static bool two_encoders(const Generation *g) { return g->m->config.encoders == 2; }
static bool from_image(const Generation *g) { return g->image != NULL; }

static int one(const Generation *g) { return (void)g, 1; }
static int pictures(const Generation *g) { return g->batch; }
static int previews(const Generation *g) { return g->r->preview ? STAGE_DECODE : -1; }

const Stage STAGES[STAGE_COUNT] = {
    [STAGE_TEXT] = {.shown = SD_STAGE_TEXT,
                    .part = PART_TEXT,
                    .wanted = always,
                    .steps = one,
                    .plan = text_plan,
                    .run = text_run,
                    .plan_peak = offsetof(SdPlan, text_peak),
                    .plan_flops = offsetof(SdPlan, text_flops),
                    .seconds = offsetof(SdResult, text_seconds)},
    [STAGE_TEXT_2] = {.shown = SD_STAGE_TEXT,
                      .part = PART_TEXT_2,
                      .wanted = two_encoders,
                      .steps = one,
                      .plan = text_2_plan,
                      .run = text_2_run,
                      .plan_peak = offsetof(SdPlan, text_peak),
                      .plan_flops = offsetof(SdPlan, text_flops),
                      .seconds = offsetof(SdResult, text_seconds)},
    [STAGE_ENCODE] = {.shown = SD_STAGE_ENCODE,
                      .part = PART_ENCODER,
                      .wanted = from_image,
                      .steps = one,
                      .plan = encode_plan,
                      .run = encode_run,
                      .plan_peak = offsetof(SdPlan, encode_peak),
                      .plan_flops = offsetof(SdPlan, encode_flops),
                      .seconds = offsetof(SdResult, sample_seconds)},
    [STAGE_SAMPLE] = {.shown = SD_STAGE_SAMPLE,
                      .part = PART_UNET,
                      .wanted = always,
                      .nested = previews,
                      .plan = sample_plan,
                      .run = sample_run,
                      .plan_peak = offsetof(SdPlan, unet_peak),
                      .plan_flops = offsetof(SdPlan, step_flops),
                      .seconds = offsetof(SdResult, sample_seconds)},
    [STAGE_DECODE] = {.shown = SD_STAGE_DECODE,
                      .part = PART_DECODER,
                      .wanted = always,
                      .steps = pictures,
                      .plan = decode_plan,
                      .run = decode_run,
                      .plan_peak = offsetof(SdPlan, decode_peak),
                      .plan_flops = offsetof(SdPlan, decode_flops),
                      .seconds = offsetof(SdResult, decode_seconds)},
};

int stage_nested(const Generation *g, int i) { return STAGES[i].nested ? STAGES[i].nested(g) : -1; }

size_t stage_measure(Generation *g, int i, double *flops) {
    Arena *a = &g->work.arena;
    a->peak = a->used;
    g->ctx.flops = 0;
    STAGES[i].plan(g, &g->stages[i].mode);
    if (flops) *flops = g->ctx.flops;
    return a->peak;
}

static bool load(Generation *g, int i, Error *e) {
    return (g->stages[i].mode.streamed ? model_load_streamed : model_load)(g->m, STAGES[i].part, e);
}

/* On a GPU, whose memory is taken whether it is used or not, each stage has an arena of its own size, unless the
 * request keeps it. What lies at the bottom is placed anew; its host side is still there. */
static bool resize(Generation *g, size_t size, Error *e) {
    if (!g->m->gpu || g->keep || size == g->work.arena.size) return true;
    if (!workspace_resize(&g->work, size, e)) return false;
    conditioning_place(g);
    return true;
}

bool stage_run(Generation *g, int i, Error *e) {
    const Stage *s = &STAGES[i];
    double begun = os_clock();
    int inner = stage_nested(g, i);
    size_t size = g->stages[i].peak;
    if (inner >= 0 && g->stages[inner].peak > size) size = g->stages[inner].peak;
    bool ok = (!s->steps || report_progress(g, s->shown, 0, s->steps(g), e)) && resize(g, size, e) && load(g, i, e) &&
              (inner < 0 || load(g, inner, e)) && s->run(g, &g->stages[i].mode, e);
    if (!g->keep) {
        model_release(g->m, s->part);
        arena_trim(&g->work.arena);
    }
    if (g->out) *(double *)(void *)((char *)g->out + s->seconds) += os_clock() - begun;
    return ok;
}
