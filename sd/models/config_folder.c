/* config_folder.c: the configurations of a diffusers folder tell how the model is built. */
#include "config_detect.h"
#include "config_keys.h"
#include "config_tables.h"

#include <string.h>

/* The i-th of a list; NULL past its end, or when it is none. */
static const JsonNode *item(const ConfigFile *f, const JsonNode *n, int i) {
    if (!n || n->type != JSON_ARRAY) return NULL;
    int32_t at = n->child;
    while (i-- > 0 && at >= 0) at = f->json->nodes[at].next;
    return at >= 0 ? &f->json->nodes[at] : NULL;
}

static const JsonNode *get(const ConfigFile *f, const char *key) { return json_get(f->json, f->root, key); }

static bool is_text(const JsonNode *n, const char *text) {
    return n && n->type == JSON_STRING && !strcmp(n->text, text);
}

/* "block_out_channels": each a multiple of the first. Where it is missing, `usual` levels are left as they are. */
static bool channels_of(const ConfigFile *f, int usual, int *levels, int *channels, int mult[MAX_LEVELS]) {
    const char *const key = "block_out_channels";
    const JsonNode *list = get(f, key);
    int64_t v, first = 0;
    for (int i = list ? 0 : usual; i < MAX_LEVELS; i++) mult[i] = 0;
    *levels = usual;
    if (!list) return true;
    if (list->type != JSON_ARRAY || !list->count || list->count > MAX_LEVELS)
        return config_refuse(f, key, "not a list of one to eight widths; download it again or use another model");
    for (int i = 0; i < list->count; i++) {
        if (!json_int(item(f, list, i), &v) || v < 1 || v > 1 << 16)
            return config_refuse(f, key, "with a width that is no whole number up to 65536; download it again");
        if (!i) first = v;
        if (v % first) return config_refuse(f, key, "where only multiples of the first are built; use another model");
        mult[i] = (int)(v / first);
    }
    *levels = list->count;
    *channels = (int)first;
    return true;
}

/* Which levels have attention, by "down_block_types", of which "up_block_types" must be the mirror image. */
static bool cross_levels(const ConfigFile *f, int levels, bool cross[MAX_LEVELS]) {
    static const char *const KEYS[2] = {"down_block_types", "up_block_types"};
    static const char *const NAMES[2][2] = {{"DownBlock2D", "CrossAttnDownBlock2D"},
                                            {"UpBlock2D", "CrossAttnUpBlock2D"}};
    for (int up = 0; up < 2; up++) {
        const JsonNode *list = get(f, KEYS[up]);
        if (!list && levels != 4)
            return config_refuse(f, KEYS[up], "which is for four levels; download it again or use another model");
        if (list && (list->type != JSON_ARRAY || list->count != levels))
            return config_refuse(f, KEYS[up], "not one block for each of \"block_out_channels\"; download it again");
        for (int i = 0; i < levels; i++) {
            int level = up ? levels - 1 - i : i;
            const JsonNode *n = item(f, list, i);
            bool has = list ? is_text(n, NAMES[up][1]) : level < 3; /* diffusers' default */
            if (list && !has && !is_text(n, NAMES[up][0]))
                return config_refuse(f, KEYS[up],
                                     up ? "where only UpBlock2D and CrossAttnUpBlock2D are built; use another "
                                          "model"
                                        : "where only DownBlock2D and CrossAttnDownBlock2D are built; use "
                                          "another model");
            if (!up) cross[level] = has;
            else if (cross[level] != has)
                return config_refuse(f, KEYS[up], "not the mirror image of \"down_block_types\"; use another model");
        }
    }
    return true;
}

/* A number for all levels, or a list with one for each. */
static bool each_level(const ConfigFile *f, const char *key, int levels, int out[MAX_LEVELS]) {
    const JsonNode *list = get(f, key);
    int64_t v;
    if (!list || list->type != JSON_ARRAY) {
        int one;
        if (!config_int(f, key, 1, 4096, &one)) return false;
        for (int i = 0; i < levels; i++) out[i] = one;
        return true;
    }
    if (list->count != levels)
        return config_refuse(f, key, "not one number for each of \"block_out_channels\"; download it again");
    for (int i = 0; i < levels; i++) {
        if (!json_int(item(f, list, i), &v) || v < 1 || v > 4096)
            return config_refuse(f, key, "where only whole numbers up to 4096 are built; use another model");
        out[i] = (int)v;
    }
    return true;
}

