/* draw_model.c: valid models. Numbers are small, so that a picture takes milliseconds. */
#include "gen_model.h"
#include "sd/text/tokenizer.h"
#include "tools/ledger/generated.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int draw_int(Chance *c, int low, int high) { return low + chance_below(c, high - low + 1); }

/* One of the divisors of n. */
static int divisor(Chance *c, int n) {
    int d;
    do d = draw_int(c, 1, n);
    while (n % d);
    return d;
}

/* --- networks --- */

static void draw_unet(GenModel *g, UnetConfig *u, bool own_heads) {
    Chance *c = &g->chance;
    bool original = g->form == FORM_ORIGINAL, later = u->head_dim; /* than SD 1 */
    u->levels = chance_of(c, 0.03) ? draw_int(c, 5, MAX_LEVELS) : draw_int(c, 1, 4);
    u->res_blocks = chance_of(c, 0.05) ? draw_int(c, 4, 15) : draw_int(c, 1, 3);
    if (u->levels * u->res_blocks > 12) u->res_blocks = 1;
    if (original) u->levels = draw_int(c, 1, 3), u->res_blocks = draw_int(c, 1, 2); /* which are wide */
    u->groups = original ? 32 : 1 << draw_int(c, 0, 3);
    if (original) u->channels = later ? 64 : 32;
    else u->channels = u->groups * (u->groups == 1 ? 2 * draw_int(c, 1, 8) : draw_int(c, 1, 3));
    u->linear_projection = original ? later : chance_of(c, 0.5);
    u->middle_depth = draw_int(c, 1, 2);
    for (int i = 0; i < MAX_LEVELS; i++) {
        u->mult[i] = i < u->levels ? draw_int(c, 1, i ? 3 : 2) : 0;
        if (original && i) u->mult[i] = draw_int(c, 1, 2);
        u->depth[i] = i < u->levels && chance_of(c, 0.6) ? draw_int(c, 1, 2) : 0;
    }
    u->mult[0] = 1; /* the ends are as wide as the first level */
    if (g->form == FORM_FOLDER && u->depth[u->levels - 1]) u->depth[u->levels - 1] = u->middle_depth;
    u->heads = own_heads ? divisor(c, u->channels) : 8;
    u->head_dim = 0;
    if (own_heads ? chance_of(c, 0.4) : later) u->head_dim = own_heads ? u->heads : 64, u->heads = 0;
}

static void draw_vae(GenModel *g, VaeConfig *v) {
    Chance *c = &g->chance;
    v->levels = draw_int(c, 1, chance_of(c, 0.1) ? 6 : 4);
    v->res_blocks = chance_of(c, 0.05) ? draw_int(c, 3, 7) : draw_int(c, 1, 2);
    if (v->levels * v->res_blocks > 8) v->res_blocks = 1;
    v->groups = g->form == FORM_ORIGINAL ? 32 : 1 << draw_int(c, 0, 3);
    v->channels = g->form == FORM_ORIGINAL ? 32 : v->groups * draw_int(c, 1, 3);
    for (int i = 0; i < MAX_LEVELS; i++) v->mult[i] = i < v->levels ? draw_int(c, 1, 2) : 0;
    if (g->form != FORM_OURS) v->mult[0] = 1;
    v->latent = chance_of(c, 0.6) ? 4 : draw_int(c, 1, 16);
    if (g->form != FORM_ORIGINAL && chance_of(c, 0.5)) v->scale = exp(chance_between(c, -4, 3));
}

