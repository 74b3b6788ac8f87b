/* train_file.c: what training reads and writes: a model from nothing, the trained model, the state. */
#include "tensor/half.h"
#include "weights/safetensors.h"
#include "train_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- models --- */

/* What goes into a file: each weight in torch's shape and order. */
typedef struct {
    Weight **w;
    const float **values; /* in compute order; NULL: as the checkpoint has it */
    int64_t count;
    const Checkpoint *from; /* may be NULL */
    const SdConfig *config;
    const char *tokens;  /* sdc.tokens, or NULL */
    const float *alphas; /* [TRAIN_STEPS], or NULL: the usual ones */
    bool half;
} ModelFile;

static FileTensor entry(const ModelFile *f, int64_t i) {
    const Weight *w = f->w[i];
    FileTensor t = {.name = w->name, .dtype = f->half ? F16 : F32, .nd = w->t.nd};
    memcpy(t.n, w->t.n, sizeof w->t.n);
    if (w->kind == WEIGHT_CONV) t.n[1] = w->t.n[3], t.n[2] = w->t.n[1], t.n[3] = w->t.n[2];
    if (w->kind == WEIGHT_LINEAR && w->pointwise) t.nd = 4, t.n[2] = t.n[3] = 1;
    return t;
}

/* values[O][taps][I] to out[O][I][taps] */
static void to_torch(float *out, const float *values, const Weight *w) {
    int64_t all = tensor_count(w->t);
    if (w->kind != WEIGHT_CONV) {
        memcpy(out, values, (size_t)all * sizeof *out);
        return;
    }
    int64_t channels = w->t.n[3], taps = w->t.n[1] * w->t.n[2];
    for (int64_t o = 0; o < w->t.n[0]; o++)
        for (int64_t c = 0; c < channels; c++)
            for (int64_t k = 0; k < taps; k++)
                out[(o * channels + c) * taps + k] = values[(o * taps + k) * channels + c];
}

static bool write_weight(const ModelFile *f, int64_t i, StWriter *out, Error *e) {
    int64_t n = tensor_count(f->w[i]->t);
    float *wide = malloc((size_t)n * sizeof *wide);
    if (!wide) return error_set(e, ERR_MEMORY, "out of memory for writing a model");
    bool ok = true;
    if (f->values[i]) to_torch(wide, f->values[i], f->w[i]);
    else {
        Found found = checkpoint_find(f->from, f->w[i]->name);
        ok = found.tensor && file_tensor_f32(found.file, found.tensor, wide);
        if (!ok) error_set(e, ERR_FORMAT, "%s: %s cannot be read", f->from->path, f->w[i]->name);
    }
    if (f->half) {
        uint16_t *narrow = (uint16_t *)(void *)wide;
        for (int64_t k = 0; k < n; k++) narrow[k] = f32_to_f16(wide[k]);
    }
    ok = ok && st_write_data(out, wide, (size_t)n * (f->half ? 2 : 4), e);
    free(wide);
    return ok;
}

static bool write_model(const char *path, const ModelFile *f, Error *e) {
    char *config = config_to_json(f->config);
    FileTensor *list = calloc((size_t)f->count + 1, sizeof *list);
    bool ok = (config && list) || error_set(e, ERR_MEMORY, "out of memory for writing a model");
    int64_t count = f->count;
    for (int64_t i = 0; ok && i < count; i++) list[i] = entry(f, i);
    if (ok && f->alphas)
        list[count++] = (FileTensor){.name = "alphas_cumprod", .dtype = F32, .nd = 1, .n = {TRAIN_STEPS}};
    FileMeta meta[3] = {{"format", "pt"}, {"sdc.config", config}, {"sdc.tokens", f->tokens}};
    StWriter *out = ok ? st_write_begin(path, list, (size_t)count, meta, f->tokens ? 3 : 2, e) : NULL;
    ok = out != NULL;
    for (int64_t i = 0; ok && i < f->count; i++) ok = write_weight(f, i, out, e);
    if (ok && f->alphas) ok = st_write_data(out, f->alphas, TRAIN_STEPS * sizeof *f->alphas, e);
    if (ok) ok = st_write_end(out, e);
    else st_write_abort(out);
    free(list);
    free(config);
    return ok;
}

