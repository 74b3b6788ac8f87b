/* folder_json.c: the configurations of a diffusers folder. Keys and values are those of the published folders of
 * Stable Diffusion 1.5, 2.1 and SDXL; numbers are the model's. */
#include "convert_internal.h"

#include "sd/text/bpe.h"

#include <stdio.h>
#include <string.h>

static void widths(JsonText *t, const char *name, int levels, const int *mult, int channels) {
    json_text(t, "  \"%s\": [", name);
    for (int i = 0; i < levels; i++) json_text(t, "%s%d", i ? ", " : "", channels * mult[i]);
    json_text(t, "],\n");
}

/* On the way down or up. */
static bool has_attention(const UnetConfig *u, int level) {
    bool any = u->depth[level] > 0;
    for (int i = 0; i <= u->res_blocks; i++)
        any |= config_up_depth(u, (u->levels - 1 - level) * (u->res_blocks + 1) + i) > 0;
    return any;
}

/* upwards: from the last level to the first */
static void blocks(JsonText *t, const char *name, const UnetConfig *u, bool upwards) {
    json_text(t, "  \"%s\": [", name);
    for (int i = 0; i < u->levels; i++) {
        bool cross = has_attention(u, upwards ? u->levels - 1 - i : i);
        json_text(t, "%s\"%s%sBlock2D\"", i ? ", " : "", cross ? "CrossAttn" : "", upwards ? "Up" : "Down");
    }
    json_text(t, "],\n");
}

/* "attention_head_dim" is the number of heads, an old misnomer that diffusers keeps. */
static void heads(JsonText *t, const UnetConfig *u) {
    int each[MAX_LEVELS];
    if (u->heads) {
        json_text(t, "  \"attention_head_dim\": %d,\n", u->heads);
        return;
    }
    for (int i = 0; i < u->levels; i++) each[i] = u->channels * u->mult[i] / u->head_dim;
    widths(t, "attention_head_dim", u->levels, each, 1);
}

/* A distilled U-Net's: each output block has its own number, and the middle none, or there is no middle. */
static void uneven(JsonText *t, const UnetConfig *u) {
    int blocks = u->res_blocks + 1;
    if (u->middle_depth <= 0)
        json_text(t, "  \"mid_block_type\": %s,\n", u->middle_depth ? "null" : "\"UNetMidBlock2D\"");
    if (!u->uneven) return;
    json_text(t, "  \"reverse_transformer_layers_per_block\": [");
    for (int i = 0; i < u->levels * blocks; i++)
        json_text(t, "%s%d%s", i % blocks ? ", " : i ? ", [" : "[", u->up_depth[i], (i + 1) % blocks ? "" : "]");
    json_text(t, "],\n  \"transformer_layers_per_block\": [");
    for (int i = 0; i < u->levels; i++) json_text(t, "%s%d", i ? ", " : "", u->depth[i]);
    json_text(t, "],\n");
}

/* Of a level without attention the number is not used, but for the last one's, which is the middle's. */
static void depths(JsonText *t, const UnetConfig *u) {
    bool ones = true;
    int each[MAX_LEVELS];
    uneven(t, u);
    if (u->uneven) return;
    for (int i = 0; i < u->levels; i++) {
        each[i] = i + 1 == u->levels && u->middle_depth > 0 ? u->middle_depth : u->depth[i] ? u->depth[i] : 1;
        ones = ones && each[i] == 1;
    }
    if (!ones) widths(t, "transformer_layers_per_block", u->levels, each, 1);
}

/* The side of the latents of the model's own pictures. */
static int sample_size(const SdConfig *k) {
    int width = k->width ? k->width : k->unet.label ? 1024 : 512, side = width >> (k->vae.levels - 1);
    return side ? side : 1;
}

