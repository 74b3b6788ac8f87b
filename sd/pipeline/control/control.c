#include "control.h"

#include "control_hint.h"
#include "image_prompt.h"
#include "sd/image/hint.h"
#include "sd/load/control.h"
#include "sd/load/control_lora.h"

#include <math.h>
#include <stdlib.h>

/* --- the request --- */

static bool in(double v, double low, double high) { return v >= low && v <= high; }

/* What a hint shows. */
static SdHintKind kind_of(const SdControl *c) {
    static const SdHintKind MADE[] = {[SD_HINT_CANNY] = SD_KIND_LINES,
                                      [SD_HINT_SCRIBBLE] = SD_KIND_SOFT_EDGES,
                                      [SD_HINT_TILE] = SD_KIND_TILE,
                                      [SD_HINT_LUMINANCE] = SD_KIND_UNSAID,
                                      [SD_HINT_INPAINT] = SD_KIND_INPAINT};
    return c->kind ? c->kind : MADE[c->hint];
}

/* A union is told what it has a row for, others nothing. */
static bool check_kind(const SdControl *c, int i, Error *e) {
    int kinds = sd_control_kinds(c->net);
    const char *path = checkpoint_path(c->net->m.checkpoint, GIVEN_CONTROL);
    if (!kinds)
        return !c->kind ||
               error_set(e, ERR_ARGUMENT, "control %d: %s is no ControlNet Union; leave union out", i, path);
    if (!kind_of(c))
        return error_set(e, ERR_ARGUMENT, "control %d: %s is a ControlNet Union; say what the hint shows (union)", i,
                         path);
    return (int)kind_of(c) <= kinds ||
           error_set(e, ERR_ARGUMENT,
                     "control %d: %s knows the first %d kinds of hints alone, no tile and no "
                     "inpaint; use ProMax, or say another",
                     i, path, kinds);
}

static bool check_picture(const SdRequest *r, const SdControl *c, int i, Error *e) {
    const bool inpaint = c->hint == SD_HINT_INPAINT;
    if (!inpaint && c->mask)
        return error_set(e, ERR_ARGUMENT, "control %d: its mask counts only with the hint inpaint; leave it out", i);
    if (inpaint && (control_is_image(c->net) || control_is_adapter(c->net)))
        return error_set(e, ERR_ARGUMENT, "control %d: the hint inpaint is for ControlNets; choose another", i);
    if (hint_is_request(c) && !c->mask)
        return (r->image && r->mask) ||
               error_set(e, ERR_ARGUMENT,
                         "control %d: the hint inpaint is made of a picture and its mask; give img2img both, or the "
                         "control its own",
                         i);
    if (!c->image || c->width < 1 || c->height < 1 || (int64_t)c->width * c->height > 1 << 24)
        return error_set(e, ERR_ARGUMENT, "control %d: needs a picture of 1 to 16 million pixels", i);
    return !inpaint || c->mask ||
           error_set(e, ERR_ARGUMENT, "control %d: the hint inpaint needs a mask of its picture", i);
}

