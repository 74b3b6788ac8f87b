/* conditioning.c: the text stage, and what the U-Net makes of texts and times. */
#include "conditioning.h"

#include "stages.h"

#include <math.h>
#include <stdio.h>

void conditioning_place(Generation *g) {
    Conditioning *k = &g->cond;
    Ctx *c = &g->ctx;
    text_states_place(&k->text, c, g->m->config.clip.width);
    for (int i = 0; i < text_states_calls(&k->text); i++) {
        Tensor context = text_states_context(&k->text, i);
        k->cross_kv[i] = tensor_new(c, 3, SHAPE(context.n[0], context.n[1], g->m->unet.cross_kv));
    }
    k->time_shifts = tensor_new(c, 2, SHAPE(1, g->m->unet.time_shifts));
    k->time = NAN;
}

static void make_cross_kv(Generation *g, int context, int64_t place) {
    unet_cross_kv(&g->ctx, tensor_slice(g->cond.cross_kv[context], 0, place, 1), &g->m->unet,
                  tensor_slice(text_states_context(&g->cond.text, context), 0, place, 1));
}

/* On the plan backend one text of each context counts for all of them. */
static void plan_cross_kv(Generation *g) {
    for (int i = 0; i < text_states_calls(&g->cond.text); i++) {
        double before = g->ctx.flops;
        make_cross_kv(g, i, 0);
        g->ctx.flops += (g->ctx.flops - before) * ((double)g->cond.cross_kv[i].n[0] - 1);
    }
}

void update_prompts(Generation *g, int call) {
    TextStates *s = &g->cond.text;
    if (ctx_plans(&g->ctx)) {
        plan_cross_kv(g);
        return;
    }
    text_states_switch(s, &g->ctx, call);
    for (int side = 0; side < s->count; side++) {
        int64_t place;
        int i = text_states_context_of(s, side, &place);
        if (s->sides[side].switched) make_cross_kv(g, i, place);
    }
}

void update_time(Generation *g, float time) {
    Ctx *c = &g->ctx;
    if (time == g->cond.time) return;
    size_t scope = scope_begin(c);
    Tensor t = tensor_new_typed(c, F32, 1, SHAPE(1));
    if (!ctx_plans(c)) *(float *)tensor_host(c, t).data = time;
    tensor_push(c, t);
    unet_time_shifts(c, g->cond.time_shifts, &g->m->unet, t);
    g->cond.time = time;
    scope_end(c, scope);
}

/* --- the text stage --- */

static void encode_texts(Generation *g, const Mode *mode) {
    int skip = g->r->clip_skip;
    if (g->m->config.clip.penultimate && skip < 2) skip = 2;
    use_weights(g, mode);
    text_states_encode(&g->cond.text, &g->ctx, &g->m->clip, skip);
}

void text_plan(Generation *g, const Mode *mode) { encode_texts(g, mode); }

/* The contexts of the first step; where prompts differ in length, one for each U-Net call. */
static bool tap_contexts(Generation *g, Error *e) {
    TextStates *s = &g->cond.text;
    text_states_switch(s, &g->ctx, 0);
    for (int i = 0; i < s->count; i++) s->sides[i].now = -1; /* the U-Net has seen none of them yet */
    for (int i = 0; g->taps && i < text_states_calls(s); i++) {
        char name[64] = "text_model.last_hidden_state";
        if (!s->together) snprintf(name, sizeof name, "text_model.last_hidden_state.%d", i);
        if (!taps_wants(g->taps, name)) continue;
        Tensor context = tensor_host(&g->ctx, text_states_context(s, i));
        if (!taps_add(g->taps, name, 3, context.n, context.data, e)) return false;
    }
    return true;
}

bool text_run(Generation *g, const Mode *mode, Error *e) {
    encode_texts(g, mode);
    return error_pass(e, &g->ctx.err) && tap_contexts(g, e);
}