static void unet(JsonText *t, const SdConfig *k) {
    const UnetConfig *u = &k->unet;
    json_text(t, "{\n  \"_class_name\": \"UNet2DConditionModel\",\n  \"act_fn\": \"silu\",\n");
    heads(t, u);
    widths(t, "block_out_channels", u->levels, u->mult, u->channels);
    json_text(t, "  \"center_input_sample\": false,\n  \"cross_attention_dim\": %d,\n", u->context);
    blocks(t, "down_block_types", u, false);
    json_text(t, "  \"downsample_padding\": 1,\n  \"flip_sin_to_cos\": true,\n  \"freq_shift\": 0,\n");
    json_text(t, "  \"in_channels\": %d,\n  \"layers_per_block\": %d,\n", u->in_channels, u->res_blocks);
    json_text(t, "  \"mid_block_scale_factor\": 1,\n  \"norm_eps\": 1e-05,\n  \"norm_num_groups\": %d,\n", u->groups);
    json_text(t, "  \"out_channels\": %d,\n  \"sample_size\": %d,\n", u->out_channels, sample_size(k));
    if (u->label)
        json_text(t,
                  "  \"addition_embed_type\": \"text_time\",\n  \"addition_embed_type_num_heads\": 64,\n"
                  "  \"addition_time_embed_dim\": 256,\n  \"projection_class_embeddings_input_dim\": %d,\n",
                  u->label);
    blocks(t, "up_block_types", u, true);
    depths(t, u);
    if (u->guidance) json_text(t, "  \"time_cond_proj_dim\": %d,\n", u->guidance);
    if (u->classes) {
        json_text(t, "  \"num_class_embeds\": %d,\n  \"only_cross_attention\": [", u->classes);
        for (int i = 0; i < u->levels; i++) json_text(t, "%s%s", i ? ", " : "", u->only_cross[i] ? "true" : "false");
        json_text(t, "],\n");
    }
    json_text(t, "  \"use_linear_projection\": %s\n}\n", u->linear_projection ? "true" : "false");
}

static void repeated(JsonText *t, const char *name, const char *value, int times) {
    json_text(t, "  \"%s\": [", name);
    for (int i = 0; i < times; i++) json_text(t, "%s\"%s\"", i ? ", " : "", value);
    json_text(t, "],\n");
}

/* After the value before it. */
static void numbers(JsonText *t, const char *name, const double *values, int count) {
    json_text(t, ",\n  \"%s\": [", name);
    for (int i = 0; i < count; i++) {
        json_text(t, i ? ", " : "");
        json_text_number(t, values[i]);
    }
    json_text(t, "]");
}

static void vae(JsonText *t, const SdConfig *k) {
    const VaeConfig *v = &k->vae;
    json_text(t, "{\n  \"_class_name\": \"AutoencoderKL\",\n  \"act_fn\": \"silu\",\n");
    widths(t, "block_out_channels", v->levels, v->mult, v->channels);
    repeated(t, "down_block_types", "DownEncoderBlock2D", v->levels);
    json_text(t, "  \"force_upcast\": %s,\n  \"in_channels\": 3,\n", k->unet.label ? "true" : "false");
    json_text(t, "  \"latent_channels\": %d,\n  \"layers_per_block\": %d,\n", v->latent, v->res_blocks);
    json_text(t, "  \"norm_num_groups\": %d,\n  \"out_channels\": 3,\n", v->groups);
    json_text(t, "  \"sample_size\": %d,\n  \"scaling_factor\": ", sample_size(k) << (v->levels - 1));
    json_text_number(t, v->scale);
    if (v->statistics) numbers(t, "latents_mean", v->mean, v->latent), numbers(t, "latents_std", v->std, v->latent);
    json_text(t, ",\n");
    json_text(t, "  \"up_block_types\": [");
    for (int i = 0; i < v->levels; i++) json_text(t, "%s\"UpDecoderBlock2D\"", i ? ", " : "");
    json_text(t, "]\n}\n");
}

