/* make_model_json.c: see make_model_json.h. Fields and values are those of published SD 1.5 folders; numbers come from
 * the configuration. */
#include "make_model_json.h"

#include <stdio.h>
#include <string.h>

static void list(FILE *f, const char *name, int levels, const int *mult, int channels) {
    fprintf(f, "  \"%s\": [", name);
    for (int i = 0; i < levels; i++) fprintf(f, "%s%d", i ? ", " : "", channels * mult[i]);
    fprintf(f, "],\n");
}

/* On the way down or up. */
static bool has_attention(const UnetConfig *u, int level) {
    bool any = u->depth[level] > 0;
    for (int i = 0; i <= u->res_blocks; i++)
        any |= config_up_depth(u, (u->levels - 1 - level) * (u->res_blocks + 1) + i) > 0;
    return any;
}

/* names: of a level with and without attention; upwards: from the last level to the first */
static void types(FILE *f, const char *name, const UnetConfig *u, bool upwards) {
    fprintf(f, "  \"%s\": [", name);
    for (int i = 0; i < u->levels; i++) {
        bool cross = has_attention(u, upwards ? u->levels - 1 - i : i);
        fprintf(f, "%s\"%s%sBlock2D\"", i ? ", " : "", cross ? "CrossAttn" : "", upwards ? "Up" : "Down");
    }
    fprintf(f, "],\n");
}

/* SD 2.x: as many heads in each level as its width has head_dim. */
static void heads(FILE *f, const UnetConfig *u) {
    int each[MAX_LEVELS];
    for (int i = 0; i < u->levels; i++) each[i] = u->channels * u->mult[i] / u->head_dim;
    list(f, "attention_head_dim", u->levels, each, 1);
}

/* A distilled U-Net's: each output block has its own number, and the middle none, or there is no middle. */
static void uneven(FILE *f, const UnetConfig *u) {
    int blocks = u->res_blocks + 1;
    if (u->middle_depth <= 0)
        fprintf(f, "  \"mid_block_type\": %s,\n", u->middle_depth ? "null" : "\"UNetMidBlock2D\"");
    if (!u->uneven) return;
    fprintf(f, "  \"reverse_transformer_layers_per_block\": [");
    for (int i = 0; i < u->levels * blocks; i++)
        fprintf(f, "%s%d%s", i % blocks ? ", " : i ? ", [" : "[", u->up_depth[i], (i + 1) % blocks ? "" : "]");
    fprintf(f, "],\n  \"transformer_layers_per_block\": [");
    for (int i = 0; i < u->levels; i++) fprintf(f, "%s%d", i ? ", " : "", u->depth[i]);
    fprintf(f, "],\n");
}

/* Of a level without attention the number is not used, but for the last one's, which is the middle's. */
static void depths(FILE *f, const UnetConfig *u) {
    bool ones = true;
    int each[MAX_LEVELS];
    uneven(f, u);
    if (u->uneven) return;
    for (int i = 0; i < u->levels; i++) {
        each[i] = i + 1 == u->levels && u->middle_depth > 0 ? u->middle_depth : u->depth[i] ? u->depth[i] : 1;
        ones = ones && each[i] == 1;
    }
    if (!ones) list(f, "transformer_layers_per_block", u->levels, each, 1);
}

/* side: of the model's own latents */
static void unet(FILE *f, const UnetConfig *u, int side) {
    fprintf(f, "{\n  \"_class_name\": \"UNet2DConditionModel\",\n  \"_diffusers_version\": \"0.6.0\",\n");
    fprintf(f, "  \"act_fn\": \"silu\",\n");
    if (u->heads) fprintf(f, "  \"attention_head_dim\": %d,\n", u->heads); /* heads, in fact */
    else heads(f, u);
    list(f, "block_out_channels", u->levels, u->mult, u->channels);
    fprintf(f, "  \"center_input_sample\": false,\n  \"cross_attention_dim\": %d,\n", u->context);
    types(f, "down_block_types", u, false);
    fprintf(f, "  \"downsample_padding\": 1,\n  \"flip_sin_to_cos\": true,\n  \"freq_shift\": 0,\n");
    fprintf(f, "  \"in_channels\": %d,\n  \"layers_per_block\": %d,\n", u->in_channels, u->res_blocks);
    fprintf(f, "  \"mid_block_scale_factor\": 1,\n  \"norm_eps\": 1e-05,\n  \"norm_num_groups\": %d,\n", u->groups);
    fprintf(f, "  \"out_channels\": %d,\n  \"sample_size\": %d,\n", u->out_channels, side);
    if (u->label)
        fprintf(f,
                "  \"addition_embed_type\": \"text_time\",\n  \"addition_embed_type_num_heads\": 64,\n"
                "  \"addition_time_embed_dim\": 256,\n  \"projection_class_embeddings_input_dim\": %d,\n",
                u->label);
    types(f, "up_block_types", u, true);
    depths(f, u);
    if (u->guidance) fprintf(f, "  \"time_cond_proj_dim\": %d,\n", u->guidance);
    fprintf(f, "  \"use_linear_projection\": %s\n}\n", u->linear_projection ? "true" : "false");
}

static void repeated(FILE *f, const char *name, const char *value, int times) {
    fprintf(f, "  \"%s\": [", name);
    for (int i = 0; i < times; i++) fprintf(f, "%s\"%s\"", i ? ", " : "", value);
    fprintf(f, "],\n");
}

