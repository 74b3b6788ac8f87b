/* conditioning.c: the text stage, and what the U-Net makes of texts and times. */
#include "conditioning.h"

#include "sd/pipeline/beside.h"
#include "sd/pipeline/control/control.h"
#include "sd/pipeline/request.h"
#include "sd/noise/math64.h"
#include "sd/pipeline/stages.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_labels(const Expert *d) { return unet_has_labels(&d->m->config.unet); }

static int64_t pooled_width(const SdConfig *k) {
    int64_t width = 0;
    for (int i = 0; i < k->encoders; i++) width += k->clip[i].pooled;
    return width;
}

/* Room for what it makes of the texts, which is not made yet. */
static void place(Generation *g, UnetTexts *k) {
    const TextStates *text = &g->now->cond.text;
    Ctx *c = &g->ctx;
    bool labels = has_labels(g->now);
    for (int i = 0; i < text_states_calls(text); i++) {
        Tensor context = text_states_context(text, i);
        k->cross_kv[i] = context;
        if (!g->states) k->cross_kv[i] = tensor_new(c, 3, SHAPE(context.n[0], context.n[1], k->unet->cross_kv));
        if (labels) k->labels[i] = tensor_new(c, 2, SHAPE(context.n[0], unet_width(k->unet)));
        if (!i || labels) k->time_shifts[i] = tensor_new(c, 2, SHAPE(labels ? context.n[0] : 1, k->unet->time_shifts));
        else k->time_shifts[i] = k->time_shifts[0];
    }
    k->time = NAN;
}

void conditioning_turn(Generation *g) {
    Conditioning *k = &g->now->cond;
    arena_set_top(&g->ctx, g->texts);
    text_states_forget(&k->text);
    k->unet.unet = &g->now->m->unet;
    place(g, &k->unet);
    for (int i = 0; i < control_count(g, g->now); i++) {
        Control *one = &g->controls[i];
        if (one->texts.unet) place(g, &one->texts);
        control_place(g, one);
    }
}

void conditioning_place(Generation *g) {
    for (Expert *d = g->experts; d < g->experts + g->expert_count; d++) {
        if (has_labels(d)) text_states_zero_empty(&d->cond.text);
        text_states_place(&d->cond.text, &g->ctx, d->m->config.unet.context, pooled_width(&d->m->config));
    }
    g->texts = arena_top(&g->ctx);
    conditioning_turn(g);
}

static void make_cross_kv(Generation *g, const UnetTexts *k, int context, int64_t place) {
    if (g->states) return; /* in every call */
    unet_cross_kv(&g->ctx, tensor_slice(k->cross_kv[context], 0, place, 1), k->unet,
                  tensor_slice(text_states_context(&g->now->cond.text, context), 0, place, 1));
}

/* The numbers beside the pooled text: the picture's sizes as SDXL was trained with them, or for its refiner a score of
 * beauty in place of the last two. Source: sgm's configurations; sd_models_xl.py for the order of the webui's. */
static int sizes_of(const Generation *g, bool negative, float out[6]) {
    const SdRequest *r = g->r;
    int n = config_sizes(&g->now->m->config);
    const float sizes[] = {(float)(r->original_height ? r->original_height : r->height),
                           (float)(r->original_width ? r->original_width : r->width),
                           (float)r->crop_top,
                           (float)r->crop_left,
                           (float)(r->target_height ? r->target_height : r->height),
                           (float)(r->target_width ? r->target_width : r->width)};
    memcpy(out, sizes, sizeof sizes);
    if (n == 5) out[4] = (float)(negative ? r->negative_aesthetic_score : r->aesthetic_score);
    return n;
}

