/* txt2img.c: the public entry points that make pictures. */
#include "sd/image/png.h"
#include "picture_text.h"
#include "run.h"

#include "tensor/os.h"
#include "weights/atomic_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- decoding --- */

/* clamp((x + 1) / 2) * 255, cut off, as the original scripts and the webui do */
static void to_bytes(uint8_t *out, const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        float v = (x[i] + 1.0f) / 2.0f;
        v = v < 0.0f ? 0.0f : v > 1.0f ? 1.0f : v;
        out[i] = (uint8_t)(255.0f * v);
    }
}

/* image [1,h,w,3], the host's side of a tensor in the arena, from latents x [C][h/8][w/8]. */
static bool decode(Run *run, Tensor *image, const float *x, Taps *taps, Error *e) {
    Ctx *c = &run->ctx;
    Tensor out = tensor_new(c, 4, SHAPE(1, run->r->height, run->r->width, 3));
    size_t scope = scope_begin(c);
    Tensor z = tensor_new(c, 4, SHAPE(1, run->h, run->w, run->m->config.vae.latent));
    to_pixels(tensor_host(c, z).data, x, z.n[3], run->h * run->w, 1.0f);
    tensor_push(c, z);
    c->taps = taps;
    run_use(run, PART_DECODER);
    vae_decode_tiled(c, out, &run->m->decoder, z, run->mode[PART_DECODER].tiled);
    c->taps = NULL;
    *image = tensor_pull(c, out);
    scope_end(c, scope);
    bool ok = !c->err.code || error_set(e, c->err.code, "%s", c->err.text);
    for (int64_t i = 0; ok && i < tensor_count(*image); i++)
        if (!isfinite(((const float *)image->data)[i]))
            ok = error_set(e, ERR_NUMERIC,
                           "the VAE's numbers stopped being finite while decoding; the model or its file is damaged");
    return ok;
}

static bool take_picture(const Run *run, SdPicture *out, Tensor image, int index, Error *e) {
    int64_t bytes = tensor_count(image);
    *out = (SdPicture){.rgb = malloc((size_t)bytes), .width = run->r->width, .height = run->r->height};
    out->seed = (int64_t)picture_noise_seed(run->noise, index);
    if (!out->rgb) return error_set(e, ERR_MEMORY, "out of memory for a picture");
    to_bytes(out->rgb, image.data, bytes);
    return true;
}

/* One picture of the batch at a time: they share the memory. planes: where the raw images are collected for taps. */
static bool decode_one(Run *run, int index, SdPicture *out, float *planes, Error *e) {
    size_t scope = scope_begin(&run->ctx);
    Tensor image;
    if (index) snprintf(run->listener.prefix, sizeof run->listener.prefix, "vae.decoder.%d.", index);
    else snprintf(run->listener.prefix, sizeof run->listener.prefix, "vae.decoder.");
    bool ok = decode(run, &image, run->x + index * run->latent, run->taps ? &run->listener : NULL, e);
    if (ok && planes) to_planes(planes, image.data, 3, (int64_t)run->r->height * run->r->width);
    ok = ok && take_picture(run, out, image, index, e) &&
         (out->parameters = picture_text(run->m, run->r, run->sampler, run->scheduler, (uint64_t)out->seed,
                                         run->variation_seed + (uint64_t)index, e)) != NULL;
    scope_end(&run->ctx, scope);
    return ok;
}

bool run_preview(Run *run, const float *denoised, int step, int steps, Error *e) {
    bool ok = true;
    for (int i = 0; ok && i < run->group; i++) {
        SdPicture p = {0};
        size_t scope = scope_begin(&run->ctx);
        Tensor image;
        ok =
            decode(run, &image, denoised + i * run->latent, NULL, e) && take_picture(run, &p, image, run->first + i, e);
        ok = ok && (run->r->preview(run->r->user, &p, step, steps) || error_set(e, ERR_CANCELLED, "stopped"));
        free(p.rgb);
        scope_end(&run->ctx, scope);
    }
    return ok;
}