static void vae(FILE *f, const VaeConfig *v) {
    fprintf(f, "{\n  \"_class_name\": \"AutoencoderKL\",\n  \"_diffusers_version\": \"0.6.0\",\n");
    fprintf(f, "  \"act_fn\": \"silu\",\n");
    list(f, "block_out_channels", v->levels, v->mult, v->channels);
    repeated(f, "down_block_types", "DownEncoderBlock2D", v->levels);
    fprintf(f, "  \"in_channels\": 3,\n  \"latent_channels\": %d,\n", v->latent);
    fprintf(f, "  \"layers_per_block\": %d,\n  \"norm_num_groups\": %d,\n", v->res_blocks, v->groups);
    fprintf(f, "  \"out_channels\": 3,\n  \"sample_size\": 512,\n  \"scaling_factor\": %.9g,\n", v->scale);
    for (int i = 0; v->statistics && i < 2; i++) {
        fprintf(f, "  \"latents_%s\": [", i ? "std" : "mean");
        for (int k = 0; k < v->latent; k++) fprintf(f, "%s%.17g", k ? ", " : "", (i ? v->std : v->mean)[k]);
        fprintf(f, "],\n");
    }
    repeated(f, "up_block_types", "UpDecoderBlock2D", v->levels);
    fprintf(f, "  \"force_upcast\": true\n}\n");
}

static void text(FILE *f, const ClipConfig *c) {
    fprintf(f, "{\n  \"architectures\": [\"CLIPTextModel%s\"],\n", c->pooled ? "WithProjection" : "");
    fprintf(f, "  \"attention_dropout\": 0.0,\n  \"bos_token_id\": 0,\n");
    fprintf(f, "  \"eos_token_id\": 2,\n  \"hidden_act\": \"%s\",\n", c->act == ACT_GELU ? "gelu" : "quick_gelu");
    fprintf(f, "  \"hidden_size\": %d,\n  \"intermediate_size\": %d,\n", c->width, c->mlp);
    fprintf(f, "  \"layer_norm_eps\": 1e-05,\n  \"max_position_embeddings\": %d,\n", c->positions);
    fprintf(f, "  \"model_type\": \"clip_text_model\",\n  \"num_attention_heads\": %d,\n", c->heads);
    fprintf(f, "  \"num_hidden_layers\": %d,\n  \"pad_token_id\": 1,\n  \"projection_dim\": %d,\n", c->layers,
            c->pooled ? c->pooled : c->width);
    fprintf(f, "  \"torch_dtype\": \"float32\",\n  \"vocab_size\": %d\n}\n", c->vocabulary);
}

static void scheduler(FILE *f, const SdConfig *k) {
    fprintf(f,
            "{\n  \"_class_name\": \"PNDMScheduler\",\n  \"_diffusers_version\": \"0.6.0\",\n"
            "  \"beta_end\": 0.012,\n  \"beta_schedule\": \"scaled_linear\",\n  \"beta_start\": 0.00085,\n"
            "  \"num_train_timesteps\": 1000,\n  \"prediction_type\": \"%s\",\n  \"set_alpha_to_one\": false,\n"
            "  \"skip_prk_steps\": true,\n  \"steps_offset\": 1,\n  \"trained_betas\": null,\n"
            "  \"clip_sample\": false\n}\n",
            k->prediction == PREDICT_V ? "v_prediction" : "epsilon");
}

static void index_file(FILE *f, const SdConfig *k) {
    bool xl = k->unet.label, refines = config_sizes(k) == 5;
    fprintf(f, "{\n  \"_class_name\": \"StableDiffusion%sPipeline\",\n  \"_diffusers_version\": \"0.6.0\",\n",
            refines ? "XLImg2Img"
            : xl    ? "XL"
                    : "");
    fprintf(f, "  \"scheduler\": [\"diffusers\", \"PNDMScheduler\"],\n");
    if (xl) fprintf(f, "  \"force_zeros_for_empty_prompt\": %s,\n", refines ? "false" : "true");
    if (refines) fprintf(f, "  \"requires_aesthetics_score\": true,\n  \"text_encoder\": [null, null],\n");
    if (xl)
        fprintf(f, "  \"text_encoder_2\": [\"transformers\", \"CLIPTextModelWithProjection\"],\n"
                   "  \"tokenizer_2\": [\"transformers\", \"CLIPTokenizer\"],\n");
    if (!refines)
        fprintf(f, "  \"text_encoder\": [\"transformers\", \"CLIPTextModel\"],\n"
                   "  \"tokenizer\": [\"transformers\", \"CLIPTokenizer\"],\n");
    fprintf(f, "  \"unet\": [\"diffusers\", \"UNet2DConditionModel\"],\n"
               "  \"vae\": [\"diffusers\", \"AutoencoderKL\"]\n}\n");
}

bool write_model_json(const char *path, const char *part, const SdConfig *k) {
    FILE *f = fopen(path, "w");
    if (!f) return false;
    int side = k->width ? k->width >> (k->vae.levels - 1) : 64;
    if (!strcmp(part, "unet")) unet(f, &k->unet, side ? side : 1);
    else if (!strcmp(part, "vae")) vae(f, &k->vae);
    else if (!strcmp(part, "text_encoder")) text(f, &k->clip[0]);
    else if (!strcmp(part, "text_encoder_2")) text(f, &k->clip[k->encoders - 1]);
    else if (!strcmp(part, "scheduler")) scheduler(f, k);
    else index_file(f, k);
    bool ok = !ferror(f);
    return fclose(f) == 0 && ok;
}