static void draw_clip(GenModel *g, ClipConfig *k) {
    Chance *c = &g->chance;
    k->layers = draw_int(c, 1, 3);
    k->heads = draw_int(c, 1, 3);
    k->width = k->heads * draw_int(c, 1, 8);
    if (g->form == FORM_ORIGINAL) k->width = 64 * (k->heads = draw_int(c, 1, 2));
    k->mlp = draw_int(c, 1, 48);
    if (k->pooled) k->pooled = draw_int(c, 1, 16);
    if (g->form == FORM_OURS) {
        k->act = chance_of(c, 0.5) ? ACT_GELU : ACT_QUICK_GELU;
        k->layer = chance_of(c, k->open_clip ? 0.8 : 0.2) ? 2 : 1;
        if (g->k.unet.label) k->final_norm = chance_of(c, 0.2);
        k->pad = chance_of(c, 0.4) ? 49407 : chance_of(c, 0.5) ? 0 : chance_below(c, 49408);
    } else if (g->form == FORM_FOLDER) {
        k->open_clip = false;
        if (!g->k.unet.label) k->layer = 1; /* else the pipeline's */
        k->act = chance_of(c, 0.5) ? ACT_GELU : ACT_QUICK_GELU;
    }
}

/* A table of few tokens, or of all. */
static void draw_tokens(GenModel *g) {
    Chance *c = &g->chance;
    size_t at = 0;
    int rows = 1, last = -1;
    *g->tokens = 0;
    g->spec.tokens = NULL;
    for (int i = 0; i < g->k.encoders; i++) g->k.clip[i].vocabulary = TOKEN_COUNT;
    if (g->form == FORM_FOLDER || chance_of(c, 0.04)) return;
    for (int i = draw_int(c, 2, 30); i > 0; i--) {
        int most = i == 1 ? TOKEN_EOS : i == 2 ? TOKEN_BOS : last + 1 + (TOKEN_BOS - 2 - last) / i;
        if (i <= 2 && rows > 2 && chance_of(c, 0.1)) continue;
        last = i <= 2 ? most : draw_int(c, last + 1, most);
        at += (size_t)snprintf(g->tokens + at, sizeof g->tokens - at, at ? ",%d" : "%d", last);
        rows++;
    }
    g->spec.tokens = g->tokens;
    for (int i = 0; i < g->k.encoders; i++) g->k.clip[i].vocabulary = rows;
}

/* --- files --- */

/* The original configuration beside the file: what shapes do not tell. */
static void draw_yaml(GenModel *g) {
    Chance *c = &g->chance;
    SdConfig *k = &g->k;
    k->prediction = chance_of(c, 0.5) ? PREDICT_V : PREDICT_EPS;
    k->vae.scale = chance_of(c, 0.5) ? 0.18215 : exp(chance_between(c, -4, 3));
    if (k->clip[0].open_clip) k->clip[0].layer = chance_of(c, 0.7) ? 2 : 1;
    double start = chance_of(c, 0.5) ? 0.00085 : chance_between(c, 1e-5, 0.002),
           end = chance_of(c, 0.5) ? 0.012 : chance_between(c, 0.005, 0.05);
    snprintf(
        g->yaml, sizeof g->yaml,
        "model:\n  base_learning_rate: 1.0e-04\n  target: ldm.models.diffusion.ddpm.LatentDiffusion\n  params:\n"
        "    parameterization: \"%s\"\n    linear_start: %.9g\n    linear_end: %.9g # of beta\n"
        "    timesteps: 1000\n    scale_factor: %.17g\n    monitor: val/loss_simple_ema\n"
        "    unet_config:\n      target: ldm.modules.diffusionmodules.openaimodel.UNetModel\n      params:\n"
        "        %s: %d\n        use_spatial_transformer: True\n        use_checkpoint: True\n        legacy: False\n"
        "        channel_mult: [ 1, 2, 4, 4 ]\n"
        "    first_stage_config:\n      target: ldm.models.autoencoder.AutoencoderKL\n      params:\n"
        "        embed_dim: 4\n        ddconfig:\n          double_z: true\n          attn_resolutions: []\n"
        "    cond_stage_config:\n      target: ldm.modules.encoders.modules.FrozenCLIPEmbedder\n      params:\n"
        "        freeze: True\n        layer: \"%s\"\n",
        k->prediction == PREDICT_V ? "v" : "eps", start, end, k->vae.scale,
        k->unet.heads ? "num_heads" : "num_head_channels", k->unet.heads ? k->unet.heads : k->unet.head_dim,
        k->clip[0].layer == 2 ? "penultimate" : "last");
}