static const char *own_tokens(const SdModel *m) {
    return m->checkpoint->file ? weight_file_meta(m->checkpoint->file, "sdc.tokens") : NULL;
}

bool train_save(Trainer *t, Error *e) {
    SdModel *m = t->m;
    bool own = checkpoint_find(m->checkpoint, "alphas_cumprod").tensor != NULL, done = t->step >= t->o->steps;
    ModelFile f = {.from = m->checkpoint, .config = &m->config, .tokens = own_tokens(m), .half = t->o->half};
    if (own) f.alphas = m->noise_levels.alphas;
    for (int p = 0; p < PART_COUNT; p++) f.count += m->lists[p].count;
    f.w = calloc((size_t)f.count, sizeof(Weight *));
    f.values = calloc((size_t)f.count, sizeof(float *));
    float *values = malloc((size_t)t->p.floats * sizeof *values);
    bool ok = (f.w && f.values && values) || error_set(e, ERR_MEMORY, "out of memory for writing a model");
    if (ok) memcpy(values, t->p.ema ? t->p.ema : t->p.values, (size_t)t->p.floats * sizeof *values);
    if (ok && t->o->vae && done) ok = train_fold(t, values, e);
    int64_t n = 0;
    for (int p = 0; ok && p < PART_COUNT; p++)
        for (int64_t i = 0; i < m->lists[p].count; i++) f.w[n++] = m->lists[p].w[i];
    for (int64_t i = 0; ok && i < f.count; i++)
        for (int64_t k = 0; k < t->p.count; k++)
            if (t->p.w[k] == f.w[i]) f.values[i] = values + t->p.at[k];
    ok = ok && write_model(t->o->out, &f, e);
    free(values);
    free(f.values);
    free(f.w);
    return ok;
}

/* --- from nothing --- */

static bool ends_with(const char *s, const char *end) {
    size_t a = strlen(s), b = strlen(end);
    return a >= b && !strcmp(s + a - b, end);
}

/* torch's: uniform within 1 / sqrt(inputs); embeddings normal; norms 1 and 0; the last layer of each residual branch of
 * the U-Net 0, as its authors have it. Embeddings are wide enough to be heard beside what attention adds to them: with
 * CLIP's 0.02 all tokens of a caption look alike at first (after 9,600 pictures a loss of 0.55, not 0.50). */
static void initial(float *out, const Weight *w, const Weight *before, uint64_t seed, int64_t number) {
    int64_t n = tensor_count(w->t), row = n / w->t.n[0];
    bool unet = strstr(w->name, "diffusion_model"), weight = ends_with(w->name, "weight");
    bool last =
        unet && (strstr(w->name, ".out_layers.3.") || strstr(w->name, ".proj_out.") || strstr(w->name, ".out.2."));
    bool bias = w->kind == WEIGHT_VECTOR && !weight;
    if (bias && before->kind != WEIGHT_VECTOR) row = tensor_count(before->t) / before->t.n[0];
    double range = 1 / sqrt((double)row);
    if (w->kind == WEIGHT_TABLE) {
        train_normal(out, n, seed, FOR_INIT, number);
        float spread = strstr(w->name, "position_embedding") ? 0.25f : 0.5f;
        for (int64_t i = 0; i < n; i++) out[i] *= spread;
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        double u = 2 * train_uniform(seed, FOR_INIT, number, i) - 1;
        if (last) out[i] = 0;
        else if (w->kind == WEIGHT_VECTOR && (weight || before->kind == WEIGHT_VECTOR)) out[i] = weight ? 1 : 0;
        else out[i] = (float)(u * range);
    }
}

