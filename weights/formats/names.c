#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* If *at begins with prefix, moves it past that and returns true. */
static bool eat(const char **at, const char *prefix) {
    size_t n = strlen(prefix);
    if (strncmp(*at, prefix, n)) return false;
    *at += n;
    return true;
}

/* The same for a number, 0..999. */
static bool eat_number(const char **at, int *out) {
    if (**at < '0' || **at > '9') return false;
    char *end;
    long v = strtol(*at, &end, 10);
    if (v > 999) return false;
    *at = end;
    *out = (int)v;
    return true;
}

typedef struct {
    const char *from, *to;
} Pair;

/* prefix + the first pair that matches + what follows it; prefix + rest when none matches. */
static bool put(char *out, size_t size, const char *prefix, const Pair *pairs, size_t count, const char *rest) {
    for (size_t i = 0; i < count; i++) {
        const char *at = rest;
        if (eat(&at, pairs[i].from) && (*at == '.' || !*at))
            return (size_t)snprintf(out, size, "%s%s%s", prefix, pairs[i].to, at) < size;
    }
    return (size_t)snprintf(out, size, "%s%s", prefix, rest) < size;
}

#define PAIRS(p) p, sizeof p / sizeof *p

static const Pair RESNET[] = {{"in_layers.0", "norm1"},          {"in_layers.2", "conv1"},
                              {"emb_layers.1", "time_emb_proj"}, {"out_layers.0", "norm2"},
                              {"out_layers.3", "conv2"},         {"skip_connection", "conv_shortcut"}};
static const Pair VAE_RESNET[] = {{"nin_shortcut", "conv_shortcut"}};
static const Pair VAE_ATTENTION[] = {
    {"norm", "group_norm"}, {"q", "to_q"}, {"k", "to_k"}, {"v", "to_v"}, {"proj_out", "to_out.0"}};
static const Pair UNET[] = {{"time_embed.0", "time_embedding.linear_1"},
                            {"time_embed.2", "time_embedding.linear_2"},
                            {"time_embed.cond_proj", "time_embedding.cond_proj"},
                            {"label_emb.0.0", "add_embedding.linear_1"},
                            {"label_emb.0.2", "add_embedding.linear_2"},
                            {"label_emb", "class_embedding"},
                            {"input_blocks.0.0", "conv_in"},
                            {"out.0", "conv_norm_out"},
                            {"out.2", "conv_out"}};

static bool unet_block(const char *at, bool output, int res_blocks, int levels, char *out, size_t size) {
    int block, part;
    char prefix[96];
    if (!eat_number(&at, &block) || !eat(&at, ".") || !eat_number(&at, &part) || !eat(&at, ".")) return false;
    int period = res_blocks + 1, level = (output ? block : block - 1) / period,
        index = (output ? block : block - 1) % period;
    if (level >= levels) return false;
    const char *side = output ? "up_blocks" : "down_blocks", *after;
    if (output ? strncmp(at, "conv.", 5) == 0 : strncmp(at, "op.", 3) == 0) {
        after = strchr(at, '.') + 1;
        const char *what = output ? "upsamplers" : "downsamplers";
        return (size_t)snprintf(out, size, "%s.%d.%s.0.conv.%s", side, level, what, after) < size;
    }
    if (!output && index == res_blocks) return false;
    snprintf(prefix, sizeof prefix, "%s.%d.%s.%d.", side, level, part ? "attentions" : "resnets", index);
    return part ? put(out, size, prefix, NULL, 0, at) : put(out, size, prefix, PAIRS(RESNET), at);
}

static bool unet_name(const char *at, int res_blocks, int levels, char *out, size_t size) {
    if (!strncmp(at, "input_blocks.0.", 15)) return put(out, size, "", PAIRS(UNET), at);
    if (eat(&at, "input_blocks.")) return unet_block(at, false, res_blocks, levels, out, size);
    if (eat(&at, "output_blocks.")) return unet_block(at, true, res_blocks, levels, out, size);
    if (eat(&at, "middle_block.")) {
        if (eat(&at, "0.")) return put(out, size, "mid_block.resnets.0.", PAIRS(RESNET), at);
        if (eat(&at, "1.")) return put(out, size, "mid_block.attentions.0.", NULL, 0, at);
        if (eat(&at, "2.")) return put(out, size, "mid_block.resnets.1.", PAIRS(RESNET), at);
        return false;
    }
    return put(out, size, "", PAIRS(UNET), at);
}

