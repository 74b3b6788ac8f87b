/* control_calls.c. Weights and modes are those of the webui's extension (Mikubill, sd-webui-controlnet,
 * scripts/hook.py). */
#include "control_calls.h"

#include "sd/pipeline/text/conditioning.h"
#include "control.h"
#include "sd/load/control.h"
#include "sd/noise/math64.h"

#include <stdio.h>
#include <string.h>

static bool is_on(const Generation *g, const Control *k) {
    return ctx_plans(&g->ctx) || (g->control_done >= k->of->start && g->control_done <= k->of->end);
}

/* Whether it counts the less, the nearer to the picture. In hires fix' second pass canny always does, against
 * artifacts. */
static bool is_soft(const Generation *g, const Control *k) {
    return k->of->mode != SD_CONTROL_BALANCED || (g->pass.calls_before && k->of->hint == SD_HINT_CANNY);
}

/* A ControlNet, which makes maps. */
static bool has_trunk(const Control *k) { return k->texts.unet != NULL; }

void control_advance(Generation *g, double done) {
    int on[2] = {0};
    for (int when = 0; when < 2; when++) {
        for (int i = 0; i < g->control_count; i++) on[when] |= is_on(g, &g->controls[i]) << i;
        g->control_done = done;
    }
    if (on[0] != on[1]) workspace_forget(&g->work);
}

int64_t call_negative(const Generation *g, const ControlCall *call) {
    const TextStates *t = &g->now->cond.text;
    if (!t->guided || call->context || call->text || (ctx_plans(&g->ctx) && call->texts == 1)) return 0;
    return call->pictures;
}

/* The first picture that it has a say in. */
static int64_t first_of(const Generation *g, const Control *k, const ControlCall *call) {
    return k->of->mode == SD_CONTROL_MORE || k->net->net.config.pools ? call_negative(g, call) : 0;
}

/* The row of its guides that entry i of a call has. */
static int64_t row_of(const Generation *g, const Control *k, const ControlCall *call, int64_t i) {
    int64_t at = call->first + i % call->pictures, windows = g->windows.count;
    return (k->hints > 1 ? call->group + at / windows : 0) * windows + at % windows;
}

/* Features that belong after the U-Net's input block i, or, i = inputs, its middle. The soft weights are the
 * extension's. */
static void add_features(void *user, Ctx *c, int i, Tensor map) {
    static const double SOFT[] = {0.25, 0.62, 0.825, 1};
    const ControlMaps *k = user;
    for (int n = 0; n < control_count(k->g, k->g->now); n++) {
        const Control *one = &k->g->controls[n];
        const Adapter *a = &one->net->adapter;
        int64_t first = first_of(k->g, one, k->call), count = map.n[0] - first;
        if (!control_is_adapter(one->net) || !is_on(k->g, one) || !count) continue;
        for (int level = 0; level < a->levels; level++) {
            if (a->place[level] != i) continue;
            double soft = !is_soft(k->g, one) || level > 3 ? 1 : SOFT[level];
            const float weight = (float)(one->of->weight * soft);
            if (control_rows(k->g, one) == 1)
                op_accumulate(c, tensor_slice(map, 0, first, count), tensor_repeat(one->guide[level], count), weight);
            for (int64_t at = first; control_rows(k->g, one) > 1 && at < map.n[0]; at++)
                op_accumulate(c, tensor_slice(map, 0, at, 1),
                              tensor_slice(one->guide[level], 0, row_of(k->g, one, k->call, at), 1), weight);
        }
    }
}

/* map += what is added to it */
static void add(void *user, Ctx *c, int i, Tensor map) {
    const ControlMaps *k = user;
    int64_t count = map.n[0] - k->from;
    if (i == k->g->now->m->unet.inputs) add_features(user, c, i, map);
    if (count) op_accumulate(c, tensor_slice(map, 0, k->from, count), k->maps[i], 1);
}