/* SD 2's encoder without the layer that is not used. */
static void text(JsonText *t, const ClipConfig *c) {
    bool cut = c->open_clip && c->layer == 2 && !c->pooled;
    json_text(t, "{\n  \"architectures\": [\"CLIPTextModel%s\"],\n", c->pooled ? "WithProjection" : "");
    json_text(t, "  \"attention_dropout\": 0.0,\n  \"bos_token_id\": 0,\n  \"eos_token_id\": 2,\n");
    json_text(t, "  \"hidden_act\": \"%s\",\n", c->act == ACT_GELU ? "gelu" : "quick_gelu");
    json_text(t, "  \"hidden_size\": %d,\n  \"intermediate_size\": %d,\n", c->width, c->mlp);
    json_text(t, "  \"layer_norm_eps\": 1e-05,\n  \"max_position_embeddings\": %d,\n", c->positions);
    json_text(t, "  \"model_type\": \"clip_text_model\",\n  \"num_attention_heads\": %d,\n", c->heads);
    json_text(t, "  \"num_hidden_layers\": %d,\n  \"pad_token_id\": 1,\n", c->layers - cut);
    json_text(t, "  \"projection_dim\": %d,\n  \"vocab_size\": %d\n}\n", c->pooled ? c->pooled : c->width,
              c->vocabulary);
}

/* Levels of the model's own as the betas that they come from. */
static void betas(JsonText *t, const SdModel *m) {
    if (!m->own_levels) {
        json_text(t, "null,\n");
        return;
    }
    double before = 1;
    for (int i = 0; i < TRAIN_STEPS; i++) {
        double a = (double)m->noise_levels.alphas[i];
        json_text(t, "%s", i ? ", " : "[");
        json_text_number(t, 1 - a / before);
        before = a;
    }
    json_text(t, "],\n");
}

static bool upscales(const SdConfig *k) { return config_input(k) == INPUT_UPSCALING; }

static const char *scheduler_class(const SdConfig *k) {
    return upscales(k) ? "DDIMScheduler" : k->unet.label ? "EulerDiscreteScheduler" : "PNDMScheduler";
}

#define X4_BETAS "  \"beta_end\": 0.02,\n  \"beta_schedule\": \"scaled_linear\",\n  \"beta_start\": 0.0001,\n"

static void low_scheduler(JsonText *t) {
    json_text(t, "{\n  \"_class_name\": \"DDPMScheduler\",\n" X4_BETAS "  \"num_train_timesteps\": 1000,\n"
                 "  \"prediction_type\": \"epsilon\",\n  \"trained_betas\": null\n}\n");
}

static void scheduler(JsonText *t, const SdModel *m) {
    bool xl = m->config.unet.label, x4 = upscales(&m->config);
    json_text(t, "{\n  \"_class_name\": \"%s\",\n", scheduler_class(&m->config));
    if (x4) json_text(t, X4_BETAS "  \"clip_sample\": false,\n");
    else json_text(t, "  \"beta_end\": 0.012,\n  \"beta_schedule\": \"scaled_linear\",\n  \"beta_start\": 0.00085,\n");
    json_text(t, "  \"num_train_timesteps\": 1000,\n  \"prediction_type\": \"%s\",\n",
              m->config.prediction == PREDICT_V ? "v_prediction" : "epsilon");
    if (xl) json_text(t, "  \"interpolation_type\": \"linear\",\n  \"timestep_spacing\": \"leading\",\n");
    else json_text(t, "  \"set_alpha_to_one\": false,\n%s", x4 ? "" : "  \"skip_prk_steps\": true,\n");
    json_text(t, "  \"trained_betas\": ");
    betas(t, m);
    json_text(t, "  \"steps_offset\": 1\n}\n");
}

