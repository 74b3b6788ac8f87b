/* train_create.c: a small model with random weights, for training that starts from nothing. */
#include "train_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool ends_with(const char *s, const char *end) {
    size_t a = strlen(s), b = strlen(end);
    return a >= b && !strcmp(s + a - b, end);
}

/* As torch initialises: uniform within 1 / sqrt(inputs), embeddings normal, norms 1 and 0; the last layer of each
 * residual branch of the U-Net is 0, as its authors have it. Embeddings vary enough to matter next to what attention
 * adds to them: with CLIP's 0.02 all tokens of a caption look alike at first (a loss of 0.55 after 9,600 pictures
 * instead of 0.50). */
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

/* SD's structure, far narrower, for pictures of 64 x 64. */
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
    k.unet.heads = k.clip[0].heads = 4;
    k.unet.context = k.clip[0].width = 96;
    k.unet.groups = k.vae.groups = 8;
    k.vae.channels = 16;
    k.clip[0].layers = 3;
    k.clip[0].mlp = 320; /* with CLIP's usual 4 * 96 the model would exceed 12 MB in f16 */
    k.clip[0].vocabulary = vocabulary;
    k.prediction = o->v ? PREDICT_V : PREDICT_EPS;
    k.width = k.height = 64;
    k.cfg = 3;
    snprintf(k.family, sizeof k.family, "sd-nano");
    return k;
}

/* The tokens that the first captions use, as "a,b,c"; *rows: how many, plus one for all others. */
static char *tokens_of(const TrainData *d, int *rows, Error *e) {
    enum { CAPTIONS = 20000, LONGEST = 1023 };
    Tokenizer *tokenizer = tokenizer_new();
    char *list = malloc(TOKEN_COUNT * 6 + 1), *seen = calloc(TOKEN_COUNT, 1);
    bool ok = (tokenizer && list && seen) || error_set(e, ERR_MEMORY, "out of memory for tokens");
    for (int64_t i = 0; ok && i < CAPTIONS && i < d->count; i++) {
        int32_t *ids = NULL;
        char *caption = d->caption(d->user, i, e);
        size_t size = caption ? strlen(caption) : 0; /* far more than the 75 tokens that are learned */
        int64_t n =
            caption ? tokenizer_encode(tokenizer, TOKENS_OPENAI, caption, size < LONGEST ? size : LONGEST, &ids) : 0;
        for (int64_t k = 0; k < n; k++) seen[ids[k]] = 1;
        free(ids);
        free(caption);
        ok = caption && (n >= 0 || error_set(e, ERR_MEMORY, "out of memory for tokens"));
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

void *train_create(const TrainOptions *o, const TrainData *d, size_t *size, Error *e) {
    int rows;
    char *tokens = tokens_of(d, &rows, e);
    if (!tokens) return NULL;
    SdModel m = {.config = nano(o, rows)};
    NoiseLevels levels;
    ModelFile f = {.config = &m.config, .tokens = tokens};
    bool ok = model_bind(&m, e) && noise_levels_init(&levels, NULL, o->out, e);
    if (ok && o->zero_snr) noise_alphas_to_zero(levels.alphas, LEAST_WEBUI), f.alphas = levels.alphas;
    for (int p = 0; p < PART_COUNT; p++) f.count += m.lists[p].count;
    f.w = calloc((size_t)f.count, sizeof(Weight *));
    f.values = calloc((size_t)f.count, sizeof(float *));
    ok = ok && ((f.w && f.values) || error_set(e, ERR_MEMORY, "out of memory for a model"));
    int64_t n = 0;
    for (int p = 0; ok && p < PART_COUNT; p++)
        for (int64_t i = 0; ok && i < m.lists[p].count; i++, n++) {
            Weight *w = m.lists[p].w[i];
            float *values = malloc((size_t)tensor_count(w->t) * sizeof *values);
            ok = values || error_set(e, ERR_MEMORY, "out of memory for a model");
            if (ok) initial(values, w, m.lists[p].w[i ? i - 1 : 0], o->seed, n);
            f.w[n] = w;
            f.values[n] = values;
        }
    void *bytes = ok ? train_model_bytes(o->out, &f, size, e) : NULL;
    for (int64_t i = 0; f.values && i < f.count; i++) free((void *)(uintptr_t)f.values[i]);
    free(f.values);
    free(f.w);
    for (int p = 0; p < PART_COUNT; p++) weight_list_free(&m.lists[p]);
    clip_free(&m.clip[0]);
    unet_free(&m.unet);
    vae_free(&m.decoder);
    vae_free(&m.encoder);
    free(tokens);
    return bytes;
}