/* The label of the text at this place of a context, from its pooled vector [1,pooled]. */
static void make_label(Generation *g, const UnetTexts *k, int context, int64_t place, Tensor pooled, bool negative) {
    Ctx *c = &g->ctx;
    float sizes[6];
    int n = sizes_of(g, negative, sizes);
    tensor_push(c, pooled); /* a GPU's arena is a new one since the text stage */
    int64_t label = g->now->m->config.unet.label, width = pooled.n[1];
    size_t scope = scope_begin(c);
    Tensor y = tensor_new(c, 2, SHAPE(1, label)), t = tensor_new_typed(c, F32, 1, SHAPE(n));
    Tensor embedded = tensor_new(c, 2, SHAPE(n, SIZE_WIDTH));
    if (!ctx_plans(c)) memcpy(tensor_host(c, t).data, sizes, (size_t)n * sizeof *sizes);
    tensor_push(c, t);
    op_timestep_embedding(c, embedded, t);
    op_affine(c, tensor_slice(y, 1, 0, width), pooled, 1, 0);
    op_affine(c, tensor_slice(y, 1, width, label - width), tensor_reshape(embedded, 2, SHAPE(1, label - width)), 1, 0);
    unet_label(c, tensor_slice(k->labels[context], 0, place, 1), k->unet, y);
    if (k->kinds) controlnet_union_label(c, tensor_slice(k->labels[context], 0, place, 1), k->kinds, k->kind);
    scope_end(c, scope);
}

/* How noisy the small picture is that the U-Net is shown; the same for every text. */
static void make_class(Generation *g, const UnetTexts *k, int context, int64_t place) {
    Ctx *c = &g->ctx;
    size_t scope = scope_begin(c);
    Tensor id = tensor_new_typed(c, I32, 2, SHAPE(1, 1));
    if (!ctx_plans(c)) *(int32_t *)tensor_host(c, id).data = beside_noise_level(g->r);
    tensor_push(c, id);
    unet_class(c, tensor_slice(k->labels[context], 0, place, 1), k->unet, id);
    scope_end(c, scope);
}

/* What it makes of the text of this side, which is at this place of a context. */
static void make_text(Generation *g, UnetTexts *k, int side, int context, int64_t place) {
    const TextStates *s = &g->now->cond.text;
    const Side *of = &s->sides[side];
    make_cross_kv(g, k, context, place);
    if (!has_labels(g->now)) return;
    if (k->unet->config.classes) make_class(g, k, context, place);
    else
        make_label(g, k, context, place, tensor_slice(of->pooled, 0, of->now < 0 ? 0 : of->now, 1),
                   s->guided && side == 0);
    k->time = NAN; /* the shifts hold the label, too */
}

static void take_text(Generation *g, int side, int context, int64_t place) {
    make_text(g, &g->now->cond.unet, side, context, place);
    for (int i = 0; i < control_count(g, g->now); i++) {
        if (!g->controls[i].texts.unet) continue;
        const WeightSource *before = control_enter(g, &g->controls[i]);
        make_text(g, &g->controls[i].texts, side, context, place);
        control_leave(g, before);
    }
}

/* On the plan backend one text of each context counts for all of them. */
static void plan_texts(Generation *g) {
    for (int i = 0; i < text_states_calls(&g->now->cond.text); i++) {
        double before = g->ctx.flops;
        take_text(g, 0, i, 0);
        g->ctx.flops += (g->ctx.flops - before) * ((double)g->now->cond.unet.cross_kv[i].n[0] - 1);
    }
}

/* It is of the picture, not of a step: no step's sums count it. */
static void make_guides(Generation *g) {
    double before = g->ctx.flops;
    for (int i = 0; i < control_count(g, g->now); i++) {
        const WeightSource *source = control_enter(g, &g->controls[i]);
        control_guide(g, &g->controls[i]);
        control_leave(g, source);
    }
    g->ctx.flops = before;
}

void update_prompts(Generation *g, int call) {
    TextStates *s = &g->now->cond.text;
    make_guides(g);
    if (ctx_plans(&g->ctx)) {
        plan_texts(g);
        return;
    }
    text_states_switch(s, &g->ctx, call);
    for (int side = 0; side < s->count; side++) {
        int64_t place;
        int i = text_states_context_of(s, side, &place);
        if (s->sides[side].switched) take_text(g, side, i, place);
    }
}