/* "attention_head_dim" is the number of heads, an old misnomer that diffusers keeps; a list has one for each level: the
 * same everywhere, or what makes heads of the same width. */
static bool heads_of(const ConfigFile *f, UnetConfig *u, const bool cross[MAX_LEVELS]) {
    const char *const key = "attention_head_dim";
    int heads[MAX_LEVELS], width = 0;
    if (!each_level(f, key, u->levels, heads)) return false;
    bool one = true;
    for (int i = 1; i < u->levels; i++) one = one && heads[i] == heads[0];
    u->heads = one ? heads[0] : 0;
    u->head_dim = 0;
    for (int i = 0; !one && i < u->levels; i++) {
        int wide = u->channels * u->mult[i];
        if (!cross[i] && i + 1 < u->levels) continue; /* the middle has the last level's */
        if (wide % heads[i] || (width && wide / heads[i] != width))
            return config_refuse(
                f, key,
                "where only as many heads, or heads of the same width, on every level are built; use another model");
        width = wide / heads[i];
    }
    if (!one) u->head_dim = width;
    return true;
}

/* A level's entry in a list of depths: a number, or one for each block of the level: depths[blocks]. */
static bool level_depths(const ConfigFile *f, const char *key, const JsonNode *n, int blocks, int *depths) {
    int64_t v;
    bool list = n && n->type == JSON_ARRAY;
    if (list && n->count != blocks)
        return config_refuse(f, key, "not one number for each block of a level; download it again");
    for (int i = 0; i < blocks; i++) {
        if (!n || !json_int(list ? item(f, n, i) : n, &v) || v < 0 || v > 64)
            return config_refuse(f, key, "where only whole numbers up to 64 are built; use another model");
        depths[i] = (int)v;
    }
    return true;
}

/* Transformer blocks: one number for all levels, or one for each, or lists of one for each block; then the way up has a
 * list of its own, from the last level to the first (SSD-1B). */
static bool depths_of(const ConfigFile *f, UnetConfig *u, const bool cross[MAX_LEVELS]) {
    static const char *const KEY = "transformer_layers_per_block", *const UP = "reverse_transformer_layers_per_block";
    const JsonNode *list = get(f, KEY), *up = get(f, UP);
    int depth[MAX_LEVELS], each[16];
    bool lists = up && up->type != JSON_NULL;
    if (!lists && !each_level(f, KEY, u->levels, depth)) return false;
    if (lists && (!list || list->type != JSON_ARRAY || list->count != u->levels))
        return config_refuse(f, KEY, "not one entry for each of \"block_out_channels\"; download it again");
    if (lists && (up->type != JSON_ARRAY || up->count != u->levels))
        return config_refuse(f, UP, "not one entry for each of \"block_out_channels\"; download it again");
    for (int i = 0; lists && i < u->levels; i++) {
        if (!level_depths(f, KEY, item(f, list, i), u->res_blocks, each)) return false;
        for (int k = 1; k < u->res_blocks; k++)
            if (each[k] != each[0])
                return config_refuse(f, KEY, "where only equal blocks of a level are built; use another model");
        depth[i] = each[0];
    }
    u->uneven = lists;
    for (int i = 0; lists && i < u->levels; i++) {
        int *out = &u->up_depth[i * (u->res_blocks + 1)];
        if (!level_depths(f, UP, item(f, up, i), u->res_blocks + 1, out)) return false;
        for (int k = 0; k <= u->res_blocks; k++) out[k] = cross[u->levels - 1 - i] ? out[k] : 0;
    }
    for (int i = 0; i < u->levels; i++) u->depth[i] = cross[i] ? depth[i] : 0;
    const JsonNode *middle = get(f, "mid_block_type");
    if (!middle || is_text(middle, "UNetMidBlock2DCrossAttn")) u->middle_depth = depth[u->levels - 1];
    else if (is_text(middle, "UNetMidBlock2D")) u->middle_depth = 0;
    else if (middle->type == JSON_NULL) u->middle_depth = -1;
    else
        return config_refuse(
            f, "mid_block_type",
            "where only UNetMidBlock2DCrossAttn, UNetMidBlock2D and null are built; use another model");
    return u->middle_depth || (middle && is_text(middle, "UNetMidBlock2D")) ||
           config_refuse(f, KEY, "which leaves the middle without a transformer; use another model");
}

