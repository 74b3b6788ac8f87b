/* txt2img.c: the public entry points that make pictures. */
#include "infotext.h"
#include "model_hash.h"
#include "png.h"
#include "run.h"

#include "../weights/atomic_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

SdModel *sd_open(const char *path, const SdOptions *options, Error *e) { return model_open(path, options, e); }
void sd_close(SdModel *m) { model_close(m); }

SdRequest sd_request(const SdModel *m) {
    SdRequest r = {.width = 512,
                   .height = 512,
                   .steps = 20,
                   .cfg = 7,
                   .sampler = "Euler a",
                   .seed = -1,
                   .batch_size = 1,
                   .strength = 0.75,
                   .clip_skip = 1};
    if (m) {
        const SdConfig *k = &m->config;
        if (k->width) r.width = k->width;
        if (k->height) r.height = k->height;
        if (k->steps) r.steps = k->steps;
        if (k->cfg > 0) r.cfg = k->cfg;
    }
    return r;
}

/* --- decoding --- */

/* clamp((x + 1) / 2) * 255, cut off, as the original scripts and the webui do */
static void to_bytes(uint8_t *out, const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        float v = (x[i] + 1.0f) / 2.0f;
        v = v < 0.0f ? 0.0f : v > 1.0f ? 1.0f : v;
        out[i] = (uint8_t)(255.0f * v);
    }
}

static char *parameters(const Run *run, uint64_t seed, Error *e) {
    const SdRequest *r = run->r;
    char name[256], hash[11] = "";
    model_name(run->m, name, sizeof name);
    if (model_hash(run->m)) snprintf(hash, sizeof hash, "%s", model_hash(run->m));
    InfoText t = {.prompt = r->prompt,
                  .negative = r->negative,
                  .steps = r->steps,
                  .sampler = run->sampler->name,
                  .schedule_type = run->sampler->space == SPACE_SIGMA ? "Automatic" : NULL,
                  .cfg = r->cfg,
                  .seed = (int64_t)seed,
                  .width = r->width,
                  .height = r->height,
                  .model_hash = *hash ? hash : NULL,
                  .model = name,
                  .denoising = r->image ? r->strength : 0,
                  .clip_skip = r->clip_skip,
                  .rng = r->rng == SD_RNG_CPU ? "CPU" : NULL,
                  .version = "sd.c"};
    return infotext(&t, e);
}

/* One picture of the batch at a time: they share the memory. planes: where the raw images are collected for taps. */
static bool decode_one(Run *run, int index, SdPicture *out, float *planes, Error *e) {
    Ctx *c = &run->ctx;
    int64_t h = run->r->height, w = run->r->width, channels = run->m->config.vae.latent, pixels = run->h * run->w;
    size_t scope = scope_begin(c);
    Tensor z = tensor_new(c, 4, SHAPE(1, run->h, run->w, channels));
    Tensor image = tensor_new(c, 4, SHAPE(1, h, w, 3));
    const float *x = run->x + index * run->latent;
    for (int64_t k = 0; k < channels; k++)
        for (int64_t i = 0; i < pixels; i++) ((float *)z.data)[i * channels + k] = x[k * pixels + i];
    if (run->taps) {
        if (index) snprintf(run->listener.prefix, sizeof run->listener.prefix, "vae.decoder.%d.", index);
        else snprintf(run->listener.prefix, sizeof run->listener.prefix, "vae.decoder.");
        c->taps = &run->listener;
    }
    vae_decode(c, image, &run->m->decoder, z);
    c->taps = NULL;
    bool ok = !c->err.code || error_set(e, c->err.code, "%s", c->err.text);
    const float *rgb = image.data;
    for (int64_t i = 0; ok && i < h * w * 3; i++)
        if (!isfinite(rgb[i]))
            ok = error_set(e, ERR_NUMERIC,
                           "the VAE's numbers stopped being finite while decoding; the model or its file is damaged");
    for (int64_t i = 0; ok && planes && i < h * w * 3; i++) planes[(i % 3) * h * w + i / 3] = rgb[i];
    if (ok) {
        *out = (SdPicture){.rgb = malloc((size_t)(h * w * 3)),
                           .width = (int)w,
                           .height = (int)h,
                           .seed = (int64_t)(run->seed + (uint64_t)index)};
        if (!out->rgb) ok = error_set(e, ERR_MEMORY, "out of memory for a picture");
        else to_bytes(out->rgb, rgb, h * w * 3);
        ok = ok && (out->parameters = parameters(run, run->seed + (uint64_t)index, e)) != NULL;
    }
    scope_end(c, scope);
    return ok;
}

bool run_decode(Run *run, SdResult *out, Error *e) {
    if (!run_progress(run, SD_STAGE_DECODE, 0, run->batch, e) || !model_load(run->m, PART_DECODER, e)) return false;
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
    if (!run->r->keep) model_release(run->m, PART_DECODER);
    return ok;
}

static bool make_pictures(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    Run run;
    Error own = {0};
    if (!e) e = &own;
    *out = (SdResult){0};
    bool ok = run_init(&run, m, r, e) && run_plan(&run, e);
    if (ok && r->taps) {
        run.taps = taps_open(r->taps, r->tap, e);
        if (run.taps) run.listener = taps_listener(run.taps);
        ok = run.taps != NULL;
    }
    double start = run.started = run_clock();
    ok = ok && run_text(&run, e);
    double text = run_clock();
    ok = ok && (!run.image || run_encode(&run, e));
    ok = ok && run_sample(&run, e);
    double sample = run_clock();
    ok = ok && run_decode(&run, out, e);
    out->text_seconds = text - start;
    out->sample_seconds = sample - text;
    out->decode_seconds = run_clock() - sample;
    if (ok && run.taps) {
        TapFile *taps = run.taps;
        run.taps = NULL;
        ok = taps_close(taps, e);
    }
    if (!ok) sd_free(out);
    run_free(&run);
    return ok;
}

bool sd_txt2img(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    *out = (SdResult){0};
    if (r->image) return error_set(e, ERR_ARGUMENT, "txt2img: starts from noise; sd_img2img takes an image");
    return make_pictures(m, r, out, e);
}

bool sd_img2img(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    *out = (SdResult){0};
    if (!r->image) return error_set(e, ERR_ARGUMENT, "img2img: needs an image to start from");
    return make_pictures(m, r, out, e);
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
