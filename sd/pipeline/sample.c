/* sample.c: the U-Net under a sampler: guidance, taps, and what happens when numbers stop being finite. */
#include "run.h"
#include "tensor/os.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool all_finite(const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

/* A listener that keeps nothing but the name of the first tensor that is not finite. */
static bool want_any(void *user, const char *name) {
    (void)name;
    return !((Run *)user)->blame[0];
}

static bool row_finite(Tensor t) {
    int64_t rows = tensor_count(t) / t.n[t.nd - 1];
    for (int64_t r = 0; r < rows; r++)
        if (!all_finite(tensor_row(t, r), t.n[t.nd - 1])) return false;
    return true;
}

static void note_first_nonfinite(void *user, const char *name, Tensor t, Error *e) {
    (void)e;
    Run *run = user;
    if (!row_finite(t)) snprintf(run->blame, sizeof run->blame, "%s", name);
}

void run_turn(Run *run, int asked) {
    TextStates *s = &run->text;
    bool planning = !run->ctx.pool;
    run_use(run, PART_UNET); /* a preview may have been before */
    if (!planning) text_states_switch(s, &run->ctx, asked);
    for (int i = 0; i < s->count; i++) {
        int64_t place;
        int call = text_states_call_of(s, i, &place);
        if (planning || s->sides[i].switched)
            unet_cross_kv(&run->ctx, tensor_slice(run->keys[call], 0, place, 1), &run->m->unet,
                          tensor_slice(text_states_context(s, call), 0, place, 1));
    }
}

/* The group's pictures [first, first + pictures) for each of the texts of keys: eps[texts][group][C][h][w], from the
 * first text's on, of these pictures. step: what a GPU repeats. */
static void forward(Run *run, float *eps, const float *x, float scale, float time, Tensor keys, int first, int pictures,
                    Recording *step) {
    Ctx *c = &run->ctx;
    const UnetConfig *k = &run->m->config.unet;
    size_t scope = scope_begin(c);
    if (time != run->time) {
        Tensor t = tensor_new_typed(c, F32, 1, SHAPE(1));
        if (x) *(float *)tensor_host(c, t).data = time;
        tensor_push(c, t);
        unet_time_shifts(c, run->times, &run->m->unet, t);
        run->time = time;
        scope_end(c, scope);
    }
    int64_t n = keys.n[0] * pictures, pixels = run->h * run->w;
    Tensor in = tensor_new(c, 4, SHAPE(n, run->h, run->w, k->in_channels));
    Tensor out = tensor_new(c, 4, SHAPE(n, run->h, run->w, k->out_channels));
    assert(in.n[3] * pixels == run->latent);
    float *pixel = x ? tensor_host(c, in).data : NULL;
    for (int64_t i = 0; x && i < n; i++)
        to_pixels(pixel + i * in.s[0], x + (first + i % pictures) * run->latent, in.n[3], pixels, scale);
    if (x) tensor_push(c, in);
    Tensor of[] = {in, out, run->times, keys};
    for (recording_start(c, step, of, 4); recording_next(c, step);)
        unet_forward(c, out, &run->m->unet, in, run->times, keys);
    const float *result = eps ? tensor_pull(c, out).data : NULL;
    if (eps && !c->err.code)
        for (int64_t i = 0; i < n; i++) {
            int64_t at = i / pictures * run->group + first + i % pictures;
            to_planes(eps + at * run->latent, result + i * out.s[0], out.n[3], pixels);
        }
    scope_end(c, scope);
}

static void listen(Run *run) {
    char *prefix = run->listener.prefix;
    int room = (int)sizeof run->listener.prefix, at = snprintf(prefix, (size_t)room, "unet.step%03d.", run->step);
    if (run->first) at += snprintf(prefix + at, (size_t)(room - at), "picture%d.", run->first);
    if (run->calls) snprintf(prefix + at, (size_t)(room - at), "%d.", run->calls);
    run->ctx.taps = &run->listener;
}

/* In as many calls as the mode says. look: a listener in place of the run's own. */
static void forwards(Run *run, float *eps, const float *x, float scale, float time, int call, Taps *look) {
    Tensor keys = run->keys[call];
    const Mode *mode = &run->mode[PART_UNET];
    int64_t texts = mode->texts < keys.n[0] ? mode->texts : keys.n[0];
    for (int64_t t = 0; t < keys.n[0]; t += texts)
        for (int p = 0; p < run->group; p += mode->pictures) {
            int pictures = run->group - p < mode->pictures ? run->group - p : mode->pictures;
            if (run->taps && !look) listen(run);
            if (look) run->ctx.taps = look;
            float *out = eps ? eps + t * run->group * run->latent : NULL;
            Recording once = {0};
            bool whole = texts == keys.n[0] && pictures == run->group; /* parts share addresses, not keys */
            forward(run, out, x, scale, time, tensor_slice(keys, 0, t, texts), p, pictures,
                    whole ? &run->work.unet[call] : &once);
            recording_free(&run->work.arena, &once);
            run->calls++;
            run->ctx.taps = NULL;
        }
}