/* Of hint_levels resolutions the hint network has two convolutions each. */
static bool control_name(const char *at, int res_blocks, int levels, int hint_levels, char *out, size_t size) {
    int number;
    const char *rest = at;
    if (eat(&rest, "input_hint_block.") && eat_number(&rest, &number) && number % 2 == 0) {
        int last = 2 * hint_levels - 1, is = number / 2;
        static const char IN[] = "controlnet_cond_embedding.";
        if (!is) return (size_t)snprintf(out, size, "%sconv_in%s", IN, rest) < size;
        if (is == last) return (size_t)snprintf(out, size, "%sconv_out%s", IN, rest) < size;
        return is < last && (size_t)snprintf(out, size, "%sblocks.%d%s", IN, is - 1, rest) < size;
    }
    rest = at;
    if (eat(&rest, "body.") && eat_number(&rest, &number)) { /* of T2I-Adapters: two blocks a level */
        if (!strncmp(rest, ".in_conv.", 9)) return (size_t)snprintf(out, size, "body.%d%s", number / 2, rest) < size;
        return (size_t)snprintf(out, size, "body.%d.resnets.%d%s", number / 2, number % 2, rest) < size;
    }
    rest = at;
    if (eat(&rest, "zero_convs.") && eat_number(&rest, &number) && eat(&rest, ".0"))
        return (size_t)snprintf(out, size, "controlnet_down_blocks.%d%s", number, rest) < size;
    rest = at;
    if (eat(&rest, "middle_block_out.0")) return (size_t)snprintf(out, size, "controlnet_mid_block%s", rest) < size;
    return unet_name(at, res_blocks, levels, out, size);
}

static bool vae_name(const char *at, int levels, char *out, size_t size) {
    char prefix[96];
    const char *start = at;
    bool decoder = eat(&at, "decoder.");
    if (!decoder && !eat(&at, "encoder.")) return put(out, size, "", NULL, 0, start);
    const char *half = decoder ? "decoder" : "encoder";
    int level, block;
    if (eat(&at, "mid.")) {
        bool second = eat(&at, "block_2.");
        if (second || eat(&at, "block_1.")) {
            snprintf(prefix, sizeof prefix, "%s.mid_block.resnets.%d.", half, second);
            return put(out, size, prefix, PAIRS(VAE_RESNET), at);
        }
        if (!eat(&at, "attn_1.")) return false;
        snprintf(prefix, sizeof prefix, "%s.mid_block.attentions.0.", half);
        return put(out, size, prefix, PAIRS(VAE_ATTENTION), at);
    }
    if (eat(&at, decoder ? "up." : "down.")) {
        if (!eat_number(&at, &level) || level >= levels || !eat(&at, ".")) return false;
        if (decoder) level = levels - 1 - level; /* diffusers counts from the latent */
        const char *side = decoder ? "up" : "down";
        if (eat(&at, "block.") && eat_number(&at, &block) && eat(&at, ".")) {
            snprintf(prefix, sizeof prefix, "%s.%s_blocks.%d.resnets.%d.", half, side, level, block);
            return put(out, size, prefix, PAIRS(VAE_RESNET), at);
        }
        if (!eat(&at, decoder ? "upsample." : "downsample.")) return false;
        return (size_t)snprintf(out, size, "%s.%s_blocks.%d.%ssamplers.0.%s", half, side, level, side, at) < size;
    }
    snprintf(prefix, sizeof prefix, "%s.", half);
    static const Pair ENDS[] = {{"norm_out", "conv_norm_out"}};
    return put(out, size, prefix, PAIRS(ENDS), at);
}

bool name_to_diffusers(const char *key, int res_blocks, int levels, int vae_levels, char *part, size_t part_size,
                       char *out, size_t out_size) {
    const char *at = key, *name;
    bool ok;
    if (eat(&at, "model.diffusion_model.")) {
        name = "unet";
        ok = unet_name(at, res_blocks, levels, out, out_size);
    } else if (eat(&at, "control_model.")) {
        name = "controlnet";
        ok = control_name(at, res_blocks, levels, vae_levels, out, out_size);
    } else if (eat(&at, "first_stage_model.")) {
        name = "vae";
        ok = vae_name(at, vae_levels, out, out_size);
    } else if (eat(&at, "cond_stage_model.transformer.") || eat(&at, "conditioner.embedders.0.transformer.")) {
        name = "text_encoder";
        ok = put(out, out_size, "", NULL, 0, at);
    } else if (eat(&at, "conditioner.embedders.1.transformer.")) {
        name = "text_encoder_2";
        ok = put(out, out_size, "", NULL, 0, at);
    } else return false;
    return ok && (size_t)snprintf(part, part_size, "%s", name) < part_size;
}

