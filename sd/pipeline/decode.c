/* decode.c: latents become pictures: the last stage, and previews while sampling. */
#include "decode.h"

#include "sd/pipeline/denoiser/experts.h"
#include "inpaint.h"
#include "latents.h"
#include "nonfinite.h"
#include "picture_text.h"
#include "planes.h"
#include "sd/image/color_match.h"
#include "sd/image/pixels.h"
#include "stages.h"
#include "sd/info/params.h"

#include <stdio.h>
#include <stdlib.h>

/* The host's side of a picture [1,height,width,3] on the arena, from latents x [C][h][w], as the stage has it. */
static Tensor decode(Generation *g, StageIndex stage, const float *x) {
    const StagePlan *p = &g->now->stages[stage];
    const SdModel *m = g->now->m;
    Ctx *c = &g->ctx;
    Tensor image = tensor_new(c, 4, SHAPE(1, g->r->height, g->r->width, 3));
    size_t scope = scope_begin(c);
    Tensor z = tensor_new(c, 4, SHAPE(1, g->h, g->w, g->m->config.vae.latent));
    if (!ctx_plans(c)) latents_to_vae(&m->config.vae, tensor_host(c, z).data, x, g->h * g->w);
    tensor_push(c, z);
    use_weights(g, &p->mode);
    if (p->part == PART_TAESD_DECODER) taesd_decode(c, image, m->taesd_decoder, z, p->mode.vae_strips);
    else vae_decode_in_strips(c, image, &m->decoder, z, p->mode.vae_strips);
    Tensor shown = tensor_pull(c, image);
    scope_end(c, scope);
    return shown;
}

static void plan(Generation *g, StageIndex stage) {
    size_t scope = scope_begin(&g->ctx);
    decode(g, stage, g->x);
    scope_end(&g->ctx, scope);
}

void preview_plan(Generation *g, const Mode *mode) { (void)mode, plan(g, STAGE_PREVIEW); }
void decode_plan(Generation *g, const Mode *mode) { (void)mode, plan(g, STAGE_DECODE); }

/* Once more, to name the layer. step: of a preview, from 0; -1: the last latents. */
static bool damaged(Generation *g, StageIndex stage, const float *x, int step, Error *e) {
    char when[48] = "";
    FirstNonfinite found = {{0}};
    Taps look = nonfinite_listener(&found);
    if (step >= 0) snprintf(when, sizeof when, " the preview of step %d", step + 1);
    g->ctx.taps = &look;
    size_t scope = scope_begin(&g->ctx);
    decode(g, stage, x);
    scope_end(&g->ctx, scope);
    stop_listening(g);
    return error_set(e, ERR_NUMERIC, "the %s%s's numbers stopped being finite while decoding%s, first in %s; %s",
                     expert_shown(g), g->now->stages[stage].part == PART_TAESD_DECODER ? "TAESD" : "VAE", when,
                     found.name[0] ? found.name : "its last layer",
                     g->m->ops->type == F16 ? "they exceed f16: use --precision f32 or bf16"
                                            : "the model or its file is damaged");
}

/* The batch's picture `index`, without its text, of latents x; step as above. */
static bool make_picture(Generation *g, StageIndex stage, const float *x, SdPicture *out, Tensor *image, int index,
                         int step, Error *e) {
    size_t scope = scope_begin(&g->ctx);
    *image = decode(g, stage, x);
    stop_listening(g);
    int64_t n = tensor_count(*image);
    if (!error_pass(e, &g->ctx.err)) return false;
    if (!all_finite(image->data, n)) return scope_end(&g->ctx, scope), damaged(g, stage, x, step, e);
    *out = (SdPicture){.rgb = malloc((size_t)n), .width = g->r->width, .height = g->r->height};
    out->seed = g->noise ? (int64_t)picture_noise_seed(g->noise, index) : 0;
    if (!out->rgb) return error_set(e, ERR_MEMORY, "out of memory for a picture");
    pixels_to_bytes(out->rgb, image->data, n);
    return true;
}

/* The webui's cheap approximation: a latent's colour is a sum of its channels, each with a colour of its own. Source:
 * AUTOMATIC1111, modules/sd_vae_approx.py, cheap_approximation. */
static bool approximate(Generation *g, const float *x, SdPicture *out, int index, Error *e) {
    static const float COLOURS[2][4][3] = {
        {{0.298f, 0.207f, 0.208f}, {0.187f, 0.286f, 0.173f}, {-0.158f, 0.189f, 0.264f}, {-0.184f, -0.271f, -0.473f}},
        {{0.3448f, 0.4168f, 0.4395f},
         {-0.1953f, -0.0290f, 0.0250f},
         {0.1074f, 0.0886f, -0.0163f},
         {-0.3730f, -0.2499f, -0.2088f}}};
    const VaeConfig *vae = &g->m->config.vae;
    bool xl = g->m->config.unet.label > 0; /* SDXL's latents are others */
    double usual = xl ? 0.13025 : 0.18215;
    const float(*colours)[3] = COLOURS[xl];
    int64_t pixels = g->h * g->w;
    float *rgb = malloc((size_t)pixels * 3 * sizeof *rgb);
    *out = (SdPicture){.rgb = malloc((size_t)pixels * 3), .width = (int)g->w, .height = (int)g->h};
    out->seed = (int64_t)picture_noise_seed(g->noise, index);
    bool ok = (rgb && out->rgb) || error_set(e, ERR_MEMORY, "out of memory for a preview");
    for (int64_t i = 0; ok && i < pixels * 3; i++) {
        rgb[i] = 0;
        for (int k = 0; k < 4; k++) rgb[i] += colours[k][i % 3] * latent_in_scale(vae, k, x[k * pixels + i / 3], usual);
    }
    if (ok) pixels_to_bytes(out->rgb, rgb, pixels * 3);
    free(rgb);
    return ok;
}

