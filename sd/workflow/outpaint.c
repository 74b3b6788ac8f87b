#include "outpaint.h"

#include "sd/image/extend/extend.h"
#include "sd/image/mask.h"
#include "sd/info/params.h"
#include "sd/pipeline/beside.h"
#include "sd/pipeline/control/image_encode.h"
#include "sd/pipeline/generate.h"
#include "sd/pipeline/plan.h"
#include "sd/pipeline/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The request's extension, in its window. */
static Extend extension(const SdRequest *r) {
    enum { BLUR = 4, SPECTRUM_BLUR = 8 };
    bool spectrum = r->extend_fill == SD_FILL_SPECTRUM;
    return (Extend){.rgb = r->image,
                    .width = r->image_width,
                    .height = r->image_height,
                    .asked = {r->extend_left, r->extend_top, r->extend_right, r->extend_bottom},
                    .spectrum = spectrum,
                    .window_w = r->width,
                    .window_h = r->height,
                    .blur = r->extend_blur >= 0 ? r->extend_blur
                            : spectrum          ? SPECTRUM_BLUR
                                                : BLUR,
                    .falloff = r->extend_falloff,
                    .color = r->extend_color};
}

void outpaint_size(const SdRequest *r, int *width, int *height) {
    const Extend x = extension(r);
    extend_size(&x, width, height);
}

void sd_start_size(const SdModel *m, const SdRequest *r, int *width, int *height) {
    enum { UNIT = 8 };
    const Extend x = extension(r);
    const int times = m && beside_upscales(m) ? vae_factor(&m->config.vae) : 1;
    if (request_extends(r)) extend_whole(&x, width, height);
    else if (times > 1) *width = r->image_width * times, *height = r->image_height * times;
    else *width = r->image_width / UNIT * UNIT, *height = r->image_height / UNIT * UNIT;
}

typedef struct {
    SdModel *m;
    SdRequest told, part;
    Extend how;
    int parts; /* of a picture */
    Pass pass;
    TapFile *taps;   /* of all parts; NULL: nobody listens */
    char before[24]; /* the part's names */
    NetworkList networks;
    char *embeddings;
    SdResult *out;  /* grows picture by picture */
    uint8_t *whole; /* the one that is drawn */
} Outpaint;

static bool check(const SdModel *m, const SdRequest *r, const Extend *how, Error *e) {
    enum { MOST = 16 << 20 };
    int w, h;
    if (!request_check(m, r, e)) return false;
    extend_whole(how, &w, &h);
    if ((int64_t)w * h > MOST)
        return error_set(e, ERR_ARGUMENT, "extend: %d x %d is more than %d pixels; extend it by less", w, h, MOST);
    if (r->noise) return error_set(e, ERR_ARGUMENT, "noise: is for one picture, and parts are drawn; leave it out");
    if (r->attention) return error_set(e, ERR_ARGUMENT, "attention maps: are of one drawing; leave out --extend");
    const char *wrong = extend_wrong(how);
    return !wrong || error_set(e, ERR_ARGUMENT, "extend: %s", wrong);
}

/* What each part is asked for, without its picture, mask, size and seed. */
static SdRequest part_of(const SdRequest *r) {
    SdRequest p = *r;
    for (const Param *k = PARAMS; k < PARAMS + PARAM_COUNT; k++)
        if (k->of_extend || k->of_mask) param_set_number(k, &p, k->standard);
    p.extend_left = p.extend_top = p.extend_right = p.extend_bottom = 0;
    p.fill = r->extend_fill == SD_FILL_SPECTRUM ? SD_FILL_ORIGINAL : r->extend_fill;
    p.mask_blur = 0; /* it is blurred already */
    p.batch_size = 1;
    return p;
}

/* Of its activations, counted over all pictures. */
static void name_part(Outpaint *o, int part) { snprintf(o->before, sizeof o->before, "part%d.", part); }

static bool begin(Outpaint *o, SdModel *m, const SdRequest *r, Error *e) {
    int w, h;
    *o = (Outpaint){.m = m, .told = *r, .how = extension(r)};
    if (!check(m, r, &o->how, e)) return false;
    if (o->told.seed < 0) o->told.seed = sd_random_seed();
    if (o->told.variation_seed < 0) o->told.variation_seed = sd_random_seed();
    o->part = part_of(&o->told);
    while (extend_part(&o->how, o->parts, &w, &h)) o->parts++;
    const int64_t last = INT64_MAX - r->batch_size - o->parts;
    if (o->told.seed > last || o->told.variation_seed > last)
        return error_set(e, ERR_ARGUMENT, "seed: leaves no room to count up for %d parts; choose a smaller one",
                         o->parts);
    name_part(o, 0);
    extend_size(&o->how, &w, &h);
    size_t finished = (size_t)w * (size_t)h * 3;
    o->pass = (Pass){.told = &o->told,
                     .told_model = m,
                     .told_networks = &o->networks,
                     .told_embeddings = &o->embeddings,
                     .before = o->before,
                     .held = extend_bytes(&o->how) + (size_t)r->batch_size * finished};
    return true;
}

static void end(Outpaint *o) {
    if (!o->told.keep) image_encode_forget(&o->told);
    networks_free(&o->networks);
    free(o->embeddings);
    taps_abort(o->taps);
}

