#include "families.h"

#include <stdio.h>
#include <string.h>

#define UNET "model.diffusion_model."
#define VAE "first_stage_model."
#define CLIP "cond_stage_model.transformer.text_model."
#define OPEN_CLIP "cond_stage_model.model."

/* --- a single file: shapes tell --- */

static const FileTensor *find(const Checkpoint *c, const char *format, int i, int j) {
    char name[192];
    snprintf(name, sizeof name, format, i, j); /* formats are this file's own */
    return checkpoint_find(c, name).tensor;
}

static int size(const FileTensor *t, int dim) { return t && dim < t->nd && t->n[dim] <= 1 << 20 ? (int)t->n[dim] : 0; }

/* What a file that is not SD 1.x or 2.x looks like, by a key that only that family has. */
static bool refuse_others(const Checkpoint *c, Error *e) {
    static const struct {
        const char *key, *what;
    } OTHERS[] = {
        {"conditioner.embedders.1.model.ln_final.weight", "an SDXL model; this version runs SD 1.x"},
        {"conditioner.embedders.0.model.ln_final.weight", "an SDXL refiner; this version runs SD 1.x"},
        {"conditioner.embedders.0.transformer.text_model.final_layer_norm.weight",
         "an SDXL model; this version runs SD 1.x"},
        {"model.diffusion_model.x_embedder.proj.weight", "an SD 3 model; this version runs SD 1.x"},
        {"model.diffusion_model.double_blocks.0.img_attn.qkv.weight", "a Flux model; this version runs SD 1.x"},
        {"double_blocks.0.img_attn.qkv.weight", "a Flux model; this version runs SD 1.x"},
        {"control_model.time_embed.0.weight", "a ControlNet, not a whole model; give a checkpoint to -m"},
        {"string_to_param", "a textual-inversion embedding, not a model; give a checkpoint to -m"},
        {"emb_params", "a textual-inversion embedding, not a model; give a checkpoint to -m"},
        {"encoder.conv_in.weight", "a VAE alone, not a whole model; give a checkpoint to -m"},
        {"conv_in.weight",
         "one part of a diffusers folder, not a whole model; give the folder that holds model_index.json"},
        {"text_model.embeddings.token_embedding.weight",
         "a text encoder alone, not a whole model; give a checkpoint to -m"},
        {"noise", "a file of activations (made by --taps), not a model; give a checkpoint to -m"},
    };
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
        if (checkpoint_find(c, OTHERS[i].key).tensor)
            return error_set(e, ERR_FORMAT, "%s: is %s", c->path, OTHERS[i].what);
    for (size_t i = 0; c->file && i < c->file->count; i++)
        if (strstr(c->file->tensors[i].name, "lora_") || strstr(c->file->tensors[i].name, ".lora"))
            return error_set(e, ERR_FORMAT, "%s: is a LoRA, not a model; give a checkpoint to -m", c->path);
    return error_set(e, ERR_FORMAT,
                     "%s: holds no Stable Diffusion checkpoint (no " UNET
                     "input_blocks.0.0.weight among its %lld tensors); give an SD 1.x file or a diffusers folder",
                     c->path, (long long)checkpoint_tensors(c));
}

static bool incomplete(const Checkpoint *c, const char *part, const char *key, Error *e) {
    return error_set(e, ERR_FORMAT, "%s: holds no %s (%s is missing); use a full checkpoint", c->path, part, key);
}

static int transformer_depth(const Checkpoint *c, const char *format, int block) {
    int depth = 0;
    while (depth < 64 && find(c, format, block, depth)) depth++;
    return depth;
}

static void detect_unet(const Checkpoint *c, UnetConfig *u) {
    const FileTensor *first = find(c, UNET "input_blocks.0.0.weight", 0, 0);
    const FileTensor *last = find(c, UNET "out.2.weight", 0, 0);
    u->channels = size(first, 0);
    u->in_channels = size(first, 1);
    u->out_channels = size(last, 0);
    u->levels = 1;
    int blocks = 0, at_level = 0;
    for (int i = 1; i < MAX_LEVELS * 16; i++) {
        const FileTensor *conv = find(c, UNET "input_blocks.%d.0.in_layers.2.weight", i, 0);
        if (conv) {
            if (u->levels > MAX_LEVELS) break;
            if (u->channels) u->mult[u->levels - 1] = size(conv, 0) / u->channels;
            u->depth[u->levels - 1] =
                transformer_depth(c, UNET "input_blocks.%d.1.transformer_blocks.%d.norm1.weight", i);
            blocks = ++at_level;
        } else if (find(c, UNET "input_blocks.%d.0.op.weight", i, 0)) {
            u->levels++;
            at_level = 0;
        } else break;
    }
    u->res_blocks = blocks;
    u->middle_depth = transformer_depth(c, UNET "middle_block.%d.transformer_blocks.%d.norm1.weight", 1);
    u->context = size(find(c, UNET "middle_block.1.transformer_blocks.0.attn2.to_k.weight", 0, 0), 1);
    const FileTensor *proj = find(c, UNET "middle_block.1.proj_in.weight", 0, 0);
    u->linear_projection = proj && proj->nd == 2;
}

