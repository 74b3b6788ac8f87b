#include "unet_calls.h"

#include "sd/load/control.h"
#include "sd/load/networks/overlay.h"
#include "sd/pipeline/attention/attention_calls.h"
#include "sd/pipeline/beside.h"
#include "sd/pipeline/control/control.h"
#include "sd/pipeline/text/conditioning.h"
#include "experts.h"
#include "sd/pipeline/nonfinite.h"
#include "sd/pipeline/planes.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* What one call of the U-Net computes: some windows of the group's pictures for each of some texts of a context. Of
 * usual pictures the only window is the whole. */
typedef struct {
    int context;         /* which of the step's contexts: Conditioning.cross_kv[context] */
    int side;            /* of that context's first text */
    int text, texts;     /* of the context */
    int group;           /* the batch's number of the group's first picture */
    int first, pictures; /* of the group; of several windows, all those of the first, then of the next one, ... */
    bool bare;           /* an edited picture's third side: of the first text alone, with zeros beside */
} Call;

/* All windows of the group. */
static int all_windows(const Generation *g) { return g->group * g->windows.count; }

/* x[text][window] channels-last, the windows repeated for each text; beside: what lies beside the group's first. */
static void fill_input(const Generation *g, Tensor in, const Call *k, const float *x, const float *beside,
                       float scale) {
    if (ctx_plans(&g->ctx)) return;
    float *pixels = tensor_host(&g->ctx, in).data;
    int64_t area = g->h * g->w, channels = g->latent / area, more = in.n[3] - channels;
    if (more && k->bare) memset(pixels, 0, (size_t)(in.n[0] * in.s[0]) * sizeof *pixels);
    for (int64_t i = 0; i < in.n[0]; i++) {
        int64_t at = k->first + i % k->pictures, picture = at / g->windows.count;
        int window = (int)(at % g->windows.count);
        float *to = pixels + i * in.s[0];
        windows_cut(&g->windows, window, to, in.n[3], x + picture * g->latent, channels, scale);
        if (more && !k->bare)
            windows_cut(&g->windows, window, to + channels, in.n[3], beside + picture * more * area, more, 1);
    }
}

static void take_output(Generation *g, float *out, Tensor result, const Call *k) {
    const float *pixels = tensor_pull(&g->ctx, result).data;
    if (ctx_plans(&g->ctx) || g->ctx.err.code) return;
    for (int64_t i = 0; i < result.n[0]; i++) {
        int64_t side = k->side + k->text + i / k->pictures, at = k->first + i % k->pictures;
        windows_add(&g->windows, (int)(at % g->windows.count),
                    out + (side * g->group + at / g->windows.count) * g->latent, pixels + i * result.s[0], result.n[3]);
    }
}

/* recording: what a GPU repeats from step to step. */
static void forward(Generation *g, const Call *k, float *out, const float *x, const float *beside, float scale,
                    float time, Recording *recording) {
    Ctx *c = &g->ctx;
    const Unet *u = &g->now->m->unet;
    Tensor kv = tensor_slice(g->now->cond.unet.cross_kv[k->context], 0, k->text, k->texts);
    size_t scope = scope_begin(c);
    update_time(g, time);
    int64_t n = (int64_t)k->texts * k->pictures;
    Tensor shifts = call_time_shifts(g, &g->now->cond.unet, k->context, k->text, k->texts, k->pictures);
    const int64_t h = g->windows.grid.tile_h, w = g->windows.grid.tile_w;
    Tensor in = tensor_new(c, 4, SHAPE(n, h, w, u->config.in_channels));
    Tensor result = tensor_new(c, 4, SHAPE(n, h, w, u->config.out_channels));
    assert(result.n[3] * g->h * g->w == g->latent);
    fill_input(g, in, k, x, beside, scale);
    tensor_push(c, in);
    ControlMaps maps;
    const ControlCall call = {k->context, k->text, k->texts, k->first, k->pictures, k->group};
    Tensor latents = in; /* all that a ControlNet sees */
    if (beside_channels(g->now->m)) latents = tensor_new(c, 4, SHAPE(n, h, w, u->config.out_channels));
    bool controlled = control_maps(g, &maps, &call, latents);
    const CrossListener *listener = attention_place(g, &call, n);
    ImageStates images[SD_MOST_CONTROLS];
    const UnetInput input = {.x = in,
                             .time_shifts = shifts,
                             .cross_kv = kv,
                             .states = g->states,
                             .hook = controlled ? &maps.hook : NULL,
                             .images = images,
                             .image_count = control_images(g, &call, images),
                             .listener = listener};
    Tensor of[] = {in, result, shifts, kv};
    for (recording_start(c, recording, of, 4); recording_next(c, recording);) {
        if (controlled && beside_channels(g->now->m))
            op_affine(c, latents, tensor_slice(in, 3, 0, u->config.out_channels), 1, 0);
        if (controlled) control_fill(g, &maps, &call, latents);
        unet_forward(c, result, u, &input);
    }
    take_output(g, out, result, k);
    if (listener) attention_take(g, &call, k->group);
    scope_end(c, scope);
}

