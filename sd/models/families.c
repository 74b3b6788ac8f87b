/* families.c: the table of families, and which row a checkpoint is. */
#include "families.h"

#include "config_detect.h"
#include "few_steps.h"
#include "weights/formats/other_kinds.h"

#include <stdio.h>
#include <string.h>

#define HAS(k)                                                                                                         \
    { .kind = TRAIT_HAS, .key = k }
#define SIZE(k, d, n)                                                                                                  \
    { .kind = TRAIT_SIZE, .key = k, .dim = d, .size = n }
#define LACKS(k)                                                                                                       \
    { .kind = TRAIT_LACKS, .key = k }
#define DECODES                                                                                                        \
    { .kind = TRAIT_DECODES, .key = A_VAE }
#define NAMES(k)                                                                                                       \
    { .kind = TRAIT_NAMES, .key = k }
#define NETWORK(k)                                                                                                     \
    { .kind = TRAIT_NETWORK, .key = k }
#define OURS                                                                                                           \
    { .kind = TRAIT_OURS }
#define FOLDER                                                                                                         \
    { .kind = TRAIT_FOLDER }
#define PIPELINE(k)                                                                                                    \
    { .kind = TRAIT_PIPELINE, .key = k }
#define OTHER_PIPELINE(k)                                                                                              \
    { .kind = TRAIT_OTHER_PIPELINE, .key = k }
#define CONFIG(p, k, t)                                                                                                \
    { .kind = TRAIT_CONFIG, .part = p, .key = k, .text = t }

#define XL_FOLDER PIPELINE("StableDiffusionXLPipeline")
#define A_UNET KEY_UNET "input_blocks.0.0.weight"
#define A_VAE KEY_VAE "decoder.conv_in.weight"
#define A_TAESD KEY_TAESD_DECODER "1.weight"
#define A_CLIP KEY_CLIP "embeddings.token_embedding.weight"
#define AN_OPEN_CLIP KEY_OPEN_CLIP "token_embedding.weight"
#define SIZES KEY_UNET "label_emb.0.0.weight"     /* what SDXL makes of sizes and pooled text */
#define NOISE_CLASSES KEY_UNET "label_emb.weight" /* the x4 upscaler's, of how noisy the small picture is */
#define XL_CLIP "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight"
#define XL_CLIP_2 "conditioner.embedders.1.transformer.text_model.final_layer_norm.weight" /* of a folder */
#define XL_OPEN_CLIP "conditioner.embedders.0.model.ln_final.weight"
#define XL_OPEN_CLIP_2 "conditioner.embedders.1.model.ln_final.weight"
#define XL_SDCPP_CLIP_2 "cond_stage_model.1.transformer.text_model.final_layer_norm.weight"

#define A_MIDDLE_KEYS KEY_UNET "middle_block.1.transformer_blocks.0.attn2.to_k.weight"

#define NOT_YET(text) .is = text, .advice = "this version runs SD 1.x, SD 2.x and SDXL"
#define A_PART(text, option) .is = text, .advice = "give a checkpoint to -m, and this one to " option
#define AN_UPSCALER                                                                                                    \
    .is = "is an upscaler, not a model", .advice = "give a checkpoint to -m; sdc upscale takes this file"
#define NO_MODEL(text) .is = text, .advice = "give a checkpoint to -m"

/* SD 2.x with its text encoder under CLIP's names: older versions of stable-diffusion.cpp wrote GGUF files so. */
static SdConfig sd2_under_clip_names(void) {
    SdConfig k = config_sd2();
    k.clip[0].open_clip = false;
    return k;
}

static SdConfig x4_under_clip_names(void) {
    SdConfig k = config_x4();
    k.clip[0].open_clip = false;
    return k;
}