static void draw_files(GenModel *g) {
    static const DType TYPES[] = {F32, F16, BF16};
    Chance *c = &g->chance;
    MakeModel *m = &g->spec;
    m->layout = g->form == FORM_FOLDER ? MODEL_DIFFUSERS : MODEL_SINGLE;
    m->dtype = TYPES[chance_below(c, 3)];
    g->types = chance_of(c, 0.4) ? chance_bits(c) | 1 : 0;
    m->bare_text = chance_of(c, 0.2);
    g->extras = chance_of(c, 0.5);
    if (m->layout == MODEL_SINGLE) {
        m->ema = chance_of(c, 0.15);
        m->buffers = chance_of(c, 0.4);
        m->new_attention = chance_of(c, 0.2);
    } else {
        m->early_attention = chance_of(c, 0.3);
        m->fp16_names = chance_of(c, 0.2);
        m->shards = chance_of(c, 0.2) ? draw_int(c, 1, 4) : 0;
    }
}

void model_draw(GenModel *g, uint64_t number) {
    static const double FORMS[FORM_COUNT] = {0.5, 0.2, 0.3};
    static SdConfig (*const FAMILIES[])(void) = {config_sd1, config_sd2, config_sdxl, config_sdxl_refiner};
    static const double OFTEN[] = {0.3, 0.3, 0.25, 0.15};
    *g = (GenModel){.chance = chance_begin(23, number)};
    Chance *c = &g->chance;
    g->form = (Form)chance_weighted(c, FORMS, FORM_COUNT);
    g->k = FAMILIES[chance_weighted(c, OFTEN, 4)]();
    SdConfig *k = &g->k;
    int sizes = config_sizes(k);
    k->width = k->height = 0;
    for (int i = 0; i < k->encoders; i++) draw_clip(g, &k->clip[i]);
    draw_tokens(g);
    bool own_heads = g->form != FORM_ORIGINAL || (!sizes && chance_of(c, 0.4)); /* something beside the shapes tells */
    draw_unet(g, &k->unet, own_heads);
    draw_vae(g, &k->vae);
    k->unet.context = 0;
    for (int i = 0; i < k->encoders; i++) k->unet.context += k->clip[i].width;
    if (sizes) k->unet.label = k->clip[k->encoders - 1].pooled + sizes * SIZE_WIDTH;
    k->unet.in_channels = k->unet.out_channels = k->vae.latent;
    if (chance_of(c, 0.03)) k->unet.in_channels = k->vae.latent * 2 + chance_below(c, 2);
    if (g->form != FORM_ORIGINAL) k->prediction = chance_of(c, 0.5) ? PREDICT_V : PREDICT_EPS;
    if (g->form == FORM_OURS) {
        if (chance_of(c, 0.5)) k->width = 8 * draw_int(c, 0, 8), k->height = 8 * draw_int(c, 0, 8);
        if (chance_of(c, 0.5)) k->steps = draw_int(c, 0, 3), k->cfg = chance_between(c, 0, 10);
        char *json = config_to_json(k);
        snprintf(g->config, sizeof g->config, "%s", json ? json : "");
        free(json);
        g->spec.config = g->config;
    } else g->spec.config = "";
    if (g->form == FORM_ORIGINAL && own_heads) draw_yaml(g);
    draw_files(g);
    bool tells = g->form != FORM_ORIGINAL || *g->yaml;
    if (chance_of(c, 0.5)) g->spoilt = tells && chance_of(c, 0.4) ? SPOILT_CONFIG : SPOILT_TENSORS;
}

