#include "experts.h"

#include "sd/pipeline/text/conditioning.h"
#include "sd/pipeline/control/control.h"

/* The weights of the one at work are released, and the other is. */
static void relieve(Generation *g, Expert *d) {
    for (int i = 0; !ctx_plans(&g->ctx) && !g->keep && i < PART_COUNT; i++) model_release(g->now->m, (Part)i);
    if (!ctx_plans(&g->ctx) && !g->keep) control_release(g);
    workspace_forget(&g->work);
    g->now = d;
}

void expert_put_to_work(Generation *g, Expert *d) {
    if (g->now == d) return;
    relieve(g, d);
    conditioning_turn(g);
    if (!ctx_plans(&g->ctx)) arena_trim(&g->work.arena);
}

/* The same in an arena of this size. On a GPU, whose memory is taken whether it is used or not, each stage has an arena
 * of its own size, unless the request keeps it. What lies at the bottom is placed anew; its host side is still there.
 */
static bool put_to_work_in(Generation *g, Expert *d, size_t size, Error *e) {
    if (!g->m->gpu || g->keep || size == g->work.arena.size) return expert_put_to_work(g, d), true;
    if (g->now != d) relieve(g, d);
    if (!workspace_resize(&g->work, size, e)) return false;
    conditioning_place(g);
    return true;
}

static bool load(Generation *g, Expert *d, int stage, Error *e) {
    const StagePlan *s = &d->stages[stage];
    return (s->mode.streamed ? model_load_streamed : model_load)(d->m, s->part, e) &&
           (s->part != PART_UNET || control_load(g, d, s->mode.streamed, e));
}

bool expert_enter(Generation *g, Expert *d, int stage, int nested, Error *e) {
    size_t size = d->stages[stage].peak;
    if (nested >= 0 && d->stages[nested].peak > size) size = d->stages[nested].peak;
    g->stage = stage;
    g->nested = nested;
    read_weights_ahead(g, d->stages[stage].mode.ahead);
    return put_to_work_in(g, d, size, e) && load(g, d, stage, e) && (nested < 0 || load(g, d, nested, e));
}

bool expert_take_over(Generation *g, Expert *d, Error *e) {
    return g->now == d || expert_enter(g, d, g->stage, g->nested, e);
}

Expert *expert_for(Generation *g, int index) { return &g->experts[g->refined && g->refined[index] ? REFINER : BASE]; }

const char *expert_shown(const Generation *g) { return g->now == &g->experts[REFINER] ? "refiner " : ""; }