/* rows[n][width]: a guidance scale as LCM's U-Nets are told it (diffusers, get_guidance_scale_embedding(scale - 1)):
 * sines of 1000 (scale - 1) f_i, then cosines; f_i = 10000^(-i / (width / 2 - 1)). scale: 0..100. */
static void embed_guidance(float *rows, int64_t n, int64_t width, double scale) {
    int64_t half = width / 2;
    double angle = 1000 * fabs(scale - 1), sign = scale < 1 ? -1 : 1, sine, cosine;
    for (int64_t i = 0; i < half; i++) {
        sincos64(angle * exp64(-log64(10000) * (double)i / (double)(half - 1)), &sine, &cosine);
        for (int64_t row = 0; row < n; row++) {
            rows[row * width + i] = (float)(sign * sine);
            rows[row * width + half + i] = (float)cosine;
        }
    }
}

static void make_time_shifts(Generation *g, const Unet *u, Tensor shifts, float time, const Tensor *labels) {
    Ctx *c = &g->ctx;
    size_t scope = scope_begin(c);
    int64_t n = shifts.n[0];
    Tensor t = tensor_new_typed(c, F32, 1, SHAPE(n));
    for (int64_t i = 0; !ctx_plans(c) && i < n; i++) ((float *)tensor_host(c, t).data)[i] = time;
    tensor_push(c, t);
    int64_t width = u->config.guidance;
    Tensor guidance;
    if (width) {
        guidance = tensor_new_typed(c, F32, 2, SHAPE(n, width));
        if (!ctx_plans(c)) embed_guidance(tensor_host(c, guidance).data, n, width, g->r->cfg);
        tensor_push(c, guidance);
    }
    unet_time_shifts(c, shifts, u, t, labels, width ? &guidance : NULL);
    scope_end(c, scope);
}

static void take_time(Generation *g, UnetTexts *k, float time) {
    if (time == k->time) return;
    bool labels = has_labels(g->now);
    for (int i = 0; i < (labels ? text_states_calls(&g->now->cond.text) : 1); i++)
        make_time_shifts(g, k->unet, k->time_shifts[i], time, labels ? &k->labels[i] : NULL);
    k->time = time;
}

void update_time(Generation *g, float time) {
    take_time(g, &g->now->cond.unet, time);
    for (int i = 0; i < control_count(g, g->now); i++) {
        if (!g->controls[i].texts.unet) continue;
        const WeightSource *before = control_enter(g, &g->controls[i]);
        take_time(g, &g->controls[i].texts, time);
        control_leave(g, before);
    }
}

Tensor call_time_shifts(Generation *g, const UnetTexts *k, int context, int text, int texts, int pictures) {
    Tensor all = k->time_shifts[context];
    if (!has_labels(g->now)) return all;
    Tensor some = tensor_slice(all, 0, text, texts);
    if (pictures == 1) return some;
    Tensor out = tensor_new(&g->ctx, 2, SHAPE((int64_t)texts * pictures, all.n[1]));
    for (int64_t i = 0; i < texts; i++)
        op_affine(&g->ctx, tensor_slice(out, 0, i * pictures, pictures),
                  tensor_repeat(tensor_slice(some, 0, i, 1), pictures), 1, 0);
    return out;
}

/* --- the text stages --- */

static void encode_texts(Generation *g, const Mode *mode, int encoder) {
    use_weights(g, mode);
    text_states_encode(&g->now->cond.text, &g->ctx, g->now->m->clip, encoder,
                       request_layer(&g->now->m->config.clip[encoder], g->r), g->keep ? &g->now->m->made : NULL);
}

void text_plan(Generation *g, const Mode *mode) { encode_texts(g, mode, 0); }
void text_2_plan(Generation *g, const Mode *mode) { encode_texts(g, mode, 1); }

