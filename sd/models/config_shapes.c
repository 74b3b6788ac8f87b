/* config_shapes.c: the names and shapes of a single file's tensors tell how the model is built. */
#include "config_detect.h"

#include <stdio.h>
#include <string.h>

static const FileTensor *find(const Checkpoint *c, const char *format, int i, int j) {
    char name[192];
    snprintf(name, sizeof name, format, i, j); /* formats are this file's own */
    return checkpoint_find(c, name).tensor;
}

/* The input channels of a convolution, which are the last dimension of a converted file's. */
static int inputs(const Checkpoint *c, const char *name) {
    Found f = checkpoint_find(c, name);
    return file_tensor_size(f.tensor, f.tensor && f.file->channels_last && f.tensor->nd == 4 ? 3 : 1);
}

static int transformer_depth(const Checkpoint *c, const char *format, int block) {
    int depth = 0;
    while (depth < 64 && find(c, format, block, depth)) depth++;
    return depth;
}

/* By the width that attn1's keys are made of; where the text is as wide as the level, *u is left as it is. */
static void detect_only_cross(const Checkpoint *c, UnetConfig *u) {
    for (int level = 0; level < u->levels && level < MAX_LEVELS; level++) {
        const FileTensor *keys = NULL;
        for (int i = 0; i < u->res_blocks && !keys; i++)
            keys = find(c, KEY_UNET "input_blocks.%d.1.transformer_blocks.%d.attn1.to_k.weight",
                        level * (u->res_blocks + 1) + i + 1, 0);
        const int wide = file_tensor_size(keys, 1);
        if (!keys) u->only_cross[level] = 0;
        else if (u->context != u->channels * u->mult[level]) u->only_cross[level] = wide == u->context;
    }
}

static void detect_unet(const Checkpoint *c, UnetConfig *u) {
    const FileTensor *last = find(c, KEY_UNET "out.2.weight", 0, 0);
    u->channels = file_tensor_size(find(c, KEY_UNET "input_blocks.0.0.weight", 0, 0), 0);
    u->in_channels = inputs(c, KEY_UNET "input_blocks.0.0.weight");
    u->out_channels = file_tensor_size(last, 0);
    u->levels = 1;
    memset(u->mult, 0, sizeof u->mult);
    memset(u->depth, 0, sizeof u->depth);
    int blocks = 0, at_level = 0;
    for (int i = 1; i < MAX_LEVELS * 16; i++) {
        const FileTensor *conv = find(c, KEY_UNET "input_blocks.%d.0.in_layers.2.weight", i, 0);
        if (conv) {
            if (u->levels > MAX_LEVELS) break;
            if (u->channels) u->mult[u->levels - 1] = file_tensor_size(conv, 0) / u->channels;
            int is = transformer_depth(c, KEY_UNET "input_blocks.%d.1.transformer_blocks.%d.norm1.weight", i);
            if (is > u->depth[u->levels - 1]) u->depth[u->levels - 1] = is;
            blocks = ++at_level;
        } else if (find(c, KEY_UNET "input_blocks.%d.0.op.weight", i, 0)) {
            u->levels++;
            at_level = 0;
        } else break;
    }
    u->res_blocks = blocks;
    u->guidance = file_tensor_size(find(c, KEY_UNET "time_embed.cond_proj.weight", 0, 0), 1);
    u->middle_depth = transformer_depth(c, KEY_UNET "middle_block.%d.transformer_blocks.%d.norm1.weight", 1);
    const FileTensor *keys = find(c, KEY_UNET "middle_block.1.transformer_blocks.0.attn2.to_k.weight", 0, 0);
    const FileTensor *proj = find(c, KEY_UNET "middle_block.1.proj_in.weight", 0, 0);
    u->uneven = !u->middle_depth && !find(c, KEY_UNET "middle_block.1.norm.weight", 0, 0); /* made smaller */
    if (u->uneven && !find(c, KEY_UNET "middle_block.0.in_layers.2.weight", 0, 0)) u->middle_depth = -1;
    for (int i = 0; u->uneven && !keys && i < MAX_OUTPUTS; i++) {
        keys = find(c, KEY_UNET "output_blocks.%d.1.transformer_blocks.0.attn2.to_k.weight", i, 0);
        proj = find(c, KEY_UNET "output_blocks.%d.1.proj_in.weight", i, 0);
    }
    u->context = file_tensor_size(keys, 1);
    u->linear_projection = proj && proj->nd == 2;
    u->label = file_tensor_size(find(c, KEY_UNET "label_emb.0.0.weight", 0, 0), 1);
    u->classes = file_tensor_size(find(c, KEY_UNET "label_emb.weight", 0, 0), 0);
    detect_only_cross(c, u);
}

/* The deepest of a level's blocks on the way up, too. */
static void detect_output_depth(const Checkpoint *c, UnetConfig *u) {
    int period = u->res_blocks + 1;
    for (int i = 0; u->levels <= MAX_LEVELS && i < u->levels * period; i++) {
        int *depth = &u->depth[u->levels - 1 - i / period];
        int is = transformer_depth(c, KEY_UNET "output_blocks.%d.1.transformer_blocks.%d.norm1.weight", i);
        if (u->uneven && i < MAX_OUTPUTS) u->up_depth[i] = is;
        else if (is > *depth) *depth = is;
    }
}

