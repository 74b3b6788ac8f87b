/* train.c: setting up, the log, the loop of steps. See train.h. */
#include "sd/noise/math64.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"
#include "tensor/large.h"
#include "tensor/os.h"
#include "train_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TrainOptions train_options(void) {
    return (TrainOptions){.text = true,
                          .steps = 1000,
                          .batch = 32,
                          .accumulate = 1,
                          .save_every = 500,
                          .cache = 40000,
                          .lr = 1e-3,
                          .warmup = 100,
                          .beta1 = 0.9,
                          .beta2 = 0.99,
                          .eps = 1e-8,
                          .decay = 0.01,
                          .clip = 1,
                          .ema = 0.999,
                          .v = true,
                          .zero_snr = true,
                          .caption_dropout = 0.1,
                          .shift = 1,
                          .crop = 32,
                          .crop_share = 0.8,
                          .l1 = 0.25,
                          .kl = 8e-4,
                          .whole_batch = 16};
}

/* --- set-up --- */

static bool load(Trainer *t, Error *e) {
    SdModel *m = t->m;
    WeightList *lists[2];
    int n = 0;
    bool learns[PART_COUNT] = {0};
    if (t->o->vae) learns[PART_ENCODER] = learns[PART_DECODER] = true;
    else learns[PART_UNET] = true, learns[PART_TEXT] = t->o->text;
    for (int p = 0; p < PART_COUNT; p++) {
        bool used = learns[p] || (!t->o->vae && (p == PART_TEXT || p == PART_TEXT_2 || p == PART_ENCODER));
        used = used && m->lists[p].count;
        m->as_in_files = learns[p];
        t->used[p] = used;
        if (used && !model_load(m, (Part)p, e)) return false;
        if (learns[p]) lists[n++] = &m->lists[p];
    }
    if (!train_check_weights(t, e)) return false;
    if (!parameters_init(&t->p, lists, n, t->o->ema > 0, m->ops, e)) return false;
    for (int p = 0; p < PART_COUNT; p++) {
        if (!learns[p]) continue;
        large_free(m->memory[p]); /* copied */
        m->memory[p] = NULL;
    }
    return true;
}

/* Attention's backward pass keeps two rows of scores in a thread's scratch memory (attention_backward.c). */
static bool check_tokens(const Trainer *t, Error *e) {
    enum { MOST = 30000 };
    const SdConfig *k = &t->m->config;
    int unit = vae_factor(&k->vae), level = 0;
    while (!t->o->vae && level + 1 < k->unet.levels && !k->unet.depth[level]) level++;
    int64_t side = ((t->d->size / unit) + (1 << level) - 1) >> level, most = 0;
    while ((most + 1) * (most + 1) <= MOST) most++;
    return side <= most ||
           error_set(e, ERR_ARGUMENT,
                     "pictures of %d pixels: are larger than training takes with this model, %lld; use a "
                     "smaller --size",
                     t->d->size, (long long)(most << level) * unit);
}

static bool check(const Trainer *t, Error *e) {
    const TrainOptions *o = t->o;
    int unit = vae_factor(&t->m->config.vae);
    if (t->m->ops->memory || !t->m->ops->backward) return error_set(e, ERR_ARGUMENT, "training: runs on the CPU only");
    int sizes = config_sizes(&t->m->config);
    if (!o->vae && sizes && (sizes != 6 || o->text))
        return error_set(e, ERR_ARGUMENT, "%s: is an %s model, of which only %s can be trained; use %s",
                         t->m->checkpoint->path, t->m->config.family, sizes == 6 ? "the U-Net" : "the VAE",
                         sizes == 6 ? "--train unet" : "--train vae, or a base model");
    if (t->d->size % unit || (o->vae && o->crop % unit))
        return error_set(e, ERR_ARGUMENT, "pictures of %d pixels and crops of %d: must be multiples of %d", t->d->size,
                         o->crop, unit);
    if (o->vae && o->crop > t->d->size)
        return error_set(e, ERR_ARGUMENT,
                         "--crop %d: is larger than --size %d; give a smaller one, 0 for whole pictures", o->crop,
                         t->d->size);
    if (t->m->config.unet.guidance || t->m->config.prediction == PREDICT_X0)
        return error_set(e, ERR_FORMAT, "%s: %s, which is not trained; use the model that it was distilled from",
                         t->m->checkpoint->path,
                         t->m->config.unet.guidance ? "is told its guidance (LCM)" : "predicts x0");
    if (t->m->config.vae.statistics)
        return error_set(e, ERR_FORMAT,
                         "%s: its latents have statistics (latents_mean), which are not trained with; use "
                         "another model",
                         t->m->checkpoint->path);
    return check_tokens(t, e) && config_check_input(&t->m->config, t->m->checkpoint->path, e) &&
           config_check_latents(&t->m->config, t->m->checkpoint->path, "is not trained", e);
}

/* Pictures of a microbatch of a step with `all`. */
static int64_t batch_part(const TrainOptions *o, int64_t all) { return all > o->accumulate ? all / o->accumulate : 1; }