bool control_maps(Generation *g, ControlMaps *k, const ControlCall *call, Tensor x) {
    int64_t shapes[MAX_CONTROL_MAPS][4];
    const Control *any = NULL;
    bool adapted = false;
    *k = (ControlMaps){.from = x.n[0], .g = g, .call = call, .hook = {.add = add, .user = k}};
    for (int i = 0; i < control_count(g, g->now); i++) {
        const Control *one = &g->controls[i];
        int64_t first = first_of(g, one, call);
        if (!is_on(g, one) || first == x.n[0]) continue;
        adapted = adapted || control_is_adapter(one->net);
        if (!has_trunk(one)) continue;
        any = one;
        if (first < k->from) k->from = first;
    }
    if (adapted) k->hook.down = add_features;
    if (!any) return adapted;
    controlnet_shapes(&any->net->net, tensor_slice(x, 0, k->from, x.n[0] - k->from), shapes);
    for (int i = 0; i < controlnet_maps(&any->net->net); i++) k->maps[i] = tensor_new(&g->ctx, 4, shapes[i]);
    return true;
}

int control_images(const Generation *g, const ControlCall *call, ImageStates out[SD_MOST_CONTROLS]) {
    int n = 0;
    for (int i = 0; i < control_count(g, g->now); i++) {
        const Control *one = &g->controls[i];
        if (control_is_image(one->net) && is_on(g, one))
            out[n++] = (ImageStates){.kv = one->guide[0], .plain = call_negative(g, call)};
    }
    return n;
}

/* Each map's weight. */
static void set_scales(const Generation *g, const Control *k, float scales[MAX_CONTROL_MAPS]) {
    for (int i = 0; i < controlnet_maps(&k->net->net); i++) {
        double soft = !is_soft(g, k) || i > 12 ? 1 : pow64(0.825, 12 - i);
        scales[i] = (float)(k->of->weight * soft);
    }
}

/* [1,h,w,C] that all entries of a call from `first` on share, or [count,h,w,C] on the arena, one for each. */
static Tensor guide_of(Generation *g, const Control *k, const ControlCall *call, int64_t first, int64_t count) {
    Tensor all = k->guide[0];
    if (all.n[0] == 1) return all;
    Tensor out = tensor_new(&g->ctx, 4, SHAPE(count, all.n[1], all.n[2], all.n[3]));
    for (int64_t i = 0; i < count; i++)
        op_affine(&g->ctx, tensor_slice(out, 0, i, 1), tensor_slice(all, 0, row_of(g, k, call, first + i), 1), 1, 0);
    return out;
}

/* Activations are named "controlnetN." while it runs, after what the U-Net's begin with. */
static void fill_one(Generation *g, ControlMaps *k, const ControlCall *call, Tensor x, int number, bool more) {
    Control *one = &g->controls[number];
    Ctx *c = &g->ctx;
    int64_t first = first_of(g, one, call), count = x.n[0] - first, text = first / call->pictures;
    float scales[MAX_CONTROL_MAPS];
    Tensor maps[MAX_CONTROL_MAPS];
    char prefix[sizeof c->taps->prefix] = "";
    size_t scope = scope_begin(c);
    const WeightSource *before = control_enter(g, one);
    if (c->taps) {
        size_t n = strlen(strcpy(prefix, c->taps->prefix));
        snprintf(c->taps->prefix + n, sizeof prefix - n, "controlnet%d.", number);
    }
    set_scales(g, one, scales);
    for (int i = 0; i < controlnet_maps(&one->net->net); i++)
        maps[i] = tensor_slice(k->maps[i], 0, first - k->from, count);
    Tensor shifts = call_time_shifts(g, &one->texts, call->context, call->text, call->texts, call->pictures);
    if (shifts.n[0] > 1) shifts = tensor_slice(shifts, 0, first, count);
    ControlnetInput in = {
        .x = tensor_slice(x, 0, first, count),
        .time_shifts = shifts,
        .cross_kv = tensor_slice(one->texts.cross_kv[call->context], 0, call->text + text, call->texts - text),
        .guide = guide_of(g, one, call, first, count),
        .scales = scales};
    controlnet_forward(c, maps, more, &one->net->net, &in);
    if (c->taps) strcpy(c->taps->prefix, prefix);
    control_leave(g, before);
    scope_end(c, scope);
}

/* Those that have a say in fewer pictures come last, since the first writes the maps and the others add. */
void control_fill(Generation *g, ControlMaps *k, const ControlCall *call, Tensor x) {
    bool more = false;
    for (int late = 0; late < 2; late++)
        for (int i = 0; i < control_count(g, g->now); i++) {
            const Control *one = &g->controls[i];
            int64_t first = first_of(g, one, call);
            if (!is_on(g, one) || !has_trunk(one) || first == x.n[0] || (first > k->from) != late) continue;
            fill_one(g, k, call, x, i, more);
            more = true;
        }
}