/* The first row that fits wins. */
static const Family FAMILIES[] = {
    /* whole models that cannot be run yet. A bare network has no prefix. Source of most keys: ComfyUI,
     * comfy/model_detection.py */
    {"SD 3", {PIPELINE("StableDiffusion3")}, NOT_YET("is an SD 3 model")},
    {"SD 3", {NETWORK("joint_blocks.0.context_block.attn.qkv.weight")}, NOT_YET("is an SD 3 model")},
    {"Flux", {PIPELINE("Flux")}, NOT_YET("is a Flux model")},
    {"Flux", {NETWORK("double_blocks.0.img_attn.qkv.weight")}, NOT_YET("is a Flux model")},
    {"Wan", {NETWORK("head.modulation")}, NOT_YET("is a Wan model")},
    {"HunyuanVideo",
     {NETWORK("txt_in.individual_token_refiner.blocks.0.norm1.weight")},
     NOT_YET("is a HunyuanVideo model")},
    {"HunyuanDiT", {NETWORK("mlp_t5.0.weight")}, NOT_YET("is a HunyuanDiT model")},
    {"PixArt", {NETWORK("t_block.1.weight")}, NOT_YET("is a PixArt model")},
    {"AuraFlow", {NETWORK("double_layers.0.attn.w1q.weight")}, NOT_YET("is an AuraFlow model")},
    {"Stable Cascade", {NETWORK("clip_txt_mapper.weight")}, NOT_YET("is a Stable Cascade model")},
    {"Stable Cascade", {NETWORK("clip_mapper.weight")}, NOT_YET("is a Stable Cascade model")},
    {"Lumina", {NETWORK("cap_embedder.1.weight")}, NOT_YET("is a Lumina 2 or Z-Image model")},
    {"Qwen-Image", {NETWORK("txt_norm.weight")}, NOT_YET("is a Qwen-Image model")},
    {"LTX-Video", {NETWORK("adaln_single.emb.timestep_embedder.linear_1.bias")}, NOT_YET("is an LTX-Video model")},
    {"Mochi", {NETWORK("t5_yproj.weight")}, NOT_YET("is a Mochi model")},
    {"Kolors", {PIPELINE("Kolors")}, NOT_YET("is a Kolors model")},
    {"Kolors", {NETWORK("encoder_hid_proj.weight")}, NOT_YET("is a Kolors model")},
    {"Playground", {HAS("edm_mean")}, NOT_YET("is a Playground v2.5 model")},
    {"CosXL", {HAS("edm_vpred.sigma_max")}, NOT_YET("is a CosXL model")},
    {"Stable Video Diffusion",
     {HAS(KEY_UNET "input_blocks.1.0.time_stack.in_layers.0.weight")},
     NOT_YET("is a Stable Video Diffusion model")},
    {"unCLIP", {HAS("embedder.model.ln_final.weight")}, NOT_YET("is an SD 2.1 unCLIP model")},
    {"upscaler 2x", {PIPELINE("StableDiffusionLatentUpscale")}, NOT_YET("is Stable Diffusion's latent upscaler")},
    {"image variations", {PIPELINE("StableDiffusionImageVariation")}, NOT_YET("varies pictures without text")},
    {"AltDiffusion",
     {HAS("cond_stage_model.roberta.embeddings.word_embeddings.weight")},
     NOT_YET("is an AltDiffusion model")},
    {"other pipeline", {OTHER_PIPELINE("StableDiffusion")}, NOT_YET("is for a pipeline that is not run")},
    {"no noise levels",
     {PIPELINE("StableDiffusionUpscale"), HAS(A_UNET), LACKS(NOISE_CLASSES)},
     .is = "holds a U-Net without class_embedding.weight, which the x4 upscaler needs",
     .advice = "download it again"},

    /* whole models that are run; a folder has all text encoders under CLIP's names */
    {"SDXL", {FOLDER, HAS(A_UNET), DECODES, HAS(A_CLIP), HAS(XL_CLIP_2)}, .base = config_sdxl},
    {"SDXL", {XL_FOLDER, HAS(A_UNET), DECODES, HAS(XL_CLIP), HAS(XL_CLIP_2)}, .base = config_sdxl}, /* given ones */
    {"SDXL", {XL_FOLDER, HAS(A_UNET), DECODES, HAS(XL_CLIP), HAS(XL_OPEN_CLIP_2)}, .base = config_sdxl},
    {"SDXL refiner", {FOLDER, HAS(A_UNET), DECODES, HAS(XL_CLIP_2)}, .base = config_sdxl_refiner},
    {"no second text encoder",
     {PIPELINE("StableDiffusionXL"), HAS(A_UNET), DECODES},
     .is = "holds no text_encoder_2, which SDXL needs",
     .advice = "name one with --text-encoder-2, or a full folder"},
    {"SDXL", {HAS(A_UNET), DECODES, HAS(XL_CLIP), HAS(XL_OPEN_CLIP_2)}, .base = config_sdxl},
    {"SDXL", {HAS(A_UNET), DECODES, HAS(XL_CLIP), HAS(XL_CLIP_2)}, .base = config_sdxl},
    {"SDXL refiner", {HAS(A_UNET), DECODES, HAS(XL_OPEN_CLIP), HAS(SIZES)}, .base = config_sdxl_refiner},
    {"SDXL refiner", {OURS, HAS(A_UNET), DECODES, HAS(XL_CLIP), HAS(SIZES)}, .base = config_sdxl_refiner},
    {"SDXL refiner",
     {HAS(A_UNET), DECODES, HAS(XL_CLIP), SIZE(A_MIDDLE_KEYS, 1, 1280)}, /* a text encoder that is given */
     .base = config_sdxl_refiner},
    {"SD-Turbo", {HAS(A_UNET), DECODES, HAS(XL_OPEN_CLIP)}, .base = config_sd_turbo},
    {"SD x4 upscaler", {HAS(A_UNET), HAS(NOISE_CLASSES), DECODES, HAS(AN_OPEN_CLIP)}, .base = config_x4},
    {"SD x4 upscaler", {HAS(A_UNET), HAS(NOISE_CLASSES), DECODES, HAS(A_CLIP)}, .base = x4_under_clip_names},
    {"SD 2.x", {HAS(A_UNET), DECODES, HAS(A_CLIP), CONFIG("text_encoder", "hidden_act", "gelu")}, .base = config_sd2},
    {"SDXL",
     {HAS(A_UNET), HAS(XL_SDCPP_CLIP_2)},
     .is = "is SDXL with its text encoders under stable-diffusion.cpp's own names (" XL_SDCPP_CLIP_2 ")",
     .advice = "convert the original again, without --convert-name"},
    {"SD 2.x", {HAS(A_UNET), DECODES, SIZE(A_CLIP, 1, 1024)}, .base = sd2_under_clip_names},
    {"SD 1.x", {HAS(A_UNET), DECODES, HAS(A_CLIP)}, .base = config_sd1},
    {"SD 2.x", {HAS(A_UNET), DECODES, HAS(AN_OPEN_CLIP)}, .base = config_sd2},

    /* models that lack something */
    {"no VAE",
     {HAS(A_UNET), LACKS(A_VAE), LACKS(A_TAESD)},
     .is = "holds no VAE (" A_VAE " is missing)",
     .advice = "name one with --vae, or a full checkpoint"},
    {"no second text encoder",
     {HAS(A_UNET), HAS(XL_CLIP)},
     .is = "holds no second text encoder (" XL_OPEN_CLIP_2 " is missing)",
     .advice = "name one with --text-encoder-2, or a full checkpoint"},
    {"no first text encoder",
     {HAS(A_UNET), HAS(XL_OPEN_CLIP_2)},
     .is = "holds no first text encoder (" XL_CLIP " is missing)",
     .advice = "name one with --text-encoder, or a full checkpoint"},
    {"no text encoder",
     {HAS(A_UNET), HAS(SIZES)},
     .is = "holds no text encoder (" XL_OPEN_CLIP_2 " is missing)",
     .advice = "name both with --text-encoder and --text-encoder-2, or a full checkpoint"},
    {"no text encoder",
     {HAS(A_UNET)},
     .is = "holds no text encoder (" A_CLIP " is missing)",
     .advice = "name one with --text-encoder, or a full checkpoint"},
    {"no U-Net",
     {FOLDER, LACKS(A_UNET)},
     .is = "holds no U-Net (unet/conv_in.weight is missing)",
     .advice = "name one with --unet, or a full folder"},

    /* files that are not models */
    {"ControlNet",
     {HAS("control_model.time_embed.0.weight")},
     A_PART("is a ControlNet, not a whole model", "--control")},
    {"ControlNet", {HAS("input_hint_block.0.weight")}, A_PART("is a ControlNet, not a whole model", "--control")},
    {"ControlNet",
     {HAS("controlnet_cond_embedding.conv_in.weight")},
     A_PART("is a ControlNet, not a whole model", "--control")},
    {"T2I-Adapter", {HAS("body.0.block1.weight")}, A_PART("is a T2I-Adapter, not a whole model", "--control")},
    {"T2I-Adapter", {HAS("adapter.conv_in.weight")}, A_PART("is a T2I-Adapter, not a whole model", "--control")},
    {"IP-Adapter", {HAS("ip_adapter.1.to_k_ip.weight")}, A_PART("is an IP-Adapter, not a whole model", "--ip-adapter")},
    {"vision encoder",
     {HAS("vision_model.embeddings.class_embedding")},
     A_PART("is a vision encoder, not a whole model", "--image-encoder")},
    {"embedding", {HAS("emb_params")}, NO_MODEL("is a textual-inversion embedding, not a model")},
    {"embedding", {HAS("string_to_param")}, NO_MODEL("is a textual-inversion embedding, not a model")},
    {"embedding", {HAS("clip_l"), HAS("clip_g")}, NO_MODEL("is a textual-inversion embedding (SDXL), not a model")},
    {"VAE", {HAS("encoder.conv_in.weight")}, A_PART("is a VAE alone, not a whole model", "--vae")},
    {"VAE", {HAS(A_VAE)}, A_PART("is a VAE alone, not a whole model", "--vae")},
    {"TAESD", {HAS(A_TAESD)}, A_PART("is a TAESD, not a whole model", "--taesd")},
    {"TAESD", {HAS("taesd_encoder.0.weight")}, A_PART("is a TAESD, not a whole model", "--taesd")},
    {"TAESD", {HAS("decoder.layers.0.weight")}, A_PART("is a TAESD, not a whole model", "--taesd")},
    {"TAESD",
     {HAS("decoder.1.weight"), HAS("decoder.3.conv.0.weight")},
     A_PART("is a TAESD, not a whole model", "--taesd")},
    {"TAESD", {HAS("1.weight"), HAS("3.conv.0.weight")}, A_PART("is TAESD's decoder, not a whole model", "--taesd")},
    {"TAESD", {HAS("0.weight"), HAS("1.conv.0.weight")}, A_PART("is TAESD's encoder, not a whole model", "--taesd")},
    {"part of a folder",
     {HAS("conv_in.weight")},
     .is = "is one part of a diffusers folder, not a whole model",
     .advice = "give the folder that holds model_index.json"},
    {"U-Net",
     {HAS("input_blocks.0.0.weight")},
     .is = "is a U-Net alone, not a whole model",
     .advice = "name its VAE and text encoders with --vae and --text-encoder"},
    {"text encoder",
     {HAS("text_model.embeddings.token_embedding.weight")},
     A_PART("is a text encoder alone, not a whole model", "--text-encoder")},
    {"text encoder",
     {HAS("transformer.resblocks.0.ln_1.weight")},
     A_PART("is a text encoder alone, not a whole model", "--text-encoder")},
    {"upscaler", {NAMES("RDB1.conv1.")}, AN_UPSCALER},
    {"upscaler", {NAMES("rdb1.conv1.")}, AN_UPSCALER},
    {"upscaler", {HAS("body.0.weight"), HAS("body.1.weight"), HAS("body.2.weight")}, AN_UPSCALER},
    {"upscaler", {HAS("conv_first.weight")}, NO_MODEL("is an upscaler, not a model")},
    {"taps", {HAS("noise")}, NO_MODEL("is a file of activations (made by --taps), not a model")},
    {"training state",
     {HAS("values"), HAS("m"), HAS("v")},
     .is = "is the state of a training run (made by sdc train), not a model",
     .advice = "give the model beside it, without .state"},
    {"LoRA", {NAMES("lora_")}, NO_MODEL("is a LoRA, not a model")},
    {"LoRA", {NAMES(".lora")}, NO_MODEL("is a LoRA, not a model")},

    {"unknown",
     {{.kind = NO_TRAIT}},
     .is = "holds no Stable Diffusion checkpoint (it has no tensor " A_UNET ")",
     .advice = "give an SD 1.x, SD 2.x or SDXL file or a diffusers folder"},
};
enum { FAMILY_COUNT = sizeof FAMILIES / sizeof *FAMILIES, TRAITS = sizeof FAMILIES->traits / sizeof(Trait) };

