#include "hires.h"

#include "enlarge.h"
#include "sd/pipeline/control/image_encode.h"
#include "sd/pipeline/generate.h"
#include "sd/image/interpolate.h"
#include "sd/pipeline/request.h"
#include "sd/info/params.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Both passes of a request. */
typedef struct {
    SdModel *m, *next; /* what draws the first time, and the second: often the same */
    SdRequest told, first, second;
    Pass passes[2];
    int unit;
    bool once;   /* it has the size already: `first` is all, as in the webui */
    bool latent; /* what is enlarged is latents, */
    Interpolation how;
    int to_w, to_h;   /* to this size, in pixels, */
    int cut_x, cut_y; /* of which so many latents are cut off */
    float *x;         /* of the first pass */
    float *z;         /* what the second begins with, */
    uint8_t **pictures;
    NetworkList networks; /* of both */
    char *embeddings;     /* what the first pass says of them */
    TapFile *taps;        /* of both; NULL: nobody listens */
} Hires;

/* The size that the first picture is enlarged to, in pixels, and how many latents of it are cut off. */
typedef struct {
    int w, h, cut_x, cut_y;
} HiresSize;

static HiresSize size_of(const SdRequest *r, int unit) {
    int64_t w = r->width, h = r->height, x = r->hires_width, y = r->hires_height;
    if (!x && !y) return (HiresSize){(int)(r->width * r->hires_scale), (int)(r->height * r->hires_scale), 0, 0};
    bool by_width = !y || (x && (double)w / (double)h < (double)x / (double)y);
    HiresSize s = {(int)(by_width ? x : y * w / h), (int)(by_width ? x * h / w : y), 0, 0};
    if (x && y) s.cut_x = (s.w - (int)x) / unit, s.cut_y = (s.h - (int)y) / unit;
    return s;
}

void hires_size(const SdRequest *r, int *width, int *height) {
    enum { UNIT = 8 };
    *width = r->width, *height = r->height;
    HiresSize s = size_of(r, UNIT);
    if (s.w == r->width && s.h == r->height) return;
    *width = (s.w / UNIT - s.cut_x) * UNIT, *height = (s.h / UNIT - s.cut_y) * UNIT;
}

static bool check(const Hires *h, Error *e) {
    const SdRequest *r = &h->told;
    int w = h->second.width, high = h->second.height;
    if (w < h->unit || high < h->unit || (int64_t)h->to_w * h->to_h > 16 << 20)
        return error_set(e, ERR_ARGUMENT, "hires scale: %d x %d is no size; choose another scale or size", h->to_w,
                         h->to_h);
    if (!h->latent && (h->to_w % h->unit || h->to_h % h->unit))
        return error_set(e, ERR_ARGUMENT,
                         "hires scale: %d x %d has sides that are not multiples of %d; choose another scale, or "
                         "Latent",
                         h->to_w, h->to_h, h->unit);
    for (const SdModel *k = h->m; k; k = k == h->next ? NULL : h->next) {
        const UnetInputs is = config_input(&k->config);
        if (is != INPUT_LATENTS && is != INPUT_INPAINTING)
            return error_set(e, ERR_ARGUMENT,
                             "hires scale: not with models for instructions, nor the x4 upscaler; leave it out");
        if (is == INPUT_INPAINTING && r->mask_weight < 1 && k == h->next && (h->latent || h->cut_x || h->cut_y))
            return error_set(
                e, ERR_ARGUMENT,
                "mask weight: in hires fix an inpainting model is shown pictures, and these are latents or "
                "cut; leave it out, or choose Lanczos and a size of the same shape");
    }
    if (h->latent) return true;
    return r->vae_encoder == SD_VAE_TAESD ? model_has_taesd(h->next, PART_TAESD_ENCODER, e)
                                          : model_has(h->next, PART_ENCODER, e);
}