/* What SDXL's U-Net is told besides the time: pooled text and sizes. */
static bool label_of(const ConfigFile *f, UnetConfig *u) {
    static const char *const TYPE = "addition_embed_type";
    int width;
    if (!u->label)
        return !get(f, TYPE) || get(f, TYPE)->type == JSON_NULL ||
               config_refuse(f, TYPE, "where this pipeline has null; use another model");
    if (!config_is(f, TYPE, "text_time"))
        return config_refuse(f, TYPE, "where only text_time is computed for SDXL; use another model");
    if (!config_int(f, "addition_time_embed_dim", 1, 1 << 16, &width)) return false;
    if (width != SIZE_WIDTH)
        return config_refuse(f, "addition_time_embed_dim", "where only 256 is computed; use another model");
    return config_int(f, "projection_class_embeddings_input_dim", 1, 65536, &u->label);
}

/* "num_class_embeds": the x4 upscaler's levels of noise over the picture, which its U-Net is shown beside the latents.
 */
static bool classes_of_noise(const ConfigFile *f, UnetConfig *u) {
    static const char *const KEY = "num_class_embeds";
    const JsonNode *n = get(f, KEY);
    u->classes = 0;
    if (!n || n->type == JSON_NULL) return true;
    if (!config_int(f, KEY, 1, 65536, &u->classes)) return false;
    return u->in_channels == u->out_channels + 3 ||
           config_refuse(f, KEY, "where only the x4 upscaler has such embeddings; use another model");
}

/* "only_cross_attention": of all levels, or a list with one for each; counts where there is attention. */
static bool only_cross_of(const ConfigFile *f, UnetConfig *u, const bool cross[MAX_LEVELS]) {
    const char *const key = "only_cross_attention";
    const JsonNode *list = get(f, key);
    bool is_list = list && list->type == JSON_ARRAY;
    memset(u->only_cross, 0, sizeof u->only_cross);
    if (is_list && list->count != u->levels)
        return config_refuse(f, key, "not one of true and false for each of \"block_out_channels\"; download it again");
    for (int i = 0; list && i < u->levels; i++) {
        const JsonNode *n = is_list ? item(f, list, i) : list;
        if (n->type != JSON_TRUE && n->type != JSON_FALSE)
            return config_refuse(f, key, "where only true and false are understood; download it again");
        u->only_cross[i] = cross[i] && n->type == JSON_TRUE;
        if (u->only_cross[i] && !u->classes)
            return config_refuse(f, key, "where only the x4 upscaler has true; use another model");
    }
    return true;
}

static bool unet_of(const ConfigFile *f, UnetConfig *u) {
    bool cross[MAX_LEVELS];
    int width;
    memset(u->depth, 0, sizeof u->depth);
    u->channels = 320; /* 320, 640, 1280, 1280: diffusers' default, and SD's */
    if (!channels_of(f, 4, &u->levels, &u->channels, u->mult) || !cross_levels(f, u->levels, cross) ||
        !config_int(f, "in_channels", 1, 64, &u->in_channels) ||
        !config_int(f, "out_channels", 1, 64, &u->out_channels) ||
        !config_int(f, "layers_per_block", 1, 15, &u->res_blocks) ||
        !config_int(f, "cross_attention_dim", 1, 16384, &u->context) ||
        !config_int(f, "norm_num_groups", 1, 1024, &u->groups) ||
        !config_flag(f, "use_linear_projection", &u->linear_projection) || !depths_of(f, u, cross) ||
        !heads_of(f, u, cross) || !label_of(f, u) || !classes_of_noise(f, u) || !only_cross_of(f, u, cross))
        return false;
    const JsonNode *guidance = get(f, "time_cond_proj_dim");
    u->guidance = 0;
    if (guidance && guidance->type != JSON_NULL && !config_int(f, "time_cond_proj_dim", 4, 4096, &u->guidance))
        return false;
    const JsonNode *time = get(f, "time_embedding_dim");
    if (!time || time->type == JSON_NULL) return true;
    if (!config_int(f, "time_embedding_dim", 1, 1 << 20, &width)) return false;
    return width == 4 * u->channels ||
           config_refuse(f, "time_embedding_dim", "where only four times the first width is built; use another model");
}