static void detect_vae(const Checkpoint *c, VaeConfig *v) {
    v->channels = size(find(c, VAE "decoder.norm_out.weight", 0, 0), 0);
    v->latent = size(find(c, VAE "decoder.conv_in.weight", 0, 0), 1);
    v->levels = v->res_blocks = 0;
    for (int i = 0; i < MAX_LEVELS; i++) {
        const FileTensor *conv = find(c, VAE "decoder.up.%d.block.0.conv1.weight", i, 0);
        if (!conv) break;
        if (v->channels) v->mult[i] = size(conv, 0) / v->channels;
        v->levels++;
    }
    while (v->res_blocks < 16 && find(c, VAE "decoder.up.0.block.%d.conv1.weight", v->res_blocks, 0)) v->res_blocks++;
    v->res_blocks--; /* the decoder has one more than the encoder */
}

static bool detect_clip(const Checkpoint *c, ClipConfig *k, Error *e) {
    const FileTensor *tokens = find(c, CLIP "embeddings.token_embedding.weight", 0, 0);
    k->open_clip = !tokens;
    if (!tokens) tokens = find(c, OPEN_CLIP "token_embedding.weight", 0, 0);
    if (!tokens) return incomplete(c, "text encoder", CLIP "embeddings.token_embedding.weight", e);
    k->vocabulary = size(tokens, 0);
    k->width = size(tokens, 1);
    k->positions = size(
        find(c, k->open_clip ? OPEN_CLIP "positional_embedding" : CLIP "embeddings.position_embedding.weight", 0, 0),
        0);
    k->layers = 0;
    while (k->layers < 256 && find(c,
                                   k->open_clip ? OPEN_CLIP "transformer.resblocks.%d.ln_1.weight"
                                                : CLIP "encoder.layers.%d.layer_norm1.weight",
                                   k->layers, 0))
        k->layers++;
    k->mlp = size(find(c,
                       k->open_clip ? OPEN_CLIP "transformer.resblocks.0.mlp.c_fc.weight"
                                    : CLIP "encoder.layers.0.mlp.fc1.weight",
                       0, 0),
                  0);
    k->heads = k->width / 64; /* of every CLIP text encoder in use */
    k->act = k->open_clip ? ACT_GELU : ACT_QUICK_GELU;
    k->penultimate = k->open_clip;
    k->pad = k->open_clip ? 0 : 49407;
    return true;
}

static bool detect_single(const Checkpoint *c, SdConfig *out, Error *e) {
    if (!checkpoint_find(c, UNET "input_blocks.0.0.weight").tensor) return refuse_others(c, e);
    if (!checkpoint_find(c, VAE "decoder.conv_in.weight").tensor)
        return incomplete(c, "VAE", VAE "decoder.conv_in.weight", e);
    detect_unet(c, &out->unet);
    detect_vae(c, &out->vae);
    if (!detect_clip(c, &out->clip, e)) return false;
    bool second = out->clip.open_clip;
    out->unet.heads = second ? 0 : 8;
    out->unet.head_dim = second ? 64 : 0;
    snprintf(out->family, sizeof out->family, second ? "SD 2.x" : "SD 1.x");
    return true;
}

/* --- a diffusers folder: its configurations tell --- */

static int number(const Json *j, const char *key, int otherwise) {
    int64_t v;
    return json_int(json_get(j, &j->nodes[0], key), &v) && v >= 0 && v <= 1 << 20 ? (int)v : otherwise;
}

/* An int, or the i-th of a list. */
static int number_at(const Json *j, const char *key, int i, int otherwise) {
    const JsonNode *n = json_get(j, &j->nodes[0], key);
    if (!n || n->type != JSON_ARRAY) return number(j, key, otherwise);
    int64_t v, at = n->child;
    while (i-- > 0 && at >= 0) at = j->nodes[at].next;
    return at >= 0 && json_int(&j->nodes[at], &v) && v >= 0 && v <= 1 << 20 ? (int)v : otherwise;
}

static int length(const Json *j, const char *key) {
    const JsonNode *n = json_get(j, &j->nodes[0], key);
    return n && n->type == JSON_ARRAY ? (int)n->count : 0;
}

static bool is_text(const Json *j, const JsonNode *n, const char *text) {
    (void)j;
    return n && n->type == JSON_STRING && !strcmp(n->text, text);
}