static void detect_vae(const Checkpoint *c, VaeConfig *v) {
    if (!find(c, KEY_VAE "decoder.conv_in.weight", 0, 0)) return; /* a TAESD is in its place */
    v->channels = file_tensor_size(find(c, KEY_VAE "decoder.norm_out.weight", 0, 0), 0);
    v->latent = inputs(c, KEY_VAE "decoder.conv_in.weight");
    v->levels = v->res_blocks = 0;
    memset(v->mult, 0, sizeof v->mult);
    for (int i = 0; i < MAX_LEVELS; i++) {
        const FileTensor *conv = find(c, KEY_VAE "decoder.up.%d.block.0.conv1.weight", i, 0);
        if (!conv) break;
        if (v->channels) v->mult[i] = file_tensor_size(conv, 0) / v->channels;
        v->levels++;
    }
    while (v->res_blocks < 16 && find(c, KEY_VAE "decoder.up.0.block.%d.conv1.weight", v->res_blocks, 0))
        v->res_blocks++;
    v->res_blocks--; /* the decoder has one more than the encoder */
}

const char *key_encoder(const SdConfig *c, int i, char out[KEY_ENCODER_SIZE]) {
    const char *last = c->clip[i].open_clip ? "model." : "transformer.";
    if (c->conditioner) snprintf(out, KEY_ENCODER_SIZE, "conditioner.embedders.%d.%s", i, last);
    else snprintf(out, KEY_ENCODER_SIZE, "cond_stage_model.%s", last);
    return out;
}

/* A tensor of encoder i, of one name in open_clip and of another in Hugging Face's; with a number in it. */
static const FileTensor *find_text(const Checkpoint *c, const SdConfig *k, int i, const char *open, const char *hugging,
                                   int number) {
    char prefix[KEY_ENCODER_SIZE], format[160];
    snprintf(format, sizeof format, "%s%s", key_encoder(k, i, prefix), k->clip[i].open_clip ? open : hugging);
    return find(c, format, number, 0);
}

static void detect_clip(const Checkpoint *c, SdConfig *all, int i) {
    ClipConfig *k = &all->clip[i];
    int published = k->layers, width = k->width;
    const FileTensor *tokens =
        find_text(c, all, i, "token_embedding.weight", "text_model.embeddings.token_embedding.weight", 0);
    const FileTensor *positions =
        find_text(c, all, i, "positional_embedding", "text_model.embeddings.position_embedding.weight", 0);
    k->vocabulary = file_tensor_size(tokens, 0);
    k->width = file_tensor_size(tokens, 1);
    k->positions = file_tensor_size(positions, 0);
    k->layers = 0;
    while (k->layers < 256 && find_text(c, all, i, "transformer.resblocks.%d.ln_1.weight",
                                        "text_model.encoder.layers.%d.layer_norm1.weight", k->layers))
        k->layers++;
    k->mlp = file_tensor_size(find_text(c, all, i, "transformer.resblocks.0.mlp.c_fc.weight",
                                        "text_model.encoder.layers.0.mlp.fc1.weight", 0),
                              0);
    if (k->layer == 2 && !k->pooled && k->layers == published - 1) k->layer = 1; /* without its last */
    if (k->width != width) k->heads = k->width / 64;                             /* of every CLIP text encoder in use */
    const FileTensor *projection = find_text(c, all, i, "text_projection", "text_projection.weight", 0);
    if (k->pooled) k->pooled = file_tensor_size(projection, k->open_clip ? 1 : 0);
}

/* A text encoder may have Hugging Face's names where the family's files have open_clip's, or the other way round. */
static void detect_names(const Checkpoint *c, SdConfig *all, int i) {
    ClipConfig *k = &all->clip[i];
    static const char OPEN[] = "token_embedding.weight", HUGGING[] = "text_model.embeddings.token_embedding.weight";
    if (!find_text(c, all, i, OPEN, HUGGING, 0)) k->open_clip = !k->open_clip;
}

void config_given_shapes(const Checkpoint *c, SdConfig *out) {
    static const GivenPart TEXTS[MAX_ENCODERS] = {GIVEN_TEXT, GIVEN_TEXT_2};
    if (checkpoint_is_given(c, GIVEN_UNET)) {
        detect_unet(c, &out->unet);
        detect_output_depth(c, &out->unet);
    }
    if (checkpoint_is_given(c, GIVEN_VAE)) detect_vae(c, &out->vae);
    for (int i = 0; i < out->encoders; i++) {
        if (!checkpoint_is_given(c, TEXTS[i])) continue;
        detect_names(c, out, i);
        detect_clip(c, out, i);
    }
}

void config_from_shapes(const Checkpoint *c, SdConfig *out) {
    detect_unet(c, &out->unet);
    detect_output_depth(c, &out->unet);
    detect_vae(c, &out->vae);
    for (int i = 0; i < out->encoders; i++) detect_names(c, out, i), detect_clip(c, out, i);
}
