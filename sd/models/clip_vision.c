#include "clip_vision.h"

#include "config_detect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int clip_vision_pixels(const ClipVisionConfig *k) { return k->patch * k->side; }
int clip_vision_tokens(const ClipVisionConfig *k) { return k->side * k->side + 1; }

/* --- from a file --- */

static int size(const Checkpoint *c, const char *name, int dim) {
    char key[160];
    snprintf(key, sizeof key, KEY_VISION "%s", name);
    return file_tensor_size(checkpoint_find(c, key).tensor, dim);
}

/* Published encoders, by their width; a folder says it itself. */
static void set_published(ClipVisionConfig *k) {
    k->heads = k->width == 768 ? 12 : 16;                  /* B; L, H, bigG */
    k->act = k->width <= 1024 ? ACT_QUICK_GELU : ACT_GELU; /* OpenAI's; LAION's */
}

static bool read_config(const Checkpoint *c, ClipVisionConfig *k, Error *e) {
    const Json *json = c->given[GIVEN_VISION].config;
    const JsonNode *root = json ? json->nodes : NULL, *n;
    const char *path = checkpoint_path(c, GIVEN_VISION);
    int64_t heads;
    if (!root) return true;
    if ((n = json_get(json, root, "num_attention_heads"))) {
        if (!json_int(n, &heads) || heads < 1 || heads > 1024)
            return error_set(e, ERR_FORMAT, "%s: config.json: num_attention_heads is not in 1..1024", path);
        k->heads = (int)heads;
    }
    if ((n = json_get(json, root, "hidden_act"))) {
        k->act = n->type != JSON_STRING           ? ACT_NONE
                 : !strcmp(n->text, "gelu")       ? ACT_GELU
                 : !strcmp(n->text, "quick_gelu") ? ACT_QUICK_GELU
                                                  : ACT_NONE;
        if (k->act == ACT_NONE)
            return error_set(e, ERR_FORMAT, "%s: config.json: hidden_act must be gelu or quick_gelu", path);
    }
    return true;
}

bool clip_vision_from_shapes(const Checkpoint *c, ClipVisionConfig *k, Error *e) {
    const char *path = checkpoint_path(c, GIVEN_VISION);
    char name[80];
    *k = (ClipVisionConfig){.width = size(c, "vision_model.embeddings.class_embedding", 0),
                            .mlp = size(c, "vision_model.encoder.layers.0.mlp.fc1.weight", 0),
                            .patch = size(c, "vision_model.embeddings.patch_embedding.weight", 2),
                            .projected = size(c, "visual_projection.weight", 0)};
    int tokens = size(c, "vision_model.embeddings.position_embedding.weight", 0);
    while (k->side * k->side + 1 < tokens) k->side++;
    do {
        snprintf(name, sizeof name, "vision_model.encoder.layers.%d.layer_norm1.weight", k->layers);
    } while (size(c, name, 0) && k->layers++ < 256);
    set_published(k);
    if (!read_config(c, k, e)) return false;
    if (!k->width || !k->mlp || k->patch < 1 || k->patch > 64 || !k->projected || k->layers < 1 || k->side < 1 ||
        k->side > 64 || clip_vision_tokens(k) != tokens || k->width % k->heads)
        return error_set(e, ERR_FORMAT, "%s: is no vision encoder of CLIP that is supported; name another file", path);
    return true;
}

bool clip_vision_bind(ClipVision *m, const ClipVisionConfig *k, WeightList *l) {
    *m = (ClipVision){.config = *k};
    m->layers = calloc((size_t)k->layers, sizeof *m->layers);
    if (!m->layers) return error_set(l->err, ERR_MEMORY, "out of memory for the vision encoder's layers");
    size_t mark = bind_enter(l, "vision_model."), part = bind_enter(l, "embeddings.");
    bind_weight(l, &m->class_token, WEIGHT_VECTOR, "class_embedding", 1, SHAPE(k->width));
    bind_conv_plain(l, &m->patches, "patch_embedding", 3, k->width, k->patch);
    bind_weight(l, &m->positions, WEIGHT_VECTOR, "position_embedding.weight", 2,
                SHAPE(clip_vision_tokens(k), k->width));
    bind_leave(l, part);
    bind_norm(l, &m->first, "pre_layrnorm", k->width, 0, 1e-5f); /* spelt so */
    for (int i = 0; i < k->layers; i++) {
        part = bind_enter(l, "encoder.layers.%d.", i);
        bind_clip_layer(l, &m->layers[i], k->width, k->mlp, k->heads, false);
        m->layers[i].causal = false;
        bind_leave(l, part);
    }
    bind_norm(l, &m->last, "post_layernorm", k->width, 0, 1e-5f);
    bind_leave(l, mark);
    bind_linear(l, &m->projection, "visual_projection", k->width, k->projected, false, false);
    return l->err->code == ERR_NONE;
}

void clip_vision_free(ClipVision *m) {
    free(m->layers);
    *m = (ClipVision){0};
}

/* --- forward --- */

static Tensor rows(Tensor x, int64_t first, int64_t count) { return tensor_slice(x, 1, first, count); }

/* The class token and the patches, each with its place. */
static void embed(Ctx *c, Tensor h, const ClipVision *m, Tensor x) {
    int64_t n = x.n[0], side = m->config.side, width = m->config.width;
    size_t scope = scope_begin(c);
    Tensor patches = tensor_new(c, 4, SHAPE(n, side, side, width));
    op_conv2d(c, patches, x, &m->patches.w, NULL, (Conv2d){.stride = m->config.patch}, PLAIN);
    op_affine(c, rows(h, 1, side * side), tensor_reshape(patches, 3, SHAPE(n, side * side, width)), 1, 0);
    Tensor token = tensor_view(m->class_token.t.data, F32, 3, SHAPE(1, 1, width));
    Tensor places = tensor_view(m->positions.t.data, F32, 3, SHAPE(1, side * side + 1, width));
    op_affine(c, rows(h, 0, 1), tensor_repeat(token, n), 1, 0);
    op_accumulate(c, h, tensor_repeat(places, n), 1);
    scope_end(c, scope);
}

void clip_vision_forward(Ctx *c, Tensor out, const ClipVision *m, Tensor x, bool pooled) {
    int64_t n = x.n[0];
    size_t scope = scope_begin(c);
    Tensor h = pooled ? tensor_new(c, 3, SHAPE(n, clip_vision_tokens(&m->config), m->config.width)) : out;
    embed(c, h, m, x);
    norm(c, h, &m->first, h, NULL, ACT_NONE);
    int end = pooled ? m->config.layers : m->config.layers - 1;
    for (int i = 0; i < end; i++) clip_layer(c, h, &m->layers[i], m->config.act);
    if (pooled) {
        Tensor token = tensor_new(c, 3, SHAPE(n, 1, m->config.width));
        norm(c, token, &m->last, rows(h, 0, 1), NULL, ACT_NONE);
        linear(c, out, &m->projection, token, NULL, PLAIN);
    }
    scope_end(c, scope);
}