void model_smallest(GenModel *g) {
    *g = (GenModel){.k = config_sd1(), .form = FORM_OURS};
    SdConfig *k = &g->k;
    k->unet = (UnetConfig){.in_channels = 4,
                           .out_channels = 4,
                           .channels = 4,
                           .levels = 2,
                           .mult = {1, 1},
                           .depth = {1},
                           .res_blocks = 1,
                           .middle_depth = 1,
                           .heads = 1,
                           .context = 4,
                           .groups = 1};
    k->vae.channels = 4, k->vae.groups = 1, k->vae.res_blocks = 1;
    for (int i = 0; i < 4; i++) k->vae.mult[i] = 1;
    k->clip[0].width = k->clip[0].mlp = 4, k->clip[0].layers = 2, k->clip[0].heads = 1;
    snprintf(g->tokens, sizeof g->tokens, "256,320,537,1929,2368,49406,49407");
    k->clip[0].vocabulary = 8;
    g->spec = (MakeModel){.dtype = F32, .tokens = g->tokens};
}

/* --- writing --- */

/* Tensors that files of these families have beside those that are needed. */
static void add_extras(MadeTensors *l, const GenModel *g) {
    static const char *const ORIGINAL[] = {"cond_stage_model.model.logit_scale",
                                           "cond_stage_model.logit_scale",
                                           "first_stage_model.loss.logvar",
                                           "model_ema.decay",
                                           "global_step",
                                           "scale_factor",
                                           "__pl_module.metadata__",
                                           "denoiser.sigmas"};
    const ClipConfig *k = &g->k.clip[0];
    if (g->form == FORM_FOLDER) {
        if (k->pooled) return;
        MadeTensor *t = made_tensor(l, "", "text_projection.weight", F32, 2, SHAPE(k->width, k->width));
        if (t) strcpy(t->part, "text_encoder");
        return;
    }
    for (size_t i = 0; i < sizeof ORIGINAL / sizeof *ORIGINAL; i++)
        if (!g->spec.ema || i != 3) made_tensor(l, "", ORIGINAL[i], i & 1 ? I64 : F32, 0, NULL);
    if (k->open_clip && !k->pooled)
        made_tensor(l, "", "cond_stage_model.model.text_projection", F16, 2, SHAPE(k->width, k->width));
    made_tensor(l, "", "cond_stage_model.model.attn_mask", F32, 2, SHAPE(77, 77));
}

static void edit(void *user, MadeTensors *l) {
    static const DType TYPES[] = {F32, F16, BF16, F32, F16, BF16, F16, F64};
    GenModel *g = user;
    for (size_t i = 0; g->types && i < l->count; i++) {
        MadeTensor *t = &l->at[i];
        if (t->t.dtype <= BF16) t->t.dtype = TYPES[gen_mixed(gen_crc(t->name), g->types) >> 29];
        if (!strcmp(t->name, "alphas_cumprod")) t->t.dtype = F32; /* BF16's first would be 1 */
    }
    if (g->extras) add_extras(l, g);
    if (g->spoilt == SPOILT_TENSORS) spoil_tensors(g, l);
}

bool model_write(GenModel *g, const char *path, bool spoilt) {
    GenModel w = *g;
    if (!spoilt) w.spoilt = SPOILT_NOT;
    if (w.spoilt == SPOILT_CONFIG && w.form != FORM_FOLDER) spoil_single(&w);
    w.spec.edit = edit, w.spec.user = &w;
    w.spec.tokens = g->spec.tokens ? w.tokens : NULL;
    w.spec.config = g->spec.config == g->config ? w.config : g->spec.config;
    bool ok = make_model_of(path, w.spec, w.k);
    char yaml[1024];
    snprintf(yaml, sizeof yaml, "%.*s.yaml", (int)(strlen(path) - strlen(".safetensors")), path);
    if (ok && *w.yaml) ok = test_write(yaml, w.yaml, strlen(w.yaml));
    if (ok && w.spoilt == SPOILT_CONFIG && w.form == FORM_FOLDER) ok = spoil_folder(&w, path);
    memcpy(g->what, w.what, sizeof w.what);
    g->refused = w.refused, g->numeric = w.numeric, g->differs = w.differs;
    return ok;
}