static void index_of(JsonText *t, const SdConfig *k) {
    bool xl = k->unet.label, refines = config_sizes(k) == 5;
    const char *variant = config_variant(k);
    const char *kind = refines                          ? "XLImg2Img"
                       : !strcmp(variant, "inpainting") ? (xl ? "XLInpaint" : "Inpaint")
                       : strstr(variant, "pix2pix")     ? (xl ? "XLInstructPix2Pix" : "InstructPix2Pix")
                       : upscales(k)                    ? "Upscale"
                       : xl                             ? "XL"
                                                        : "";
    json_text(t, "{\n  \"_class_name\": \"StableDiffusion%sPipeline\",\n", kind);
    if (!xl && !upscales(k))
        json_text(t, "  \"feature_extractor\": [null, null],\n  \"requires_safety_checker\": false,\n"
                     "  \"safety_checker\": [null, null],\n");
    json_text(t, "  \"scheduler\": [\"diffusers\", \"%s\"],\n", scheduler_class(k));
    if (upscales(k))
        json_text(t, "  \"low_res_scheduler\": [\"diffusers\", \"DDPMScheduler\"],\n  \"max_noise_level\": %d,\n",
                  MOST_NOISE_LEVEL);
    if (xl) json_text(t, "  \"force_zeros_for_empty_prompt\": %s,\n", refines ? "false" : "true");
    if (refines) json_text(t, "  \"requires_aesthetics_score\": true,\n");
    json_text(t, "  \"text_encoder\": %s,\n  \"tokenizer\": %s,\n",
              refines ? "[null, null]" : "[\"transformers\", \"CLIPTextModel\"]",
              refines ? "[null, null]" : "[\"transformers\", \"CLIPTokenizer\"]");
    if (xl)
        json_text(t, "  \"text_encoder_2\": [\"transformers\", \"CLIPTextModelWithProjection\"],\n"
                     "  \"tokenizer_2\": [\"transformers\", \"CLIPTokenizer\"],\n");
    json_text(t, "  \"unet\": [\"diffusers\", \"UNet2DConditionModel\"],\n  \"vae\": [\"diffusers\", "
                 "\"AutoencoderKL\"]\n}\n");
}

void folder_json(JsonText *t, const SdModel *m, const char *part) {
    const SdConfig *k = &m->config;
    if (!strcmp(part, "unet")) unet(t, k);
    else if (!strcmp(part, "vae")) vae(t, k);
    else if (!strcmp(part, "text_encoder")) text(t, &k->clip[0]);
    else if (!strcmp(part, "text_encoder_2")) text(t, &k->clip[k->encoders - 1]);
    else if (!strcmp(part, "scheduler")) scheduler(t, m);
    else if (!strcmp(part, "low_res_scheduler")) low_scheduler(t);
    else index_of(t, k);
}

/* --- tokenizers --- */

enum { SPELLING = 1024 };

static void vocabulary(JsonText *t, const SdModel *m, int encoder) {
    (void)encoder;
    char word[SPELLING];
    for (int32_t id = 0; id < TOKEN_COUNT; id++) {
        json_text(t, id ? "," : "{");
        json_text_quoted(t, tokenizer_token(m->tokenizer, id, word, sizeof word));
        json_text(t, ":%d", (int)id);
    }
    json_text(t, "}\n");
}

static void merges(JsonText *t, const SdModel *m, int encoder) {
    (void)m, (void)encoder;
    char a[SPELLING], b[SPELLING];
    json_text(t, "#version: 0.2\n");
    for (int k = 0; k < BPE_MERGES; k++) {
        int32_t pair[2];
        bpe_merged(k, pair);
        bpe_spell(pair[0], a, sizeof a);
        bpe_spell(pair[1], b, sizeof b);
        json_text(t, "%s %s\n", a, b);
    }
}

static const char *pad(const SdModel *m, int encoder) { return m->config.clip[encoder].pad ? "<|endoftext|>" : "!"; }

static void tokenizer_config(JsonText *t, const SdModel *m, int encoder) {
    json_text(t,
              "{\n  \"add_prefix_space\": false,\n  \"bos_token\": \"<|startoftext|>\",\n  \"do_lower_case\": true,\n"
              "  \"eos_token\": \"<|endoftext|>\",\n  \"errors\": \"replace\",\n  \"model_max_length\": 77,\n"
              "  \"pad_token\": \"%s\",\n  \"tokenizer_class\": \"CLIPTokenizer\",\n"
              "  \"unk_token\": \"<|endoftext|>\"\n}\n",
              pad(m, encoder));
}

static void special_tokens(JsonText *t, const SdModel *m, int encoder) {
    json_text(t,
              "{\n  \"bos_token\": \"<|startoftext|>\",\n  \"eos_token\": \"<|endoftext|>\",\n"
              "  \"pad_token\": \"%s\",\n  \"unk_token\": \"<|endoftext|>\"\n}\n",
              pad(m, encoder));
}

const TokenizerFile TOKENIZER[TOKENIZER_FILES] = {{"vocab.json", vocabulary},
                                                  {"merges.txt", merges},
                                                  {"tokenizer_config.json", tokenizer_config},
                                                  {"special_tokens_map.json", special_tokens}};