/* --- which row --- */

static bool any_name(const Checkpoint *c, const char *piece) {
    for (size_t i = 0; c->file && i < c->file->count; i++)
        if (strstr(c->file->tensors[i].name, piece)) return true;
    return false;
}

/* Whether `text` begins with t's key; false without a text. */
static bool begins(const char *text, const Trait *t) { return text && !strncmp(text, t->key, strlen(t->key)); }

static bool says(const Checkpoint *c, const Trait *t) {
    const CheckpointPart *p = checkpoint_part(c, t->part);
    const JsonNode *n = p && p->config ? json_get(p->config, &p->config->nodes[0], t->key) : NULL;
    return n && n->type == JSON_STRING && !strcmp(n->text, t->text);
}

static bool holds(const Checkpoint *c, const Trait *t) {
    const FileTensor *tensor;
    char name[128];
    const char *pipeline = checkpoint_pipeline(c);
    switch (t->kind) {
    case NO_TRAIT: return true;
    case TRAIT_HAS: return checkpoint_find(c, t->key).tensor != NULL;
    case TRAIT_DECODES: return checkpoint_find(c, t->key).tensor || checkpoint_find(c, A_TAESD).tensor;
    case TRAIT_LACKS: return !checkpoint_find(c, t->key).tensor;
    case TRAIT_SIZE:
        tensor = checkpoint_find(c, t->key).tensor;
        return tensor && t->dim < tensor->nd && tensor->n[t->dim] == t->size;
    case TRAIT_NETWORK:
        snprintf(name, sizeof name, KEY_UNET "%s", t->key);
        return checkpoint_find(c, t->key).tensor || checkpoint_find(c, name).tensor;
    case TRAIT_NAMES: return any_name(c, t->key);
    case TRAIT_OURS: return c->file && weight_file_meta(c->file, "sdc.config");
    case TRAIT_FOLDER: return c->layout == CHECKPOINT_DIFFUSERS;
    case TRAIT_PIPELINE: return begins(pipeline, t);
    case TRAIT_OTHER_PIPELINE: return pipeline && !begins(pipeline, t);
    case TRAIT_CONFIG: return says(c, t);
    }
    return false;
}