/* Whether the second time can be another model's. */
static bool check_next(const Hires *h, Error *e) {
    const char *path = h->next->checkpoint->path;
    if (h->next == h->m) return true;
    if (!request_same_device(h->m, h->next))
        return error_set(e, ERR_ARGUMENT,
                         "hires checkpoint: %s: was opened for another device or precision; open both alike", path);
    if (vae_factor(&h->next->config.vae) != h->unit ||
        (h->latent && !request_same_latents(&h->m->config.vae, &h->next->config.vae)))
        return error_set(e, ERR_ARGUMENT,
                         "hires checkpoint: %s: its latents are of another kind than those of %s; choose Lanczos or an "
                         "upscaler's file, which enlarge pictures",
                         path, h->m->checkpoint->path);
    return true;
}

static void forget_hires(SdRequest *r) {
    r->hires_model = NULL;
    r->hires_scale = 0;
    r->hires_width = r->hires_height = r->hires_steps = 0;
    r->hires_upscaler = r->hires_sampler = r->hires_scheduler = r->hires_prompt = r->hires_negative = NULL;
    r->upscaler = NULL;
    r->hires_cfg = -1;
}

static const char *or_else(const char *text, const char *other) { return text && *text ? text : other; }

static void set_second(Hires *h, const Scheduler *scheduler) {
    const SdRequest *r = &h->told;
    SdRequest *s = &h->second;
    const Scheduler *own = NULL;
    forget_hires(s);
    s->noise = NULL;
    s->noise_multiplier = 1, s->color_correction = false; /* of img2img alone, as in the webui */
    s->steps = r->hires_steps ? r->hires_steps : r->steps;
    s->strength_steps = SD_STEPS_EXACT;
    s->prompt = or_else(r->hires_prompt, r->prompt);
    s->negative = or_else(r->hires_negative, r->negative);
    if (r->hires_cfg >= 0) s->cfg = r->hires_cfg;
    if (r->hires_sampler) s->sampler = r->hires_sampler;
    if (r->hires_scheduler) s->scheduler = r->hires_scheduler;
    else if (r->hires_sampler && sampler_parse(r->hires_sampler, &own) && !own)
        s->scheduler = scheduler ? scheduler->label : NULL; /* the first pass' */
    s->width = (h->to_w / h->unit - h->cut_x) * h->unit, s->height = (h->to_h / h->unit - h->cut_y) * h->unit;
    if (config_sizes(&h->next->config) != 6) return;
    if (!r->original_width && !r->original_height) s->original_width = h->to_w, s->original_height = h->to_h;
    if (!r->target_width && !r->target_height) s->target_width = h->to_w, s->target_height = h->to_h;
}

static bool begin(Hires *h, SdModel *m, const SdRequest *r, Error *e) {
    const Scheduler *scheduler = NULL;
    *h = (Hires){.m = m, .next = r->hires_model ? r->hires_model : m, .told = *r, .unit = vae_factor(&m->config.vae)};
    const Sampler *sampler = request_sampler(r, &scheduler, e);
    if (!sampler || !params_check(r, e)) return false;
    h->told.hires_upscaler = or_else(r->hires_upscaler, param_named("hires-upscaler")->text);
    int how = words_find(HIRES_LATENTS, h->told.hires_upscaler);
    if (how >= 0) h->latent = true, h->how = (Interpolation)how;
    if (h->told.seed < 0) h->told.seed = sd_random_seed();
    if (h->told.variation_seed < 0) h->told.variation_seed = sd_random_seed();
    h->first = h->second = h->told;
    forget_hires(&h->first);
    HiresSize size = size_of(&h->told, h->unit);
    h->to_w = size.w, h->to_h = size.h, h->cut_x = size.cut_x, h->cut_y = size.cut_y;
    h->once = h->to_w == r->width && h->to_h == r->height;
    if (h->once) return true;
    set_second(h, scheduler);
    bool twice = sampler->flags & SAMPLER_TWO_CALLS;
    if (h->next != m && m->memory_limit) h->first.keep = h->second.keep = false; /* one at a time */
    if (h->told.upscaler && m->memory_limit) h->first.keep = false; /* the upscaler's memory is not in its plan */
    h->first.refiner = NULL; /* it draws in the second pass, which is the webui's default */
    for (const Param *p = PARAMS; h->told.refiner && p < PARAMS + PARAM_COUNT; p++)
        if (p->of_refiner || p->of_sizes == 5) param_set_number(p, &h->first, p->standard);
    h->passes[0].first = true;
    if (h->latent) h->passes[0].latents = &h->x;
    h->passes[1] = (Pass){.from_latents = h->latent,
                          .from_pictures = !h->latent,
                          .picture_w = h->to_w,
                          .picture_h = h->to_h,
                          .cut_x = h->cut_x / 2,
                          .cut_y = h->cut_y / 2,
                          .calls_before = twice ? 2 * r->steps : r->steps,
                          .before = "hires.",
                          .told = &h->told,
                          .told_model = m};
    return check_next(h, e) && check(h, e);
}