bool config_statistics(const ConfigFile *f, VaeConfig *v) {
    static const char *const KEYS[2] = {"latents_mean", "latents_std"};
    bool has[2];
    for (int i = 0; i < 2; i++) has[i] = get(f, KEYS[i]) && get(f, KEYS[i])->type != JSON_NULL;
    v->statistics = has[0];
    if (has[0] != has[1]) return config_refuse(f, KEYS[has[1]], "alone, of two that go together; download it again");
    return !has[0] || (config_reals(f, KEYS[0], -1e6, 1e6, v->latent, v->mean) &&
                       config_reals(f, KEYS[1], 1e-6, 1e6, v->latent, v->std));
}

static bool vae_of(const ConfigFile *f, VaeConfig *v) {
    static const char *const KEYS[2] = {"down_block_types", "up_block_types"};
    v->channels = 64; /* one level of 64: diffusers' default, and nobody's */
    if (!channels_of(f, 1, &v->levels, &v->channels, v->mult) ||
        !config_int(f, "layers_per_block", 1, 7, &v->res_blocks) ||
        !config_int(f, "latent_channels", 1, MAX_LATENT, &v->latent) ||
        !config_int(f, "norm_num_groups", 1, 1024, &v->groups) ||
        !config_real(f, "scaling_factor", 1e-6, 1e6, &v->scale) || !config_statistics(f, v))
        return false;
    for (int i = 0; i < 2; i++) {
        const JsonNode *types = get(f, KEYS[i]);
        if ((types && types->type == JSON_ARRAY ? types->count : 1) != v->levels)
            return config_refuse(f, KEYS[i], "not one block for each of \"block_out_channels\"; download it again");
    }
    return true;
}

/* label: of SDXL, whose pipeline decides which layer's states it takes (the family's), whatever the file says */
static bool clip_of(const ConfigFile *f, ClipConfig *k, bool label) {
    k->open_clip = false; /* SD 2.x's encoder has CLIP's names here and lacks its last layer */
    if (!label) k->layer = 1;
    if (k->pooled && !config_int(f, "projection_dim", 1, 16384, &k->pooled)) return false;
    k->act = config_is(f, "hidden_act", "gelu") ? ACT_GELU : ACT_QUICK_GELU;
    if (k->act != ACT_GELU && !config_is(f, "hidden_act", "quick_gelu"))
        return config_refuse(f, "hidden_act", "where only quick_gelu or gelu is computed; use another model");
    return config_int(f, "vocab_size", 3, 1 << 20, &k->vocabulary) &&
           config_int(f, "max_position_embeddings", 77, 77, &k->positions) &&
           config_int(f, "hidden_size", 1, 16384, &k->width) &&
           config_int(f, "num_hidden_layers", 1, 256, &k->layers) &&
           config_int(f, "num_attention_heads", 1, 1024, &k->heads) &&
           config_int(f, "intermediate_size", 1, 65536, &k->mlp);
}