/* SD's shape at a fortieth of its width, for pictures of 64 x 64. */
static SdConfig nano(const TrainOptions *o, int vocabulary) {
    SdConfig k = config_sd1();
    static const int MULT[3] = {1, 2, 3}, VAE_MULT[3] = {1, 2, 4};
    memset(k.unet.mult, 0, sizeof k.unet.mult);
    memset(k.unet.depth, 0, sizeof k.unet.depth);
    memset(k.vae.mult, 0, sizeof k.vae.mult);
    for (int i = 0; i < 3; i++) k.unet.mult[i] = MULT[i], k.vae.mult[i] = VAE_MULT[i], k.unet.depth[i] = i < 2;
    k.unet.channels = 48;
    k.unet.levels = k.vae.levels = 3;
    k.unet.res_blocks = k.vae.res_blocks = 1;
    k.unet.heads = k.clip.heads = 4;
    k.unet.context = k.clip.width = 96;
    k.unet.groups = k.vae.groups = 8;
    k.vae.channels = 16;
    k.clip.layers = 3;
    k.clip.mlp = 320; /* three layers of CLIP's usual 4 * 96 would pass 12 MB in f16 */
    k.clip.vocabulary = vocabulary;
    k.prediction = o->v ? PREDICT_V : PREDICT_EPS;
    k.width = k.height = 64;
    k.cfg = 3;
    snprintf(k.family, sizeof k.family, "sd-nano");
    return k;
}

/* Betas rescaled so that the last step is noise alone (Lin et al. 2024), the last alpha as the webui has it. */
static void zero_terminal(float alphas[TRAIN_STEPS]) {
    double first = sqrt((double)alphas[0]), last = sqrt((double)alphas[TRAIN_STEPS - 1]);
    for (int i = 0; i < TRAIN_STEPS; i++) {
        double root = (sqrt((double)alphas[i]) - last) * first / (first - last);
        alphas[i] = (float)(root * root);
    }
    alphas[TRAIN_STEPS - 1] = 4.8973451890853435e-08f;
}

/* The tokens of the first captions, as "a,b,c"; *rows: their number and one for all others. */
static char *tokens_of(const TrainData *d, int *rows, Error *e) {
    enum { CAPTIONS = 20000 };
    Tokenizer *tokenizer = tokenizer_new();
    char *list = malloc(TOKEN_COUNT * 6 + 1), *seen = calloc(TOKEN_COUNT, 1), caption[1024];
    bool ok = (tokenizer && list && seen) || error_set(e, ERR_MEMORY, "out of memory for tokens");
    for (int64_t i = 0; ok && i < CAPTIONS && i < d->count; i++) {
        int32_t *ids = NULL;
        ok = d->caption(d->user, i, caption, sizeof caption, e);
        int64_t n = ok ? tokenizer_encode(tokenizer, caption, strlen(caption), &ids) : 0;
        for (int64_t k = 0; k < n; k++) seen[ids[k]] = 1;
        free(ids);
    }
    size_t at = 0;
    *rows = 1;
    if (ok) seen[TOKEN_BOS] = seen[TOKEN_EOS] = 1;
    for (int i = 0; ok && i < TOKEN_COUNT; i++)
        if (seen[i]) at += (size_t)sprintf(list + at, at ? ",%d" : "%d", i), (*rows)++;
    tokenizer_free(tokenizer);
    free(seen);
    if (ok) return list;
    free(list);
    return NULL;
}

static bool bind(const SdConfig *k, Clip *clip, Unet *unet, Vae *decoder, Vae *encoder, WeightList lists[PART_COUNT]) {
    bind_enter(&lists[PART_TEXT], "cond_stage_model.transformer.");
    bind_enter(&lists[PART_UNET], "model.diffusion_model.");
    bind_enter(&lists[PART_DECODER], "first_stage_model.");
    bind_enter(&lists[PART_ENCODER], "first_stage_model.");
    return clip_bind(clip, &k->clip, &lists[PART_TEXT]) && unet_bind(unet, &k->unet, &lists[PART_UNET]) &&
           vae_bind_decoder(decoder, &k->vae, &lists[PART_DECODER]) &&
           vae_bind_encoder(encoder, &k->vae, &lists[PART_ENCODER]);
}