static void end(Hires *h) {
    if (!h->told.keep) image_encode_forget(&h->told);
    for (int i = 0; h->pictures && i < h->told.batch_size; i++) free(h->pictures[i]);
    free(h->pictures);
    free(h->x);
    free(h->z);
    free(h->embeddings);
    taps_abort(h->taps);
    networks_free(&h->networks);
}

/* --- between the passes --- */

static bool enlarge_latents(Hires *h, Error *e) {
    const int w = h->told.width / h->unit, high = h->told.height / h->unit, to_w = h->to_w / h->unit,
              to_h = h->to_h / h->unit, kept_w = to_w - h->cut_x, kept_h = to_h - h->cut_y;
    int64_t planes = (int64_t)h->told.batch_size * h->m->config.vae.latent;
    float *all = malloc((size_t)(planes * to_w * to_h) * sizeof *all);
    h->z = malloc((size_t)(planes * kept_w * kept_h) * sizeof *h->z);
    bool ok = (all && h->z) || error_set(e, ERR_MEMORY, "out of memory for latents");
    ok = ok && interpolate(all, to_h, to_w, h->x, high, w, planes, h->how, e);
    for (int64_t row = 0; ok && row < planes * kept_h; row++) {
        int64_t plane = row / kept_h, y = row % kept_h + h->cut_y / 2;
        memcpy(h->z + row * kept_w, all + (plane * to_h + y) * to_w + h->cut_x / 2, (size_t)kept_w * sizeof *h->z);
    }
    free(all);
    h->passes[1].z = h->z;
    return ok;
}

/* Calls are told of an upscaler's work as of encoding. */
static bool enlarging(void *user, int done, int of) {
    const SdRequest *r = &((const Hires *)user)->told;
    SdProgress p = {.pictures = 1, .step = done, .steps = of, .stage = SD_STAGE_ENCODE};
    return !r->progress || r->progress(r->user, &p);
}

static Enlarger enlarger(const Hires *h) {
    Enlarger by = enlarger_named(h->told.hires_upscaler, h->told.upscaler);
    by.progress = enlarging, by.user = (void *)(uintptr_t)h;
    return by;
}

/* How much an upscaler has to enlarge: until neither side is smaller; 0: nothing. */
static double growth(const Hires *h) {
    double x = (double)h->to_w / h->told.width, y = (double)h->to_h / h->told.height, scale = x > y ? x : y;
    return scale > 1 && strcmp(h->told.hires_upscaler, "None") ? scale : 0;
}

/* modules/images.py, resize_image */
static bool enlarge_one(const Hires *h, Bytes *b, Error *e) {
    const Enlarger by = enlarger(h);
    const double scale = growth(h);
    if (scale > 0 && !enlarge(b, scale, &by, e)) return false;
    return (b->w == h->to_w && b->h == h->to_h) || bytes_resize(b, h->to_w, h->to_h, e);
}

static bool enlarge_pictures(Hires *h, SdResult *first, Error *e) {
    h->pictures = calloc((size_t)first->count, sizeof *h->pictures);
    bool ok = h->pictures || error_set(e, ERR_MEMORY, "out of memory for pictures");
    for (int i = 0; ok && i < first->count; i++) {
        SdPicture *p = &first->pictures[i];
        Bytes b = {p->rgb, p->width, p->height};
        p->rgb = NULL;
        ok = enlarge_one(h, &b, e);
        h->pictures[i] = b.rgb;
    }
    h->passes[1].pictures = h->pictures;
    return ok;
}