/* "unet": ["diffusers", "UNet2DConditionModel"] */
static bool classes_of(const Checkpoint *c, const ConfigFile *f) {
    const char *const vae = checkpoint_has_tiny_vae(c) ? "AutoencoderTiny" : "AutoencoderKL";
    const char *const WANTED[][3] = {{"unet", "UNet2DConditionModel", "UNet2DConditionModel"},
                                     {"vae", vae, vae},
                                     {"text_encoder", "CLIPTextModel", "CLIPTextModelWithProjection"},
                                     {"text_encoder_2", "CLIPTextModelWithProjection", "CLIPTextModel"},
                                     {"tokenizer", "CLIPTokenizer", "CLIPTokenizerFast"},
                                     {"tokenizer_2", "CLIPTokenizer", "CLIPTokenizerFast"}};
    for (size_t i = 0; i < sizeof WANTED / sizeof *WANTED; i++) {
        const JsonNode *class = item(f, get(f, WANTED[i][0]), 1);
        if (class && class->type == JSON_STRING && !is_text(class, WANTED[i][1]) && !is_text(class, WANTED[i][2]))
            return config_refuse(f, WANTED[i][0], "a class that is not built here; use another model");
    }
    return true;
}

/* Encoder i of the model: the folder's text_encoder and tokenizer, or text_encoder_2 and tokenizer_2, which are all
 * that SDXL's refiner has. */
static bool encoder_of(const Checkpoint *c, const ConfigFile *files, const bool *has, int i, SdConfig *out,
                       ConfigNotes *notes, Error *e) {
    ClipConfig *k = &out->clip[i];
    bool first = has[CONFIG_TEXT] || checkpoint_is_given(c, GIVEN_TEXT);
    int which = first || out->encoders > 1 ? i : 1, text = CONFIG_TEXT + which, words = CONFIG_TOKENIZER + which,
        special = CONFIG_SPECIAL_TOKENS + which;
    config_note_added(c->tokenizers[which].added, has[words] ? &files[words] : NULL, notes);
    /* the older file of special tokens overrides the tokenizer's own */
    return config_words(c, which, e) && (!has[text] || clip_of(&files[text], k, out->unet.label)) &&
           (!has[words] || config_tokens(&files[words], true, k)) &&
           (!has[special] || config_tokens(&files[special], false, k));
}

/* "sample_size": of the latents of the model's own pictures, a side or [height, width]. */
static bool size_of(const ConfigFile *f, SdConfig *out) {
    static const char *const KEY = "sample_size";
    const JsonNode *n = get(f, KEY);
    bool pair = n && n->type == JSON_ARRAY;
    int64_t factor = 1 << (out->vae.levels - 1), high, wide;
    if (!n || n->type == JSON_NULL) return true;
    if (!json_int(pair ? item(f, n, 0) : n, &high) || !json_int(pair ? item(f, n, 1) : n, &wide) ||
        (pair && n->count != 2) || high < 1 || wide < 1 || high > 16384 / factor || wide > 16384 / factor)
        return config_refuse(f, KEY, "not the side of a latent; download it again");
    bool usual = high * factor == 512 && wide * factor == 512; /* the program's own default */
    out->height = usual ? 0 : (int)(high * factor);
    out->width = usual ? 0 : (int)(wide * factor);
    return true;
}

static bool index_of(const Checkpoint *c, const ConfigFile *f, const SdConfig *k) {
    static const char *const SCORE = "requires_aesthetics_score";
    const JsonNode *n = get(f, SCORE);
    bool score;
    if (!classes_of(c, f) || !config_flag(f, SCORE, &score)) return false;
    return !n || score == (config_sizes(k) == 5) ||
           config_refuse(f, SCORE,
                         "which does not fit the U-Net's projection_class_embeddings_input_dim; download it again");
}

static bool prediction_of(const ConfigFile *f, Prediction *out, ConfigNotes *notes) {
    static const char *const KEY = "prediction_type";
    notes->prediction = f->file;
    if (config_is(f, KEY, "v_prediction")) return *out = PREDICT_V, true;
    if (config_is(f, KEY, "sample")) return *out = PREDICT_X0, true;
    return config_is(f, KEY, "epsilon")
               ? (*out = PREDICT_EPS, true)
               : config_refuse(f, KEY, "where only epsilon, v_prediction or sample is computed; use another model");
}

/* Whether a text encoder comes from a file of its own, which the folder's configuration is not of. Of a U-Net and a VAE
 * it still says what their shapes do not. */