bool train_create(const TrainOptions *o, const TrainData *d, Error *e) {
    int rows;
    char *tokens = tokens_of(d, &rows, e);
    if (!tokens) return false;
    SdConfig k = nano(o, rows);
    Clip clip = {0};
    Unet unet = {0};
    Vae decoder, encoder;
    NoiseLevels levels;
    WeightList lists[PART_COUNT] = {{.err = e}, {.err = e}, {.err = e}, {.err = e}};
    ModelFile f = {.config = &k, .tokens = tokens};
    bool ok = bind(&k, &clip, &unet, &decoder, &encoder, lists) && noise_levels_init(&levels, NULL, e);
    if (ok && o->zero_snr) zero_terminal(levels.alphas), f.alphas = levels.alphas;
    for (int p = 0; p < PART_COUNT; p++) f.count += lists[p].count;
    f.w = calloc((size_t)f.count, sizeof(Weight *));
    f.values = calloc((size_t)f.count, sizeof(float *));
    ok = ok && ((f.w && f.values) || error_set(e, ERR_MEMORY, "out of memory for a model"));
    int64_t n = 0;
    for (int p = 0; ok && p < PART_COUNT; p++)
        for (int64_t i = 0; ok && i < lists[p].count; i++, n++) {
            Weight *w = lists[p].w[i];
            float *values = malloc((size_t)tensor_count(w->t) * sizeof *values);
            ok = values || error_set(e, ERR_MEMORY, "out of memory for a model");
            if (ok) initial(values, w, lists[p].w[i ? i - 1 : 0], o->seed, n);
            f.w[n] = w;
            f.values[n] = values;
        }
    ok = ok && write_model(o->out, &f, e);
    for (int64_t i = 0; f.values && i < f.count; i++) free((void *)(uintptr_t)f.values[i]);
    free(f.values);
    free(f.w);
    for (int p = 0; p < PART_COUNT; p++) weight_list_free(&lists[p]);
    clip_free(&clip);
    unet_free(&unet);
    free(tokens);
    return ok;
}

/* --- the state --- */

static void state_path(const Trainer *t, char *out, size_t size) { snprintf(out, size, "%s.state", t->o->out); }

/* The parameters' arrays, in the order of the file. */
static int arrays(Trainer *t, const char *names[4], float *at[4]) {
    static const char *const NAMES[4] = {"values", "m", "v", "ema"};
    float *const all[4] = {t->p.values, t->p.m, t->p.v, t->p.ema};
    int n = t->p.ema ? 4 : 3;
    for (int i = 0; i < n; i++) names[i] = NAMES[i], at[i] = all[i];
    return n;
}

bool train_save_state(Trainer *t, Error *e) {
    char path[STATE_PATH], step[32], seed[32];
    const char *names[4];
    float *at[4];
    int n = arrays(t, names, at);
    state_path(t, path, sizeof path);
    snprintf(step, sizeof step, "%lld", (long long)t->step);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)t->o->seed);
    FileTensor list[4];
    for (int i = 0; i < n; i++) list[i] = (FileTensor){.name = names[i], .dtype = F32, .nd = 1, .n = {t->p.floats}};
    const FileMeta meta[] = {{"sdc.step", step},
                             {"sdc.seed", seed},
                             {"sdc.trains", t->o->vae    ? "vae"
                                            : t->o->text ? "unet+text"
                                                         : "unet"}};
    StWriter *w = st_write_begin(path, list, (size_t)n, meta, 3, e);
    bool ok = w != NULL;
    for (int i = 0; ok && i < n; i++) ok = st_write_data(w, at[i], (size_t)t->p.floats * sizeof(float), e);
    if (ok) return st_write_end(w, e);
    st_write_abort(w);
    return false;
}

bool train_load_state(Trainer *t, Error *e) {
    char path[STATE_PATH];
    const char *names[4];
    float *at[4];
    int n = arrays(t, names, at);
    state_path(t, path, sizeof path);
    WeightFile *f = weight_file_open(path, e);
    if (!f) return false;
    const char *step = weight_file_meta(f, "sdc.step"), *seed = weight_file_meta(f, "sdc.seed");
    bool ok = step && seed && strtoull(seed, NULL, 10) == t->o->seed;
    if (!ok)
        error_set(e, ERR_FORMAT, "%s: is no state of this training: another --seed; remove it, or go on with its own",
                  path);
    for (int i = 0; ok && i < n; i++) {
        const FileTensor *s = weight_file_find(f, names[i]);
        ok = s && s->dtype == F32 && file_tensor_count(s) == t->p.floats;
        if (ok) memcpy(at[i], file_tensor_data(f, s), (size_t)t->p.floats * sizeof(float));
        else
            error_set(e, ERR_FORMAT, "%s: its %s does not fit this model and options; remove it to begin anew", path,
                      names[i]);
    }
    if (ok) t->step = strtoll(step, NULL, 10);
    weight_file_close(f);
    return ok;
}