const Family *family_row(int i) { return i >= 0 && i < FAMILY_COUNT ? &FAMILIES[i] : NULL; }

const Family *family_of(const Checkpoint *c) {
    const Family *f = FAMILIES;
    for (int i = 0; i < TRAITS;) {
        if (holds(c, &f->traits[i])) i++;
        else f++, i = 0;
    }
    return f;
}

/* What the metadata and the tensors of a single file say of its prediction. */
static void said_prediction(const Checkpoint *c, SdConfig *out, ConfigNotes *notes) {
    static const char *const KEYS[] = {"modelspec.prediction_type", "modelspec.predict_key"};
    for (int i = 0; c->file && i < 2; i++) {
        const char *said = weight_file_meta(c->file, KEYS[i]);
        bool v = said && (!strcmp(said, "v") || !strcmp(said, "v_prediction"));
        if (!v && !(said && (!strcmp(said, "epsilon") || !strcmp(said, "eps")))) continue;
        out->prediction = v ? PREDICT_V : PREDICT_EPS;
        notes->prediction = KEYS[i];
    }
    if (!checkpoint_find(c, "v_pred").tensor) return;
    out->prediction = PREDICT_V;
    notes->prediction = "v_pred";
}

bool detect_config(Checkpoint *c, SdConfig *out, ConfigNotes *notes, Error *e) {
    *notes = (ConfigNotes){.prediction = NULL};
    const char *own = c->file ? weight_file_meta(c->file, "sdc.config") : NULL;
    *out = config_sd1();
    if (own && !config_from_json(out, c->path, own, notes, e)) return false;
    const Family *f = family_of(c);
    const char *pipeline = checkpoint_pipeline(c);
    if (!f->base && pipeline) return error_set(e, ERR_FORMAT, "%s: %s (%s); %s", c->path, f->is, pipeline, f->advice);
    const char *other = !f->base && f->traits->kind == NO_TRAIT && c->file ? other_kind(c->file) : NULL;
    if (other) return error_set(e, ERR_FORMAT, "%s: is %s", c->path, other);
    if (!f->base) return error_set(e, ERR_FORMAT, "%s: %s; %s", c->path, f->is, f->advice);
    if (own) {
        if (!config_from_given(c, out, notes, e) || !config_check_given(c, out, e) || !config_check(out, c->path, e))
            return false;
    }
    if (own && c->yaml) config_note(notes->said, "%.200s (sdc.config says all)", c->yaml_path);
    if (own && *out->sampler) snprintf(notes->settings, sizeof notes->settings, "sdc.config");
    if (own) return notes->prediction = "sdc.config", true;
    *out = f->base();
    said_prediction(c, out, notes);
    if (c->layout == CHECKPOINT_SINGLE) {
        config_from_shapes(c, out);
        if (!config_from_yaml(c, out, notes, e)) return false;
    } else if (!config_from_folder(c, out, notes, e)) return false;
    if (!config_from_given(c, out, notes, e)) return false;
    few_steps_of(c, out, notes);
    c->res_blocks = out->unet.res_blocks;
    c->levels = out->unet.levels;
    c->vae_levels = out->vae.levels;
    return config_check_given(c, out, e) && config_check(out, c->path, e);
}

const char *family_of_context(int context) {
    switch (context) {
    case 768: return "SD 1.x";
    case 1024: return "SD 2.x";
    case 2048: return "SDXL";
    case 1280: return "SDXL refiner";
    default: return "";
    }
}