static bool check_one(const SdModel *m, const SdRequest *r, int i, Error *e) {
    const SdControl *c = &r->controls[i];
    if (!c->net) return error_set(e, ERR_ARGUMENT, "control %d: its ControlNet is NULL; sd_open_control opens one", i);
    if (c->net->of != m)
        return error_set(e, ERR_ARGUMENT, "control %d: %s: was opened for another model; open it for this one", i,
                         c->net->m.checkpoint->path);
    if (!check_picture(r, c, i, e)) return false;
    if (!in(c->weight, 0, 2)) return error_set(e, ERR_ARGUMENT, "control %d: weight: %g is not in 0..2", i, c->weight);
    if (!in(c->start, 0, 1) || !in(c->end, 0, 1) || c->start > c->end)
        return error_set(e, ERR_ARGUMENT, "control %d: start and end: %g and %g are not in order within 0..1", i,
                         c->start, c->end);
    if ((unsigned)c->mode > SD_CONTROL_MORE || (unsigned)c->hint > SD_HINT_INPAINT ||
        (unsigned)c->resize > SD_RESIZE_FILL || (unsigned)c->kind > SD_KIND_INPAINT)
        return error_set(e, ERR_ARGUMENT, "control %d: its mode, hint, kind or resize is none of sd.h's", i);
    if (!check_kind(c, i, e)) return false;
    if ((c->low > 0 && hint_low(c->hint) <= 0) || (c->high > 0 && hint_high(c->hint) <= 0))
        return error_set(e, ERR_ARGUMENT,
                         "control %d: low counts with canny and luminance, high with canny alone; leave them out", i);
    if (control_is_image(c->net))
        return (c->hint == SD_HINT_NONE && c->resize == SD_RESIZE_CROP && c->mode == SD_CONTROL_BALANCED) ||
               error_set(e, ERR_ARGUMENT,
                         "control %d: an IP-Adapter takes its picture as it is, cut to a square, and is balanced", i);
    double most = c->hint == SD_HINT_CANNY ? 255 : 2;
    if (!in(c->low, 0, most) || !in(c->high, 0, 255))
        return error_set(e, ERR_ARGUMENT, "control %d: low and high: %g and %g are not in 0..%g and 0..255", i, c->low,
                         c->high, most);
    return true;
}

bool control_check(const SdModel *m, const SdRequest *r, Error *e) {
    if (r->control_count < 0 || r->control_count > SD_MOST_CONTROLS || (r->control_count && !r->controls))
        return error_set(e, ERR_ARGUMENT, "controls: %d of them are not 0..%d", r->control_count, SD_MOST_CONTROLS);
    bool ok = true;
    for (int i = 0; ok && i < r->control_count; i++) {
        ok = check_one(m, r, i, e);
        for (int k = 0; ok && k < i; k++)
            if (r->controls[k].net == r->controls[i].net && !control_is_image(r->controls[i].net))
                ok = error_set(e, ERR_ARGUMENT, "control %d: is control %d once more; open its file again", i, k);
    }
    return ok;
}

/* A T2I-Adapter's pictures, or windows, have sides that it can halve. */
static bool check_size(const Generation *g, int i, Error *e) {
    const SdControlNet *net = g->r->controls[i].net;
    const int unit = vae_factor(&g->m->config.vae), each = control_is_adapter(net) ? adapter_unit(&net->adapter) : unit;
    if (g->windows.grid.tile_w * unit % each == 0 && g->windows.grid.tile_h * unit % each == 0) return true;
    if (g->windows.count == 1)
        return error_set(e, ERR_ARGUMENT, "control %d: a T2I-Adapter's pictures have sides that are multiples of %d", i,
                         each);
    return error_set(e, ERR_ARGUMENT, "control %d: a T2I-Adapter's windows have sides that are multiples of %d latents",
                     i, each / unit);
}

bool control_begin(Generation *g, Error *e) {
    const SdRequest *r = g->r;
    if (!r->control_count) return true;
    for (int i = 0; i < r->control_count; i++)
        if (!check_size(g, i, e)) return false;
    g->controls = calloc((size_t)r->control_count, sizeof *g->controls);
    if (!g->controls) return error_set(e, ERR_MEMORY, "out of memory for ControlNets");
    g->control_count = r->control_count;
    bool ok = true;
    for (int i = 0; ok && i < g->control_count; i++) {
        Control *k = &g->controls[i];
        *k = (Control){.of = &r->controls[i], .net = r->controls[i].net};
        k->source = model_source(&k->net->m);
        bool trunk = !control_is_adapter(k->net) && !control_is_image(k->net);
        k->texts.unet = trunk ? &k->net->net.trunk : NULL;
        k->texts.kinds = trunk && k->net->net.kinds.kinds ? &k->net->net.kinds : NULL;
        k->texts.kind = (int)kind_of(k->of) - SD_KIND_POSE;
        ok = (control_is_image(k->net) || hint_take(g, k, e)) && control_lora_follow(k->net, e);
    }
    return ok;
}

