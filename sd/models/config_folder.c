/* config_folder.c: the configurations of a diffusers folder tell how the model is built. */
#include "config_detect.h"

#include <string.h>

static int number(const Json *j, const char *key, int otherwise) {
    int64_t v;
    return json_int(json_get(j, &j->nodes[0], key), &v) && v >= 0 && v <= 1 << 20 ? (int)v : otherwise;
}

/* A number, or the i-th of a list. */
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

static bool is_text(const JsonNode *n, const char *text) {
    return n && n->type == JSON_STRING && !strcmp(n->text, text);
}

static void channels_of(const Json *j, int *levels, int *channels, int mult[MAX_LEVELS]) {
    *levels = length(j, "block_out_channels");
    *channels = number_at(j, "block_out_channels", 0, 0);
    for (int i = 0; i < MAX_LEVELS; i++)
        mult[i] = i < *levels && *channels ? number_at(j, "block_out_channels", i, 0) / *channels : 0;
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
    memset(u->depth, 0, sizeof u->depth);
    for (int i = 0; i < u->levels && i < MAX_LEVELS; i++) {
        bool cross = at >= 0 ? is_text(&j->nodes[at], "CrossAttnDownBlock2D") : i + 1 < u->levels;
        u->depth[i] = cross ? number_at(j, "transformer_layers_per_block", i, 1) : 0;
        if (at >= 0) at = j->nodes[at].next;
    }
    u->middle_depth = number_at(j, "transformer_layers_per_block", u->levels - 1, 1);
    /* "attention_head_dim" is the number of heads, an old misnomer that diffusers keeps; a list means a fixed width. */
    int heads = number_at(j, "attention_head_dim", 0, 8);
    const JsonNode *list = json_get(j, &j->nodes[0], "attention_head_dim");
    u->heads = list && list->type == JSON_ARRAY ? 0 : heads;
    u->head_dim = !u->heads && heads ? u->channels / heads : 0;
}

bool config_from_folder(const Checkpoint *c, SdConfig *out, Error *e) {
    const Json *unet = checkpoint_part(c, "unet")->config, *vae = checkpoint_part(c, "vae")->config;
    const Json *text = checkpoint_part(c, "text_encoder")->config;
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
    k->open_clip = k->penultimate = false; /* SD 2.x's encoder has CLIP's names here and lacks its last layer */
    const Json *s = c->scheduler;
    if (s && is_text(json_get(s, &s->nodes[0], "prediction_type"), "v_prediction")) out->prediction = PREDICT_V;
    if (out->unet.levels <= MAX_LEVELS && v->levels <= MAX_LEVELS) return true;
    return error_set(e, ERR_FORMAT, "%s: has more than %d levels", c->path, MAX_LEVELS);
}