bool run_unet(Run *run, float *eps, const float *x, float scale, float time, int i, Error *e) {
    Ctx *c = &run->ctx;
    Tensor keys = run->keys[i];
    forwards(run, eps, x, scale, time, i, NULL);
    if (c->err.code) return error_set(e, c->err.code, "%s", c->err.text);
    if (!eps || all_finite(eps, keys.n[0] * run->group * run->latent)) return true;
    if (all_finite(x, run->group * run->latent)) { /* once more, to find out where */
        Taps look = {.want = want_any, .put = note_first_nonfinite, .user = run};
        forwards(run, eps, x, scale, time, i, &look);
    }
    return error_set(
        e, ERR_NUMERIC,
        "the U-Net's numbers stopped being finite in step %d, first in %s; the model or its file is damaged",
        run->step + 1, run->blame[0] ? run->blame : "the sampler's latents");
}

/* eps of all sides: those that have as many tokens in one call. */
static bool all_sides(Run *run, const float *x, float scale, float time, Error *e) {
    float *eps = run->eps;
    for (int i = 0; i < text_states_calls(&run->text); i++) {
        if (!run_unet(run, eps, x, scale, time, i, e)) return false;
        eps += run->keys[i].n[0] * run->group * run->latent;
    }
    return true;
}

/* out = u + sum of (c - u) weight cfg, in the order of the webui (modules/sd_samplers_cfg_denoiser.py) */
static void guide(Run *run, float *out) {
    const TextStates *t = &run->text;
    int64_t all = run->group * run->latent;
    const float *u = run->eps;
    memcpy(out, u, (size_t)all * sizeof *out); /* without guidance the only part's own */
    for (int k = 0; t->guided && k < t->branches; k++) {
        const float *c = run->eps + (k + 1) * all;
        float scale = (float)(t->sides[k + 1].branch->weight * sampler_cfg(run->sampler, run->r->cfg));
        for (int64_t i = 0; i < all; i++) out[i] += (c[i] - u[i]) * scale;
    }
}

static bool denoise(void *user, const Ask *ask, float *out, Error *e) {
    Run *run = user;
    const NoiseLevels *levels = &run->m->noise_levels;
    bool v = run->m->config.prediction == PREDICT_V, sigma_space = run->sampler->space == SPACE_SIGMA;
    int64_t all = run->group * run->latent;
    if (ask->step != run->step) run->calls = 0;
    run->step = ask->step;
    run_turn(run, run->asked++);
    if (!all_sides(run, ask->x, sigma_space ? sampler_scale_in(ask->sigma) : 1.0f, ask->time, e)) return false;
    for (int side = 0; side < run->text.count; side++) {
        float *eps = run->eps + side * all;
        if (sigma_space) (v ? sampler_denoised_from_v : sampler_denoised_from_eps)(eps, ask->x, eps, ask->sigma, all);
        else if (v) sampler_eps_from_v(eps, ask->x, eps, levels->alphas[(int)ask->time], all);
    }
    if (ask->uncond) memcpy(ask->uncond, run->eps, (size_t)all * sizeof *out);
    guide(run, out);
    return true;
}

static void draw(void *user, float *out) {
    Run *run = user;
    for (int i = 0; i < run->group; i++) picture_noise_next(run->noise, run->first + i, out + i * run->latent);
}

static void brownian(void *user, float *out, float from, float to) {
    Run *run = user;
    for (int i = 0; i < run->group; i++)
        picture_noise_brownian(run->noise, run->first + i, out + i * run->latent, from, to);
}

/* Every picture's noise for its start. */
static bool open_noise(Run *run, const Points *points, Error *e) {
    PictureNoiseOptions o = {.kind = run->r->rng,
                             .seed = run->seed,
                             .variation_seed = run->variation_seed,
                             .variation = run->r->variation_strength,
                             .ensd = run->r->ensd,
                             .resize_height = run->r->seed_height / vae_factor(&run->m->config.vae),
                             .resize_width = run->r->seed_width / vae_factor(&run->m->config.vae),
                             .pictures = run->batch,
                             .channels = run->m->config.vae.latent,
                             .height = (int)run->h,
                             .width = (int)run->w};
    run->noise = picture_noise_open(&o, e);
    if (!run->noise) return false;
    for (int i = 0; i < run->batch; i++) picture_noise_first(run->noise, i, run->x + i * run->latent);
    return !(run->sampler->flags & SAMPLER_BROWNIAN) || picture_noise_path(run->noise, points->low, points->high, e);
}