/* out = key with its first `from` replaced by `to`; false when it has none. */
static bool replace(const char *key, const char *from, const char *to, char *out, size_t size) {
    const char *at = strstr(key, from);
    if (!at) return false;
    return (size_t)snprintf(out, size, "%.*s%s%s", (int)(at - key), key, to, at + strlen(from)) < size;
}

bool name_variant(const char *key, int number, char *out, size_t out_size) {
    static const Pair VARIANTS[] = {{"text_model.", ""},
                                    {"attn_1.q.", "attn_1.to_q."}, /* diffusers' names in a single file */
                                    {"attn_1.k.", "attn_1.to_k."},
                                    {"attn_1.v.", "attn_1.to_v."},
                                    {"attn_1.proj_out.", "attn_1.to_out.0."},
                                    {"attn_1.norm.", "attn_1.group_norm."},
                                    {"attentions.0.to_q.", "attentions.0.query."},
                                    {"attentions.0.to_k.", "attentions.0.key."},
                                    {"attentions.0.to_v.", "attentions.0.value."},
                                    {"attentions.0.to_out.0.", "attentions.0.proj_attn."}};
    for (size_t i = 0; i < sizeof VARIANTS / sizeof *VARIANTS; i++)
        if (replace(key, VARIANTS[i].from, VARIANTS[i].to, out, out_size) && number-- == 0) return true;
    return false;
}

bool name_to_ema(const char *key, char *out, size_t out_size) {
    const char *at = key;
    if (strncmp(key, "model.diffusion_model.", 22) || !eat(&at, "model.")) return false;
    size_t n = (size_t)snprintf(out, out_size, "model_ema.");
    for (; *at && n + 1 < out_size; at++)
        if (*at != '.') out[n++] = *at;
    out[n] = 0;
    return !*at;
}

/* --- text encoders --- */

typedef struct {
    const char *open, *clip;
} EncoderName;

static const EncoderName ENCODER_LAYER[] = {{"ln_1.", "layer_norm1."},
                                            {"ln_2.", "layer_norm2."},
                                            {"attn.in_proj_", "self_attn.in_proj_"},
                                            {"attn.out_proj.", "self_attn.out_proj."},
                                            {"mlp.c_fc.", "mlp.fc1."},
                                            {"mlp.c_proj.", "mlp.fc2."}};
static const EncoderName ENCODER[] = {{"token_embedding.weight", "text_model.embeddings.token_embedding.weight"},
                                      {"positional_embedding", "text_model.embeddings.position_embedding.weight"},
                                      {"ln_final.weight", "text_model.final_layer_norm.weight"},
                                      {"ln_final.bias", "text_model.final_layer_norm.bias"},
                                      {"text_projection", "text_projection.weight"}};

static bool rename_encoder(const char *name, bool to_clip, char *out, size_t size) {
    static const char OPEN[] = "transformer.resblocks.", CLIP[] = "text_model.encoder.layers.";
    for (size_t i = 0; i < sizeof ENCODER / sizeof *ENCODER; i++)
        if (!strcmp(name, to_clip ? ENCODER[i].open : ENCODER[i].clip))
            return (size_t)snprintf(out, size, "%s", to_clip ? ENCODER[i].clip : ENCODER[i].open) < size;
    int layer;
    if (!eat(&name, to_clip ? OPEN : CLIP) || !eat_number(&name, &layer) || !eat(&name, ".")) return false;
    for (size_t i = 0; i < sizeof ENCODER_LAYER / sizeof *ENCODER_LAYER; i++) {
        const EncoderName *n = &ENCODER_LAYER[i];
        if (eat(&name, to_clip ? n->open : n->clip))
            return (size_t)snprintf(out, size, "%s%d.%s%s", to_clip ? CLIP : OPEN, layer, to_clip ? n->clip : n->open,
                                    name) < size;
    }
    return false;
}

bool name_open_to_clip(const char *name, char *out, size_t out_size) {
    return rename_encoder(name, true, out, out_size);
}
bool name_clip_to_open(const char *name, char *out, size_t out_size) {
    return rename_encoder(name, false, out, out_size);
}
