#include "start.h"

#include "beside.h"
#include "inpaint.h"
#include "planes.h"
#include "weights/formats/safetensors.h"

static bool open_noise(Generation *g, Error *e) {
    const SdRequest *r = g->r;
    const VaeConfig *vae = &g->m->config.vae;
    PictureNoiseOptions o = {.kind = r->rng,
                             .seed = g->seed,
                             .variation_seed = g->variation_seed,
                             .variation = r->variation_strength,
                             .ensd = r->ensd,
                             .resize_height = r->seed_height / vae_factor(vae),
                             .resize_width = r->seed_width / vae_factor(vae),
                             .pictures = g->batch,
                             .channels = vae->latent,
                             .height = (int)g->h,
                             .width = (int)g->w};
    g->noise = picture_noise_open(&o, e);
    if (!g->noise) return false;
    for (int i = 0; i < g->batch; i++) picture_noise_first(g->noise, i, g->x + i * g->latent);
    bool path = g->sampler->flags & SAMPLER_BROWNIAN;
    return !path || picture_noise_path(g->noise, g->points.low, g->points.high, e);
}

/* The tensor in the noise file, if it fits the request. */
static const FileTensor *find_noise(const Generation *g, const WeightFile *f, Error *e) {
    const char *path = g->r->noise;
    const FileTensor *t = weight_file_find(f, "noise");
    long long c = g->m->config.vae.latent, h = g->h, w = g->w;
    if (!t) error_set(e, ERR_FORMAT, "%s: holds no tensor 'noise'; --taps FILE --tap noise makes one", path);
    else if (t->nd == 4 && t->n[0] == g->batch && t->n[1] == c && t->n[2] == h && t->n[3] == w) return t;
    else
        error_set(e, ERR_FORMAT, "%s: its noise is not [%d,%lld,%lld,%lld], which this request needs", path, g->batch,
                  c, h, w);
    return NULL;
}

bool check_noise(const Generation *g, Error *e) {
    if (!g->r->noise) return true;
    WeightFile *f = weight_file_open(g->r->noise, e);
    bool ok = f && find_noise(g, f, e);
    if (f) weight_file_close(f);
    return ok;
}

/* The noise file's, in place of the seeds'. */
static bool read_noise(Generation *g, Error *e) {
    WeightFile *f = weight_file_open(g->r->noise, e);
    const FileTensor *t = f ? find_noise(g, f, e) : NULL;
    bool ok = t && file_tensor_f32(f, t, g->x) && all_finite(g->x, g->batch * g->latent);
    if (t && !ok) error_set(e, ERR_FORMAT, "%s: its noise holds values that are not finite numbers", g->r->noise);
    if (f) weight_file_close(f);
    return ok;
}

bool start_latents(Generation *g, Error *e) {
    int64_t all = g->batch * g->latent;
    if (!open_noise(g, e) || (g->r->noise && !read_noise(g, e)) || !tap_latents(g, "noise", g->x, g->batch, e))
        return false;
    if (beside_upscales(g->m) && !beside_small(g, e)) return false;
    if (!g->z) {
        sampler_start(g->sampler, g->x, all, g->points.values, g->points.unit_start);
        return true;
    }
    if (g->inpaint && !inpaint_fill_latents(g, e)) return false;
    if (g->r->noise_multiplier != 1)
        for (int64_t i = 0; i < all; i++) g->x[i] *= (float)g->r->noise_multiplier;
    points_start(&g->points, g->sampler, g->x, g->z, all, (float)g->r->extra_noise);
    return tap_latents(g, "latents.init", g->z, g->batch, e) && tap_latents(g, "latents.start", g->x, g->batch, e);
}