/* "unet.step003.", with ".picture2" where pictures are sampled one by one, and the call's number after the first. */
static void listen_to_call(Generation *g, const Cursor *at) {
    char picture[32] = "", call[16] = "";
    if (at->first) snprintf(picture, sizeof picture, "picture%d.", at->first);
    if (at->unet_calls) snprintf(call, sizeof call, "%d.", at->unet_calls);
    listen_to(g, "unet.step%03d.%s%s", at->step, picture, call);
}

static int texts_of(const Generation *g, const Call *k) {
    return k->bare ? 1 : (int)g->now->cond.unet.cross_kv[k->context].n[0];
}

/* All texts of a context on the plan backend, where one call of each size is made and counted as often as it would be:
 * a large batch is planned as fast as a small one. */
static void plan_context(Generation *g, const Mode *mode, Call k, float time) {
    Ctx *c = &g->ctx;
    int all = texts_of(g, &k);
    k.texts = mode->texts < all ? mode->texts : all;
    update_time(g, time);
    for (int rest = 0; rest < 2; rest++) {
        k.pictures = rest ? all_windows(g) % mode->pictures : mode->pictures;
        int times = rest ? k.pictures > 0 : all_windows(g) / mode->pictures;
        double before = c->flops;
        Recording once = {0};
        if (!times) continue;
        forward(g, &k, NULL, NULL, NULL, 1, time, &once);
        recording_free(&g->work.arena, &once);
        c->flops += (c->flops - before) * ((double)times * (all / k.texts) - 1);
    }
}

static bool has_own_hints(const Generation *g) {
    bool any = false;
    for (int i = 0; g->group < g->batch && i < g->control_count; i++) any = any || g->controls[i].hints > 1;
    return any;
}

/* All texts of a context. look: taps to use instead of the request's; NULL: the request's. */
static void forward_context(Generation *g, const Mode *mode, Cursor *at, Call k, float *out, const float *x,
                            float scale, float time, Taps *look) {
    int all = texts_of(g, &k);
    int64_t more = beside_channels(g->now->m);
    const float *beside = g->beside ? g->beside + at->first * more * g->h * g->w : NULL;
    k.texts = mode->texts < all ? mode->texts : all;
    k.group = at->first;
    for (k.text = 0; k.text < all; k.text += k.texts)
        for (k.first = 0; k.first < all_windows(g); k.first += mode->pictures) {
            k.pictures = all_windows(g) - k.first < mode->pictures ? all_windows(g) - k.first : mode->pictures;
            if (look) g->ctx.taps = look;
            else listen_to_call(g, at);
            Recording once = {0};
            bool whole = k.texts == all && k.pictures == all_windows(g) && !k.bare && !has_own_hints(g);
            /* smaller calls share addresses, not texts; pictures sampled one by one may share them, not hints */
            forward(g, &k, out, x, beside, scale, time, whole ? &g->work.unet[k.context] : &once);
            recording_free(&g->work.arena, &once);
            at->unet_calls++;
            stop_listening(g);
        }
}

/* The sides of one context, or the bare one. */
static bool run_sides(Generation *g, const Mode *mode, Cursor *at, Call k, float *out, const float *x, float scale,
                      float time, Error *e) {
    const int64_t pictures = texts_of(g, &k) * (int64_t)g->group, count = pictures * g->latent;
    if (ctx_plans(&g->ctx)) plan_context(g, mode, k, time);
    else {
        float *sides = out + k.side * g->group * g->latent;
        if (g->windows.count > 1) memset(sides, 0, (size_t)count * sizeof *sides);
        forward_context(g, mode, at, k, out, x, scale, time, NULL);
        for (int64_t i = 0; i < pictures; i++)
            windows_finish(&g->windows, sides + i * g->latent, g->m->config.vae.latent);
    }
    if (!error_pass(e, &g->ctx.err)) return false;
    if (ctx_plans(&g->ctx) || all_finite(out + k.side * g->group * g->latent, count)) return true;
    bool added = overlay_finite(g->now->m->overlay, e);
    for (int i = 0; added && i < control_count(g, g->now); i++) added = control_finite(g->controls[i].net, e);
    if (!added) return false;
    FirstNonfinite found = {{0}};
    Taps look = nonfinite_listener(&found);
    if (all_finite(x, g->group * g->latent)) forward_context(g, mode, at, k, out, x, scale, time, &look);
    return error_set(
        e, ERR_NUMERIC,
        "the %sU-Net's numbers stopped being finite in step %d, first in %s; the model or its file is damaged",
        expert_shown(g), at->step + 1, found.name[0] ? found.name : "the sampler's latents");
}

bool unet_sides(Generation *g, const Mode *mode, Cursor *at, float *out, const float *x, float scale, float time,
                Error *e) {
    Call k = {0};
    for (; k.context < text_states_calls(&g->now->cond.text); k.context++) {
        if (!run_sides(g, mode, at, k, out, x, scale, time, e)) return false;
        k.side += (int)g->now->cond.unet.cross_kv[k.context].n[0];
    }
    if (!beside_edits(g->now->m, g->r)) return true;
    k.context = 0, k.bare = true;
    return run_sides(g, mode, at, k, out, x, scale, time, e);
}