/* Something of a U-Net call's texts: "NAME", or where prompts differ in length "NAME.0" and "NAME.1"; the refiner's
 * begins with "refiner.". */
static bool tap_texts(Generation *g, const char *what, int call, Tensor t, Error *e) {
    char name[64];
    const char *whose = g->now == &g->experts[REFINER] ? "refiner." : "";
    if (g->now->cond.text.together) snprintf(name, sizeof name, "%s%s", whose, what);
    else snprintf(name, sizeof name, "%s%s.%d", whose, what, call);
    return !taps_wants(g->taps, name) || taps_add(g->taps, name, t.nd, t.n, t.data, e);
}

/* The channels of one encoder, dense. */
static bool tap_states(Generation *g, int encoder, int call, Tensor context, Error *e) {
    const SdConfig *k = &g->now->m->config;
    char name[48] = "text_model.last_hidden_state";
    if (encoder) snprintf(name, sizeof name, "text_model_%d.last_hidden_state", encoder + 1);
    if (k->encoders == 1) return tap_texts(g, name, call, context, e);
    int64_t at = encoder ? k->clip[0].width : 0, width = k->clip[encoder].width, rows = context.n[0] * context.n[1];
    float *own = malloc((size_t)(rows * width) * sizeof *own);
    if (!own) return error_set(e, ERR_MEMORY, "out of memory for text states");
    for (int64_t i = 0; i < rows; i++)
        memcpy(own + i * width, (const float *)context.data + i * context.s[1] + at, (size_t)width * sizeof *own);
    bool ok = tap_texts(g, name, call, tensor_view(own, F32, 3, SHAPE(context.n[0], context.n[1], width)), e);
    free(own);
    return ok;
}

/* The pooled vectors of a call's texts. */
static bool tap_pooled(Generation *g, int call, Error *e) {
    const TextStates *s = &g->now->cond.text;
    int64_t texts = g->now->cond.unet.cross_kv[call].n[0], place;
    float *rows = malloc((size_t)(texts * s->pooled) * sizeof *rows);
    if (!rows) return error_set(e, ERR_MEMORY, "out of memory for text states");
    for (int i = 0; i < s->count; i++) {
        const Side *side = &s->sides[i];
        if (text_states_context_of(s, i, &place) != call) continue;
        const float *all = tensor_host(&g->ctx, side->pooled).data; /* a zeroed side's are there alone */
        memcpy(rows + place * s->pooled, all + side->now * s->pooled, (size_t)s->pooled * sizeof *rows);
    }
    bool ok = tap_texts(g, "pooled", call, tensor_view(rows, F32, 2, SHAPE(texts, s->pooled)), e);
    free(rows);
    return ok;
}

/* The texts of the first step, when the last encoder has been through them. */
static bool tap_contexts(Generation *g, Error *e) {
    TextStates *s = &g->now->cond.text;
    const SdConfig *k = &g->now->m->config;
    bool ok = true;
    text_states_switch(s, &g->ctx, 0);
    for (int call = 0; ok && g->taps && call < text_states_calls(s); call++) {
        Tensor context = tensor_host(&g->ctx, text_states_context(s, call));
        for (int i = 0; ok && i < k->encoders; i++) ok = tap_states(g, i, call, context, e);
        if (ok && s->pooled) ok = tap_pooled(g, call, e);
    }
    text_states_forget(s); /* the U-Net has seen none of them yet */
    return ok;
}

static bool run_encoder(Generation *g, const Mode *mode, int encoder, Error *e) {
    encode_texts(g, mode, encoder);
    return error_pass(e, &g->ctx.err) && (encoder + 1 < g->now->m->config.encoders || tap_contexts(g, e));
}

bool text_run(Generation *g, const Mode *mode, Error *e) { return run_encoder(g, mode, 0, e); }
bool text_2_run(Generation *g, const Mode *mode, Error *e) { return run_encoder(g, mode, 1, e); }