/* --- planning --- */

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* An empty picture and a white mask are as large as the part's own. */
static bool plan_part(Outpaint *o, int w, int h, SdPlan *out, Error *e) {
    Generation g;
    size_t n = (size_t)w * (size_t)h;
    uint8_t *image = calloc(n, 3), *mask = malloc(n);
    bool ok = (image && mask) || error_set(e, ERR_MEMORY, "out of memory for a picture");
    if (ok) memset(mask, 255, n);
    SdRequest r = o->part;
    Pass pass = o->pass;
    r.width = r.image_width = r.mask_width = w, r.height = r.image_height = r.mask_height = h;
    r.image = image, r.mask = mask, pass.latent_mask = mask;
    if (ok) {
        ok = generation_begin(&g, o->m, &r, &pass, e) && plan_memory(&g, e);
        *out = g.plan;
        generation_end(&g);
    }
    free(image);
    free(mask);
    return ok;
}

static bool plan(Outpaint *o, SdPlan *out, Error *e) {
    SdPlan most = {0};
    int w, h, last_w = 0, last_h = 0;
    for (int i = 0; i < o->parts; i++) {
        SdPlan p = {0};
        extend_part(&o->how, i, &w, &h);
        if (w == last_w && h == last_h) continue;
        if (!plan_part(o, w, h, &p, e)) return false;
        size_t weights = larger(most.weights, p.weights), activations = larger(most.activations, p.activations);
        size_t process = larger(most.process, p.process), least = larger(most.least, p.least);
        bool streamed = most.streamed || p.streamed;
        if (p.step_flops >= most.step_flops) most = p;
        most.weights = weights, most.activations = activations, most.process = process, most.least = least;
        most.streamed = streamed;
        last_w = w, last_h = h;
    }
    size_t holds = o->pass.held + extend_spectrum_bytes(&o->how), limit = plan_limit(o->m);
    size_t before = plan_process(o->m, false) + holds, least = plan_process(o->m, true) + holds;
    if (!o->m->gpu && before > limit)
        return error_set(e, ERR_MEMORY,
                         "memory: noise of the picture's spectrum needs %zu MiB, and the limit is %zu MiB; allow more",
                         (before + (1 << 20) - 1) >> 20, limit >> 20);
    if (!o->m->gpu) most.process = larger(most.process, before), most.least = larger(most.least, least);
    *out = most;
    return true;
}

bool outpaint_plan(SdModel *m, const SdRequest *r, SdPlan *out, Error *e) {
    Outpaint o;
    *out = (SdPlan){0};
    bool ok = begin(&o, m, r, e) && plan(&o, out, e);
    end(&o);
    return ok;
}

/* --- drawing --- */

static bool draw(void *user, const ExtendPart *p, uint8_t *drawn, Error *e) {
    Outpaint *o = user;
    SdRequest r = o->part;
    Pass pass = o->pass;
    SdResult one = {0};
    size_t n = (size_t)p->width * (size_t)p->height;
    uint8_t *mask = malloc(n);
    if (!mask) return error_set(e, ERR_MEMORY, "out of memory for a mask");
    memcpy(mask, p->mask, n);
    name_part(o, (o->out->count - 1) * o->parts + p->index);
    r.width = r.image_width = r.mask_width = p->width, r.height = r.image_height = r.mask_height = p->height;
    r.image = p->image, r.mask = mask, pass.latent_mask = p->latents;
    if (!o->how.spectrum && r.variation_strength != 0) r.variation_seed += p->index;
    else if (!o->how.spectrum) r.seed += p->index;
    r.keep = r.keep || p->index + 1 < o->parts || o->out->count < o->told.batch_size;
    bool ok = mask_blur(mask, p->width, p->height, p->sigma_x, p->sigma_y, e) && generate(o->m, &r, &pass, &one, e);
    if (ok) {
        SdPicture *from = &one.pictures[0], *to = &o->out->pictures[o->out->count - 1];
        memcpy(drawn, from->rgb, 3 * n);
        if (!p->index) to->parameters = from->parameters, from->parameters = NULL, to->seed = from->seed;
        o->out->text_seconds += one.text_seconds, o->out->sample_seconds += one.sample_seconds;
        o->out->decode_seconds += one.decode_seconds;
    }
    sd_free(&one);
    free(mask);
    return ok;
}

static bool draw_picture(Outpaint *o, int index, Error *e) {
    SdPicture *p = &o->out->pictures[index];
    extend_size(&o->how, &p->width, &p->height);
    p->rgb = malloc((size_t)p->width * (size_t)p->height * 3);
    if (!p->rgb) return error_set(e, ERR_MEMORY, "out of memory for a picture");
    o->part.seed = o->told.seed + (o->told.variation_strength != 0 ? 0 : index);
    o->part.variation_seed = o->told.variation_seed + index;
    return extend_run(&o->how, draw, o, p->rgb, e);
}

bool outpaint(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    Outpaint o;
    SdPlan planned;
    bool ok = begin(&o, m, r, e) && networks_find(&o.networks, r, m, e) && plan(&o, &planned, e) &&
              taps_open_all(&o.told, &o.taps, e);
    o.pass.taps = o.taps;
    o.out = out;
    *out = (SdResult){0};
    if (ok) out->pictures = calloc((size_t)r->batch_size, sizeof *out->pictures);
    ok = ok && (out->pictures || error_set(e, ERR_MEMORY, "out of memory for pictures"));
    for (int i = 0; ok && i < r->batch_size; i++) {
        out->count = i + 1;
        ok = draw_picture(&o, i, e);
    }
    ok = ok && taps_close_all(&o.taps, e);
    if (!ok && out->count && !r->keep) generate_release(m, r); /* what the parts before kept */
    if (!ok) sd_free(out);
    end(&o);
    return ok;
}