static bool is_given(const Checkpoint *c, ConfigFileKind kind) {
    return (kind == CONFIG_TEXT && checkpoint_is_given(c, GIVEN_TEXT)) ||
           (kind == CONFIG_TEXT_2 && checkpoint_is_given(c, GIVEN_TEXT_2));
}

bool config_from_folder(const Checkpoint *c, SdConfig *out, ConfigNotes *notes, Error *e) {
    ConfigFile files[CONFIG_FILES];
    bool has[CONFIG_FILES];
    for (int i = 0; i < CONFIG_FILES; i++) {
        has[i] = !is_given(c, (ConfigFileKind)i) && config_file(c, (ConfigFileKind)i, &files[i], e);
        if (has[i] && !config_keys_check(&files[i], notes)) return false;
    }
    if (has[CONFIG_SCHEDULER] && !prediction_of(&files[CONFIG_SCHEDULER], &out->prediction, notes)) return false;
    if (has[CONFIG_UNET] && !unet_of(&files[CONFIG_UNET], &out->unet)) return false;
    if (has[CONFIG_VAE] && !checkpoint_has_tiny_vae(c) && !vae_of(&files[CONFIG_VAE], &out->vae)) return false;
    for (int i = 0; i < out->encoders; i++)
        if (!encoder_of(c, files, has, i, out, notes, e)) return false;
    return (!has[CONFIG_UNET] || size_of(&files[CONFIG_UNET], out)) &&
           (!has[CONFIG_INDEX] || index_of(c, &files[CONFIG_INDEX], out));
}

/* --- parts from folders of their own --- */

static bool part_of(const Checkpoint *c, GivenPart part, ConfigFileKind kind, SdConfig *out, ConfigNotes *notes,
                    Error *e) {
    const Given *g = &c->given[part];
    const ConfigFile f = {.folder = g->path,
                          .file = "config.json",
                          .keys = CONFIG_TABLES[kind],
                          .json = g->config,
                          .root = &g->config->nodes[0],
                          .e = e};
    const VaeConfig family = out->vae; /* its latents' scale: config_check_given compares */
    if (!config_keys_check(&f, notes)) return false;
    if (part == GIVEN_UNET) return unet_of(&f, &out->unet);
    if (part != GIVEN_VAE) return clip_of(&f, &out->clip[part == GIVEN_TEXT_2], out->unet.label);
    bool ok = vae_of(&f, &out->vae);
    config_copy_latents(&out->vae, &family);
    return ok;
}

/* A part of a file that `sdc convert` wrote. */
static bool part_of_ours(const Given *g, GivenPart part, SdConfig *out, ConfigNotes *notes, Error *e) {
    const char *own = weight_file_meta(g->files.shards[0], "sdc.config");
    const VaeConfig family = out->vae;
    SdConfig k = config_sd1();
    if (!own) return true;
    if (!config_from_json(&k, g->path, own, notes, e)) return false;
    if (part == GIVEN_UNET) out->unet = k.unet;
    if (part == GIVEN_VAE) out->vae = k.vae, config_copy_latents(&out->vae, &family);
    if (part == GIVEN_TEXT) out->clip[0] = k.clip[0];
    if (part == GIVEN_TEXT_2) out->clip[1] = k.clip[k.encoders - 1];
    return true;
}

bool config_from_given(const Checkpoint *c, SdConfig *out, ConfigNotes *notes, Error *e) {
    static const struct {
        GivenPart part;
        ConfigFileKind kind;
    } PARTS[] = {
        {GIVEN_UNET, CONFIG_UNET}, {GIVEN_VAE, CONFIG_VAE}, {GIVEN_TEXT, CONFIG_TEXT}, {GIVEN_TEXT_2, CONFIG_TEXT_2}};
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++) {
        GivenPart part = PARTS[i].part;
        const Given *g = &c->given[part];
        if ((g->path && !g->borrowed && !part_of_ours(g, part, out, notes, e)) ||
            (g->config && !part_of(c, part, PARTS[i].kind, out, notes, e)))
            return false;
    }
    config_given_shapes(c, out);
    return true;
}