static void channels_of(const Json *j, int *levels, int *channels, int mult[MAX_LEVELS]) {
    *levels = length(j, "block_out_channels");
    *channels = number_at(j, "block_out_channels", 0, 0);
    for (int i = 0; i < *levels && i < MAX_LEVELS; i++)
        mult[i] = *channels ? number_at(j, "block_out_channels", i, 0) / *channels : 0;
}

static void unet_from_json(const Json *j, UnetConfig *u) {
    channels_of(j, &u->levels, &u->channels, u->mult);
    u->in_channels = number(j, "in_channels", 4);
    u->out_channels = number(j, "out_channels", 4);
    u->res_blocks = number(j, "layers_per_block", 2);
    u->context = number(j, "cross_attention_dim", 0);
    u->groups = number(j, "norm_num_groups", 32);
    const JsonNode *linear = json_get(j, &j->nodes[0], "use_linear_projection");
    u->linear_projection = linear && linear->type == JSON_TRUE;
    const JsonNode *types = json_get(j, &j->nodes[0], "down_block_types");
    int64_t at = types && types->type == JSON_ARRAY ? types->child : -1;
    for (int i = 0; i < u->levels && i < MAX_LEVELS; i++) {
        bool cross = at >= 0 ? is_text(j, &j->nodes[at], "CrossAttnDownBlock2D") : i + 1 < u->levels;
        u->depth[i] = cross ? number_at(j, "transformer_layers_per_block", i, 1) : 0;
        if (at >= 0) at = j->nodes[at].next;
    }
    u->middle_depth = number_at(j, "transformer_layers_per_block", u->levels - 1, 1);
    /* "attention_head_dim" is the number of heads, an old misnomer that diffusers keeps; a list gives a fixed width */
    int heads = number_at(j, "attention_head_dim", 0, 8);
    const JsonNode *list = json_get(j, &j->nodes[0], "attention_head_dim");
    u->heads = list && list->type == JSON_ARRAY ? 0 : heads;
    u->head_dim = !u->heads && heads ? u->channels / heads : 0;
}

static bool detect_folder(const Checkpoint *c, SdConfig *out, Error *e) {
    const Json *unet = checkpoint_part(c, "unet")->config, *vae = checkpoint_part(c, "vae")->config;
    const Json *text = checkpoint_part(c, "text_encoder")->config;
    if (json_get(unet, &unet->nodes[0], "addition_embed_type") &&
        json_get(unet, &unet->nodes[0], "addition_embed_type")->type == JSON_STRING)
        return error_set(e, ERR_FORMAT, "%s: is an SDXL model, which this version cannot run; use SD 1.x", c->path);
    unet_from_json(unet, &out->unet);
    VaeConfig *v = &out->vae;
    channels_of(vae, &v->levels, &v->channels, v->mult);
    v->res_blocks = number(vae, "layers_per_block", 2);
    v->latent = number(vae, "latent_channels", 4);
    v->groups = number(vae, "norm_num_groups", 32);
    if (!json_double(json_get(vae, &vae->nodes[0], "scaling_factor"), &v->scale)) v->scale = 0.18215;
    ClipConfig *k = &out->clip;
    k->vocabulary = number(text, "vocab_size", 49408);
    k->positions = number(text, "max_position_embeddings", 77);
    k->width = number(text, "hidden_size", 0);
    k->layers = number(text, "num_hidden_layers", 0);
    k->heads = number(text, "num_attention_heads", 0);
    k->mlp = number(text, "intermediate_size", 0);
    bool gelu = is_text(text, json_get(text, &text->nodes[0], "hidden_act"), "gelu");
    k->act = gelu ? ACT_GELU : ACT_QUICK_GELU;
    k->open_clip = k->penultimate = false; /* diffusers ships SD 2.x's encoder without its last layer, in these names */
    k->pad = gelu ? 0 : 49407;
    const Json *s = c->scheduler;
    if (s && is_text(s, json_get(s, &s->nodes[0], "prediction_type"), "v_prediction")) out->prediction = PREDICT_V;
    snprintf(out->family, sizeof out->family, gelu ? "SD 2.x" : "SD 1.x");
    return true;
}

bool detect_config(Checkpoint *c, SdConfig *out, Error *e) {
    *out = config_sd1();
    if (c->layout == CHECKPOINT_DIFFUSERS) {
        if (!detect_folder(c, out, e)) return false;
        c->res_blocks = out->unet.res_blocks;
        c->levels = out->unet.levels;
        c->vae_levels = out->vae.levels;
        if (out->unet.levels > MAX_LEVELS || out->vae.levels > MAX_LEVELS)
            return error_set(e, ERR_FORMAT, "%s: has more than %d levels", c->path, MAX_LEVELS);
        return config_check(out, c->path, e);
    }
    const char *own = weight_file_meta(c->file, "sdc.config");
    if (own) return config_from_json(out, c->path, own, e);
    return detect_single(c, out, e) && config_check(out, c->path, e);
}