static void microbatch(Trainer *t, int64_t first, int64_t n, int64_t all) {
    (t->o->vae ? train_vae_microbatch : train_unet_microbatch)(t, first, n, all);
}

/* Memory that is more than the machine has would be granted, and end the process when it is touched. */
static bool check_memory(size_t bytes, Error *e) {
    size_t has = os_physical_memory();
    if (has > PTRDIFF_MAX) has = PTRDIFF_MAX; /* in one piece */
    return bytes <= has || error_set(e, ERR_MEMORY,
                                     "training: a step needs %s%zu MiB of memory, %s has %zu; use a smaller "
                                     "--batch-size, more --accumulate, or --recompute",
                                     bytes > PTRDIFF_MAX ? "at least " : "", bytes >> 20,
                                     sizeof(void *) == 4 ? "a 32-bit program here" : "this machine", has >> 20);
}

/* Finds what the largest microbatch of any step needs by running the first and the last step on the plan backend, at
 * addresses that are never touched, and allocates it. */
static bool plan(Trainer *t, Error *e) {
    Arena imagined = {.base = (uint8_t *)(uintptr_t)4096, .size = SIZE_MAX / 2, .imagined = true};
    t->ctx = (Ctx){.op = plan_ops(), .precision = PRECISION_F32, .arena = &imagined};
    t->planning = true;
    int64_t ends[2] = {0, t->o->steps - 1};
    for (int i = 0; i < 2; i++) {
        t->step = ends[i];
        microbatch(t, 0, batch_part(t->o, train_batch(t, t->step)), train_batch(t, t->step));
    }
    if (t->o->vae) train_fold_plan(t);
    else {
        int64_t none = 0;
        train_encode(t, &none, t->o->batch / t->o->accumulate, e);
    }
    t->planning = false;
    t->step = 0;
    if (!check_memory(imagined.peak, e) || !error_pass(e, &t->ctx.err)) return false;
    if (!arena_init(&t->arena, imagined.peak, e)) return false;
    t->ctx = (Ctx){.op = t->m->ops, .precision = PRECISION_F32, .pool = t->m->pool, .arena = &t->arena};
    return true;
}

/* A new start must not destroy an older model or state, and an unreadable state must not count as a missing one. */
bool train_check(const TrainOptions *o, Error *e) {
    char path[OS_PATH_SIZE];
    if (o->resume && o->overwrite) return error_set(e, ERR_ARGUMENT, "--resume and --overwrite: give only one of them");
    if (o->batch % o->accumulate)
        return error_set(e, ERR_ARGUMENT, "--batch-size %" PRId64 " is not a multiple of --accumulate %" PRId64,
                         o->batch, o->accumulate);
    if (!train_state_path(o, path, e)) return false;
    FilePresence state = file_presence(path, e), out = file_presence(o->out, e);
    if (state == FILE_UNKNOWN || out == FILE_UNKNOWN || os_kind(o->out) == OS_DIRECTORY) return atomic_check(o->out, e);
    if (o->resume && state == FILE_ABSENT)
        return error_set(e, ERR_FILE,
                         "%s: does not exist, so there is nothing to resume; leave out --resume to start over", path);
    if (!o->resume && !o->overwrite && (out == FILE_PRESENT || state == FILE_PRESENT))
        return error_set(e, ERR_ARGUMENT, "%s: already exists; continue with --resume, or start over with --overwrite",
                         out == FILE_PRESENT ? o->out : path);
    if (o->log && (!strcmp(o->log, o->out) || !strcmp(o->log, path) || file_same(o->log, o->out) ||
                   file_same(o->log, path) || file_same(o->log, o->model)))
        return error_set(e, ERR_ARGUMENT, "--log %s: is a model or a state; name another file", o->log);
    return atomic_check(o->out, e) && atomic_check(path, e) && (!o->resume || train_check_state(o, e));
}

/* The model to start from: one that is named; the one that an earlier run has saved; a new one. */
static SdModel *open_model(Trainer *t, Error *e) {
    const TrainOptions *o = t->o;
    const SdOptions options = {.threads = o->threads};
    if (o->model) return sd_open(o->model, &options, e);
    FilePresence out = o->resume ? file_presence(o->out, e) : FILE_ABSENT;
    if (out == FILE_PRESENT) return sd_open(o->out, &options, e);
    size_t size;
    if (out == FILE_ABSENT) t->made = train_create(o, t->d, &size, e);
    return t->made ? sd_open_memory(o->out, t->made, size, &options, e) : NULL;
}