void control_end(Generation *g) {
    for (int i = 0; i < g->control_count; i++) {
        Control *k = &g->controls[i];
        free(k->hint), free(k->unknown), free(k->cut), free(k->image_kv);
    }
    free(g->controls);
    g->controls = NULL;
    g->control_count = 0;
}

/* --- weights --- */

int control_count(const Generation *g, const Expert *d) { return d == &g->experts[BASE] ? g->control_count : 0; }

bool control_load(Generation *g, const Expert *d, bool streamed, Error *e) {
    bool ok = true;
    for (int i = 0; ok && i < control_count(g, d); i++)
        ok = control_is_image(g->controls[i].net) ||
             (streamed ? model_load_streamed : model_load)(&g->controls[i].net->m, PART_CONTROL, e);
    return ok;
}

void control_release(Generation *g) {
    for (int i = 0; i < g->control_count; i++) model_release(&g->controls[i].net->m, PART_CONTROL);
}

size_t control_bytes(const Generation *g, const Expert *d, bool streamed) {
    size_t bytes = 0;
    for (int i = 0; i < control_count(g, d); i++)
        if (!control_is_image(g->controls[i].net))
            bytes += model_part_bytes(&g->controls[i].net->m, PART_CONTROL, streamed);
    return bytes;
}

/* --- the guide --- */

const WeightSource *control_enter(Generation *g, const Control *k) {
    const WeightSource *before = g->ctx.source;
    g->ctx.source = before ? &k->source : NULL;
    return before;
}

void control_leave(Generation *g, const WeightSource *before) { g->ctx.source = before; }

int64_t control_rows(const Generation *g, const Control *k) { return (int64_t)k->hints * g->windows.count; }

void control_place(Generation *g, Control *k) {
    const Adapter *a = &k->net->adapter;
    const int64_t h = g->windows.grid.tile_h, w = g->windows.grid.tile_w, unit = vae_factor(&g->m->config.vae);
    k->guides = control_is_adapter(k->net) ? a->levels : 1;
    k->guided = false;
    if (control_is_image(k->net)) {
        int64_t shape[3];
        image_prompt_shape(k->net, shape);
        k->guide[0] = tensor_new(&g->ctx, 3, shape);
        return;
    }
    for (int i = 0; i < k->guides; i++) {
        int64_t shape[4] = {1, h, w, g->m->config.unet.channels};
        if (control_is_adapter(k->net)) adapter_feature_shape(a, i, h * unit, w * unit, shape);
        shape[0] = control_rows(g, k);
        k->guide[i] = tensor_new(&g->ctx, 4, shape);
    }
}

void control_guide(Generation *g, Control *k) {
    Ctx *c = &g->ctx;
    if (k->guided && !ctx_plans(c)) return;
    if (control_is_image(k->net)) {
        if (!ctx_plans(c)) image_prompt_weigh(k, tensor_host(c, k->guide[0]).data);
        tensor_push(c, k->guide[0]);
        k->guided = true;
        return;
    }
    for (int64_t row = 0; row < (ctx_plans(c) ? 1 : control_rows(g, k)); row++) {
        size_t scope = scope_begin(c);
        Tensor guide[MAX_LEVELS], hint = hint_push(g, k, row);
        for (int i = 0; i < k->guides; i++) guide[i] = tensor_slice(k->guide[i], 0, row, 1);
        if (control_is_adapter(k->net)) adapter_forward(c, guide, &k->net->adapter, hint);
        else controlnet_hint(c, guide[0], &k->net->net, hint, k->texts.kind);
        scope_end(c, scope);
    }
    k->guided = true;
}