bool run_decode(Run *run, SdResult *out, Error *e) {
    if (!run_progress(run, SD_STAGE_DECODE, 0, run->batch, e) || !run_arena(run, run->plan.decode_peak, e) ||
        !run_load(run, PART_DECODER, e))
        return false;
    int64_t each = (int64_t)run->r->height * run->r->width * 3;
    bool tapped = run->taps && taps_wants(run->taps, "image"), ok = true;
    float *planes = tapped ? malloc((size_t)(each * run->batch) * sizeof *planes) : NULL;
    out->pictures = calloc((size_t)run->batch, sizeof *out->pictures);
    if (!out->pictures || (tapped && !planes)) ok = error_set(e, ERR_MEMORY, "out of memory for pictures");
    for (int i = 0; ok && i < run->batch; i++) {
        ok = decode_one(run, i, &out->pictures[i], planes ? planes + i * each : NULL, e);
        out->count = i + 1;
        ok = ok && run_progress(run, SD_STAGE_DECODE, i + 1, run->batch, e);
    }
    if (ok && tapped)
        ok = taps_add(run->taps, "image", 4, SHAPE(run->batch, 3, run->r->height, run->r->width), planes, e);
    free(planes);
    run_leave(run, PART_DECODER);
    return ok;
}

bool run_pictures(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    Run run;
    Error own = {0};
    if (!e) e = &own;
    *out = (SdResult){0};
    bool ok = run_init(&run, m, r, e) && run_plan(&run, e);
    for (int i = 0; ok && !run.keep && i < PART_COUNT; i++) model_release(m, (Part)i); /* an earlier call's */
    if (ok && r->taps) {
        run.taps = taps_open(r->taps, r->tap, e);
        if (run.taps) run.listener = taps_listener(run.taps);
        ok = run.taps != NULL;
    }
    double start = run.started = os_clock();
    ok = ok && run_text(&run, e);
    double text = os_clock();
    ok = ok && (!run.image || run_encode(&run, e));
    ok = ok && run_sample(&run, e);
    double sample = os_clock();
    ok = ok && run_decode(&run, out, e);
    out->text_seconds = text - start;
    out->sample_seconds = sample - text;
    out->decode_seconds = os_clock() - sample;
    if (ok && run.taps) {
        TapFile *taps = run.taps;
        run.taps = NULL;
        ok = taps_close(taps, e);
    }
    if (!ok) sd_free(out);
    run_free(&run);
    return ok;
}

static bool make(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    return (m && m->peer_count ? run_shares : run_pictures)(m, r, out, e);
}

bool sd_txt2img(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    *out = (SdResult){0};
    if (r->image) return error_set(e, ERR_ARGUMENT, "txt2img: starts from noise; sd_img2img takes an image");
    return make(m, r, out, e);
}

bool sd_img2img(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    *out = (SdResult){0};
    if (!r->image) return error_set(e, ERR_ARGUMENT, "img2img: needs an image to start from");
    return make(m, r, out, e);
}

bool sd_plan(SdModel *m, const SdRequest *r, SdPlan *out, Error *e) {
    Run run;
    *out = (SdPlan){0};
    bool ok = run_init(&run, m, r, e) && run_plan(&run, e);
    *out = run.plan;
    run_free(&run);
    return ok;
}

void sd_free(SdResult *r) {
    for (int i = 0; i < r->count; i++) {
        free(r->pictures[i].rgb);
        free(r->pictures[i].parameters);
    }
    free(r->pictures);
    *r = (SdResult){0};
}

bool sd_save_png(const SdPicture *p, const char *path, Error *e) {
    if (e && e->code) return false;
    PngText text = {"parameters", p->parameters};
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (!png_encode(p->rgb, p->width, p->height, &text, p->parameters ? 1 : 0, &bytes, &size, e)) return false;
    AtomicFile *f = atomic_begin(path, e);
    bool ok = f && atomic_write(f, bytes, size, e);
    if (ok) ok = atomic_end(f, e);
    else atomic_abort(f);
    free(bytes);
    return ok;
}