bool run_tap_latents(Run *run, const char *name, const float *x, int pictures, Error *e) {
    if (!run->taps || !taps_wants(run->taps, name)) return true;
    return taps_add(run->taps, name, 4, SHAPE(pictures, run->m->config.vae.latent, run->h, run->w), x, e);
}

static bool after_step(void *user, float *x, const float *denoised, int step, int steps, Error *e) {
    Run *run = user;
    char name[32];
    if (run->first) snprintf(name, sizeof name, "latents.step%03d.picture%d", step, run->first);
    else snprintf(name, sizeof name, "latents.step%03d", step);
    return run_tap_latents(run, name, x, run->group, e) &&
           (!run->r->preview || run_preview(run, denoised, step, steps, e)) &&
           run_progress(run, SD_STAGE_SAMPLE, step + 1, steps, e);
}

/* The request's noise file in place of the seed's noise. */
static bool read_noise(Run *run, Error *e) {
    const char *path = run->r->noise;
    WeightFile *f = weight_file_open(path, e);
    if (!f) return false;
    const FileTensor *t = weight_file_find(f, "noise");
    int64_t all = run->batch * run->latent, c = run->m->config.vae.latent;
    bool ok = t != NULL;
    if (!t) error_set(e, ERR_FORMAT, "%s: holds no tensor 'noise'; --taps FILE --tap noise makes one", path);
    else if (t->nd != 4 || t->n[0] != run->batch || t->n[1] != c || t->n[2] != run->h || t->n[3] != run->w)
        ok = error_set(e, ERR_FORMAT, "%s: its noise is not [%d,%lld,%lld,%lld], which this request needs", path,
                       run->batch, (long long)c, (long long)run->h, (long long)run->w);
    else if (!file_tensor_f32(f, t, run->x) || !all_finite(run->x, all))
        ok = error_set(e, ERR_FORMAT, "%s: its noise holds values that are not finite numbers", path);
    weight_file_close(f);
    return ok;
}

/* The sampler's own options, with what the request says. */
static SamplerOptions options_of(const Run *run) {
    const SdRequest *r = run->r;
    SamplerOptions o = sampler_defaults(run->sampler);
    if (r->eta >= 0) o.eta = r->eta;
    o.s_churn = r->s_churn;
    o.s_tmin = (float)r->s_tmin;
    if (r->s_tmax > 0) o.s_tmax = (float)r->s_tmax;
    o.s_noise = (float)r->s_noise;
    return o;
}

/* Runs the sampler on all pictures, or, where it chooses its steps by what it sees, on one after the other. */
static bool run_sampler(Run *run, const Points *points, float *work, Error *e) {
    for (run->first = 0; run->first < run->batch; run->first += run->group) {
        Sampling s = {.levels = &run->m->noise_levels,
                      .points = points->values,
                      .count = points->count,
                      .low = points->bounds_low,
                      .high = points->bounds_high,
                      .tail = points->tail,
                      .n = run->group * run->latent,
                      .work = work,
                      .options = options_of(run),
                      .denoise = denoise,
                      .draw = draw,
                      .brownian = brownian,
                      .step = after_step,
                      .user = run};
        run->step = run->calls = run->asked = 0; /* planning called the U-Net, too */
        if (!sampler_run(run->sampler, &s, run->x + run->first * run->latent, e)) return false;
    }
    run->first = 0;
    return true;
}

bool run_sample(Run *run, Error *e) {
    int64_t all = run->batch * run->latent;
    Points *points = malloc(sizeof *points);
    run->x = malloc((size_t)all * sizeof *run->x);
    run->eps = malloc((size_t)(run->text.count * run->group * run->latent) * sizeof *run->eps);
    float *work = malloc((size_t)(all * run->sampler->buffers) * sizeof *work);
    bool ok = run->x && run->eps && points && work;
    if (!ok) error_set(e, ERR_MEMORY, "out of memory for latents");
    size_t beside = run->r->preview ? run->plan.decode_peak : 0, peak = run->plan.unet_peak;
    ok = ok && run_points(run, points, e) && run_arena(run, peak > beside ? peak : beside, e) &&
         run_load(run, PART_UNET, e) && (!run->r->preview || run_load(run, PART_DECODER, e)) &&
         open_noise(run, points, e) && (!run->r->noise || read_noise(run, e)) &&
         run_tap_latents(run, "noise", run->x, run->batch, e) && run_start(run, points, e);
    run->started = os_clock();
    ok = ok && run_progress(run, SD_STAGE_SAMPLE, 0, points->count > 1 ? points->count - 1 : 1, e) &&
         run_sampler(run, points, work, e);
    free(work);
    free(points);
    run_leave(run, PART_UNET);
    return ok;
}