/* --- both passes --- */

static bool open_taps(Hires *h, Error *e) {
    bool ok = taps_open_all(&h->told, &h->taps, e);
    h->passes[0].taps = h->passes[1].taps = h->taps;
    return ok;
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* What an upscaler takes beside the pictures, and beside weights that stay. */
static bool plan_enlarging(Hires *h, const SdPlan *first, size_t *process, Error *e) {
    const Enlarger by = enlarger(h);
    *process = 0;
    if (h->latent || growth(h) <= 0) return true;
    if (!enlarge_plan(h->told.width, h->told.height, growth(h), &by, process, e)) return false;
    size_t pictures = (size_t)h->told.batch_size * ((size_t)h->to_w * (size_t)h->to_h * 3);
    if (*process) *process += pictures + (h->first.keep ? first->weights + first->activations : 0);
    return true;
}

bool hires_plan(SdModel *m, const SdRequest *r, SdPlan *out, Error *e) {
    SdPlan second;
    Hires h;
    size_t enlarging_takes;
    if (!begin(&h, m, r, e)) return *out = (SdPlan){0}, false;
    if (h.once) return generate_plan(m, &h.first, NULL, out, e);
    if (!generate_plan(m, &h.first, &h.passes[0], out, e) ||
        !generate_plan(h.next, &h.second, &h.passes[1], &second, e))
        return *out = (SdPlan){0}, false;
    SdPlan first = *out;
    if (!plan_enlarging(&h, &first, &enlarging_takes, e)) return *out = (SdPlan){0}, false;
    *out = second; /* which is of the larger picture */
    out->weights = larger(first.weights, second.weights);
    out->activations = larger(first.activations, second.activations);
    out->process = larger(larger(first.process, second.process), enlarging_takes);
    out->least = larger(larger(first.least, second.least), enlarging_takes);
    out->streamed = first.streamed || second.streamed;
    return true;
}

bool hires_draw(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    Hires h;
    SdPlan plan = {0};
    SdResult first = {0};
    size_t enlarging_takes;
    if (!begin(&h, m, r, e)) return false;
    if (h.once) return generate(m, &h.first, NULL, out, e);
    h.passes[0].told_embeddings = h.passes[1].told_embeddings = &h.embeddings;
    h.passes[1].told_networks = &h.networks;
    bool ok = networks_find(&h.networks, &h.told, m, e) && plan_enlarging(&h, &plan, &enlarging_takes, e) &&
              generate_plan(h.next, &h.second, &h.passes[1], &plan, e) && open_taps(&h, e) &&
              generate(m, &h.first, &h.passes[0], &first, e);
    ok = ok && (h.latent ? enlarge_latents(&h, e) : enlarge_pictures(&h, &first, e));
    double text = first.text_seconds, sample = first.sample_seconds, decode = first.decode_seconds;
    sd_free(&first);
    ok = ok && generate(h.next, &h.second, &h.passes[1], out, e) && taps_close_all(&h.taps, e);
    if (!ok) sd_free(out);
    if (ok) out->text_seconds += text, out->sample_seconds += sample, out->decode_seconds += decode;
    end(&h);
    return ok;
}

/* --- the text alone --- */

bool hires_tell(SdModel *m, const SdRequest *r, char **text, Error *e) {
    Hires h;
    if (!begin(&h, m, r, e)) return false;
    if (h.once) return generate_tell(m, &h.first, NULL, text, e);
    h.passes[0].told_embeddings = h.passes[1].told_embeddings = &h.embeddings;
    h.passes[1].told_networks = &h.networks;
    bool ok = networks_find(&h.networks, &h.told, m, e) && generate_tell(m, &h.first, &h.passes[0], text, e) &&
              generate_tell(h.next, &h.second, &h.passes[1], text, e);
    end(&h);
    return ok;
}