static bool make_preview(Generation *g, const float *x, SdPicture *out, Tensor *image, int index, int step, Error *e) {
    if (g->r->preview_by == SD_PREVIEW_APPROX) return approximate(g, x, out, index, e);
    return make_picture(g, STAGE_PREVIEW, x, out, image, index, step, e);
}

bool show_previews(Generation *g, const float *denoised, int first, int count, int step, int steps, Error *e) {
    bool ok = true;
    for (int i = 0; ok && i < count; i++) {
        SdPicture p = {0};
        Tensor image;
        size_t scope = scope_begin(&g->ctx);
        ok = make_preview(g, denoised + i * g->latent, &p, &image, first + i, step, e) &&
             (g->r->preview(g->r->user, &p, step, steps) || error_set(e, ERR_CANCELLED, "stopped"));
        free(p.rgb);
        scope_end(&g->ctx, scope);
    }
    return ok;
}

char *picture_told(const Generation *g, int index, bool refined, int64_t seed, Error *e) {
    const Sampler *sampler = g->sampler;
    const Scheduler *scheduler = g->scheduler;
    const SdRequest *told = g->pass.told ? g->pass.told : g->r;
    if (g->pass.told) scheduler = NULL, sampler = request_sampler(told, &scheduler, e);
    if (!sampler) return NULL;
    return picture_text(g->pass.told ? g->pass.told_model : g->m, refined ? g->r->refiner : NULL, told,
                        &g->experts[BASE].cond.text, g->pass.told_embeddings ? *g->pass.told_embeddings : NULL,
                        g->pass.told_networks ? g->pass.told_networks : &g->networks, sampler, scheduler,
                        (uint64_t)seed, g->variation_seed + (uint64_t)index, e);
}

/* Picture `index` of the batch, by the VAE of its last expert, as in the webui; the pictures take turns in the same
 * memory. planes [3][height][width]: its numbers, for
 * taps; NULL: not wanted. */
static bool decode_one(Generation *g, int index, SdPicture *out, float *planes, Error *e) {
    if (!expert_take_over(g, expert_for(g, index), e)) return false;
    size_t scope = scope_begin(&g->ctx);
    if (index) listen_to(g, "vae.decoder.%d.", index);
    else listen_to(g, "vae.decoder.");
    Tensor image;
    bool ok = make_picture(g, STAGE_DECODE, g->x + index * g->latent, out, &image, index, -1, e);
    if (ok && planes) pixels_to_planes(planes, image.data, 3, image.n[1] * image.n[2]);
    const uint8_t *encoded = g->pass.pictures && g->pass.picture_w == out->width && g->pass.picture_h == out->height
                                 ? g->pass.pictures[index]
                                 : g->image;
    if (ok && encoded && g->r->color_correction) /* towards what was encoded */
        color_match(out->rgb, (int64_t)out->width * out->height, encoded, (int64_t)g->r->width * g->r->height);
    ok = ok && inpaint_finish(g, index, out, e);
    if (ok && !g->pass.decodes) out->parameters = picture_told(g, index, g->refined[index], out->seed, e);
    scope_end(&g->ctx, scope);
    return ok && (out->parameters || g->pass.decodes);
}

bool decode_run(Generation *g, const Mode *mode, Error *e) {
    (void)mode; /* each expert's own */
    const SdRequest *r = g->r;
    SdResult *out = g->out;
    int64_t each = (int64_t)r->height * r->width * 3;
    bool tapped = g->taps && taps_wants(g->taps, "image");
    float *planes = tapped ? malloc((size_t)(each * g->batch) * sizeof *planes) : NULL;
    out->pictures = calloc((size_t)g->batch, sizeof *out->pictures);
    bool ok = (out->pictures && (planes || !tapped)) || error_set(e, ERR_MEMORY, "out of memory for pictures");
    for (int i = 0; ok && i < g->batch; i++) {
        out->count = i + 1;
        ok = decode_one(g, i, &out->pictures[i], planes ? planes + i * each : NULL, e) &&
             report_progress(g, SD_STAGE_DECODE, i + 1, g->batch, e);
    }
    if (ok && tapped) ok = taps_add(g->taps, "image", 4, SHAPE(g->batch, 3, r->height, r->width), planes, e);
    free(planes);
    return ok;
}