static bool set_up(Trainer *t, Error *e) {
    const TrainOptions *o = t->o;
    if (!train_check(o, e)) return false;
    t->m = open_model(t, e);
    if (!t->m || !check(t, e) || !load(t, e)) return false;
    t->tape = tape_new();
    if (!t->tape) return error_set(e, ERR_MEMORY, "out of memory for a tape");
    if (o->recompute) /* the depth of a block's scope: within vae_encode or vae_decode; within unet_forward */
        tape_recompute_at(t->tape, o->vae ? 3 : 2);
    if (o->resume && !train_load_state(t, e)) return false;
    int64_t step = t->step;
    if (!o->vae && (!train_cache_init(t, e) || !train_ids(t, "", t->empty, e))) return false;
    if (!plan(t, e)) return false;
    t->step = step;
    parameters_changed(&t->p, t->m->ops, t->m->pool);
    return !o->vae || train_check_latents(t, e);
}

/* --- steps --- */

static double rate(const TrainOptions *o, int64_t step) {
    if (step < o->warmup) return o->lr * (double)(step + 1) / (double)o->warmup;
    if (o->constant || o->steps <= o->warmup) return o->lr;
    double at = (double)(step - o->warmup) / (double)(o->steps - o->warmup);
    double sine, cosine;
    sincos64(3.14159265358979323846 * at, &sine, &cosine);
    return o->lr * (o->min_lr + (1 - o->min_lr) * 0.5 * (1 + cosine));
}

static bool train_step(Trainer *t, TrainProgress *p, Error *e) {
    const TrainOptions *o = t->o;
    if (!o->vae && !train_cache_fill(t, e)) return false;
    int64_t all = train_batch(t, t->step), each = batch_part(o, all);
    t->loss = 0;
    parameters_zero(&t->p, t->m->pool);
    for (int64_t i = 0; i < all; i += each) microbatch(t, i, each < all - i ? each : all - i, all);
    if (!error_pass(e, &t->ctx.err)) return false;
    double norm = parameters_norm(&t->p, t->m->pool);
    if (t->step == 0 && !isfinite(t->loss)) return train_refuse_large(t->m, t->used, "the loss of step 1 is", e);
    if (!isfinite(norm) || !isfinite(t->loss)) return train_refuse_step(t->step + 1, "the loss is", e);
    AdamW a = {
        .lr = rate(o, t->step), .beta1 = o->beta1, .beta2 = o->beta2, .eps = o->eps, .decay = o->decay, .scale = 1};
    if (o->clip > 0 && norm > o->clip) a.scale = o->clip / norm;
    double ramp = (1.0 + (double)t->step) / (10.0 + (double)t->step);
    a.ema = o->ema < ramp ? o->ema : ramp;
    adamw_step(&t->p, t->m->pool, &a, t->step + 1);
    parameters_changed(&t->p, t->m->ops, t->m->pool);
    t->step++;
    p->step = t->step;
    p->loss = t->loss;
    p->lr = a.lr;
    p->norm = norm;
    p->pictures += all;
    return true;
}

static bool save(Trainer *t, Error *e) {
    if (!train_save(t, e)) return false;
    if (t->o->saved) t->o->saved(t->o->user, t->step);
    return true;
}

/* Steps that were done are not lost when a picture, the log or memory fails: they are saved before that is reported. */
static bool save_then_fail(Trainer *t, int64_t tried, const Error *why, Error *e) {
    Error own = {0};
    if (why->code != ERR_NUMERIC && t->step > tried) train_save(t, &own);
    bool kept = t->step && t->step == t->kept;
    return kept ? error_set(e, why->code, "%.800s; step %" PRId64 " is saved", why->text, t->step) : error_pass(e, why);
}

static bool loop(Trainer *t, Error *e) {
    const TrainOptions *o = t->o;
    Error own = {0};
    TrainLog *log = o->log ? train_log_begin(t, e) : NULL;
    if (o->log && !log) return false;
    if (o->begins) o->begins(o->user);
    double started = os_clock();
    int64_t tried = t->step; /* the latest step whose saving was tried */
    TrainProgress p = {.step = t->step, .first = t->step, .steps = o->steps};
    bool go_on = true,
         ok = t->step < o->steps || save(t, &own); /* a run that was killed between saving its state and its model */
    while (ok && go_on && t->step < o->steps) {
        ok = train_step(t, &p, &own);
        p.seconds = os_clock() - started;
        ok = ok && train_log_step(log, &p, &own);
        if (!ok) break;
        go_on = !o->progress || o->progress(o->user, &p);
        if (!go_on || t->step == o->steps || (o->save_every && t->step % o->save_every == 0)) {
            ok = train_log_flush(log, &own);
            if (!ok) break;
            ok = save(t, &own);
            tried = t->step;
        }
    }
    if (!train_log_end(log, &own)) ok = false;
    if (!ok) return save_then_fail(t, tried, &own, e);
    return go_on || error_set(e, ERR_CANCELLED, "stopped after step %" PRId64 "; --resume continues", t->step);
}

bool train_run(const TrainOptions *o, const TrainData *d, Error *e) {
    if (e && e->code) return false;
    Trainer t = {.o = o, .d = d};
    bool ok = set_up(&t, e) && loop(&t, e);
    train_cache_free(&t.cache);
    tape_free(t.tape);
    parameters_free(&t.p);
    arena_free(&t.arena);
    sd_close(t.m);
    free(t.made);
    return ok;
}
