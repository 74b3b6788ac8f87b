/* families.c: the table of families, and which row a checkpoint is. */
#include "families.h"

#include "config_detect.h"

#include <string.h>

#define HAS(k)                                                                                                         \
    { .kind = TRAIT_HAS, .key = k }
#define SIZE(k, d, n)                                                                                                  \
    { .kind = TRAIT_SIZE, .key = k, .dim = d, .size = n }
#define LACKS(k)                                                                                                       \
    { .kind = TRAIT_LACKS, .key = k }
#define NAMES(k)                                                                                                       \
    { .kind = TRAIT_NAMES, .key = k }
#define FOLDER                                                                                                         \
    { .kind = TRAIT_FOLDER }
#define PIPELINE(k)                                                                                                    \
    { .kind = TRAIT_PIPELINE, .key = k }
#define OTHER_PIPELINE(k)                                                                                              \
    { .kind = TRAIT_OTHER_PIPELINE, .key = k }
#define CONFIG(p, k, t)                                                                                                \
    { .kind = TRAIT_CONFIG, .part = p, .key = k, .text = t }

#define A_UNET KEY_UNET "input_blocks.0.0.weight"
#define A_VAE KEY_VAE "decoder.conv_in.weight"
#define A_CLIP KEY_CLIP "embeddings.token_embedding.weight"
#define AN_OPEN_CLIP KEY_OPEN_CLIP "token_embedding.weight"
#define SIZES KEY_UNET "label_emb.0.0.weight" /* what SDXL makes of sizes and pooled text */

#define FULL "use a full checkpoint"
#define NOT_YET(text) .is = text, .advice = "this version runs SD 1.x and 2.x"
#define NO_MODEL(text) .is = text, .advice = "give a checkpoint to -m"

/* The first row that fits wins. */
static const Family FAMILIES[] = {
    /* whole models that cannot be run yet */
    {"SD 3", {PIPELINE("StableDiffusion3")}, NOT_YET("is an SD 3 model")},
    {"SD 3", {HAS(KEY_UNET "x_embedder.proj.weight")}, NOT_YET("is an SD 3 model")},
    {"Flux", {PIPELINE("Flux")}, NOT_YET("is a Flux model")},
    {"Flux", {HAS(KEY_UNET "double_blocks.0.img_attn.qkv.weight")}, NOT_YET("is a Flux model")},
    {"Flux", {HAS("double_blocks.0.img_attn.qkv.weight")}, NOT_YET("is a Flux model")},
    {"SDXL", {PIPELINE("StableDiffusionXL")}, NOT_YET("is an SDXL model")},
    {"SD-Turbo", {HAS("conditioner.embedders.0.model.ln_final.weight"), LACKS(SIZES)}, NOT_YET("is an SD-Turbo model")},
    {"unCLIP", {HAS("embedder.model.ln_final.weight")}, NOT_YET("is an SD 2.1 unCLIP model")},
    {"AltDiffusion",
     {HAS("cond_stage_model.roberta.embeddings.word_embeddings.weight")},
     NOT_YET("is an AltDiffusion model")},
    {"other pipeline",
     {OTHER_PIPELINE("StableDiffusion")},
     NOT_YET("is not for a Stable Diffusion 1.x or 2.x pipeline")},

    /* whole models that are run */
    {"SDXL",
     {HAS(A_UNET), HAS(A_VAE), HAS("conditioner.embedders.0.transformer.text_model.final_layer_norm.weight"),
      HAS("conditioner.embedders.1.model.ln_final.weight")},
     .base = config_sdxl},
    {"SDXL refiner",
     {HAS(A_UNET), HAS(A_VAE), HAS("conditioner.embedders.0.model.ln_final.weight")},
     .base = config_sdxl_refiner},
    /* a folder has SD 2.x's encoder under CLIP's names */
    {"SD 2.x",
     {HAS(A_UNET), HAS(A_VAE), HAS(A_CLIP), CONFIG("text_encoder", "hidden_act", "gelu")},
     .base = config_sd2},
    {"SD 1.x", {HAS(A_UNET), HAS(A_VAE), HAS(A_CLIP)}, .base = config_sd1},
    {"SD 2.x", {HAS(A_UNET), HAS(A_VAE), HAS(AN_OPEN_CLIP)}, .base = config_sd2},

    /* models that lack something */
    {"no VAE", {HAS(A_UNET), LACKS(A_VAE)}, .is = "holds no VAE (" A_VAE " is missing)", .advice = FULL},
    {"no text encoder", {HAS(A_UNET)}, .is = "holds no text encoder (" A_CLIP " is missing)", .advice = FULL},
    {"no U-Net",
     {FOLDER, LACKS(A_UNET)},
     .is = "holds no U-Net (unet/conv_in.weight is missing)",
     .advice = "use a full folder"},

    /* files that are not models */
    {"ControlNet", {HAS("control_model.time_embed.0.weight")}, NO_MODEL("is a ControlNet, not a whole model")},
    {"ControlNet", {HAS("input_hint_block.0.weight")}, NO_MODEL("is a ControlNet, not a whole model")},
    {"ControlNet", {HAS("controlnet_cond_embedding.conv_in.weight")}, NO_MODEL("is a ControlNet, not a whole model")},
    {"embedding", {HAS("emb_params")}, NO_MODEL("is a textual-inversion embedding, not a model")},
    {"embedding", {HAS("string_to_param")}, NO_MODEL("is a textual-inversion embedding, not a model")},
    {"embedding", {HAS("clip_l"), HAS("clip_g")}, NO_MODEL("is a textual-inversion embedding (SDXL), not a model")},
    {"VAE", {HAS("encoder.conv_in.weight")}, NO_MODEL("is a VAE alone, not a whole model")},
    {"VAE", {HAS(A_VAE)}, NO_MODEL("is a VAE alone, not a whole model")},
    {"part of a folder",
     {HAS("conv_in.weight")},
     .is = "is one part of a diffusers folder, not a whole model",
     .advice = "give the folder that holds model_index.json"},
    {"U-Net", {HAS("input_blocks.0.0.weight")}, NO_MODEL("is a U-Net alone, not a whole model")},
    {"text encoder",
     {HAS("text_model.embeddings.token_embedding.weight")},
     NO_MODEL("is a text encoder alone, not a whole model")},
    {"upscaler", {HAS("conv_first.weight")}, NO_MODEL("is an upscaler (ESRGAN), not a model")},
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
     .advice = "give an SD 1.x or 2.x file or a diffusers folder"},
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
    const char *pipeline = checkpoint_pipeline(c);
    switch (t->kind) {
    case NO_TRAIT: return true;
    case TRAIT_HAS: return checkpoint_find(c, t->key).tensor != NULL;
    case TRAIT_LACKS: return !checkpoint_find(c, t->key).tensor;
    case TRAIT_SIZE:
        tensor = checkpoint_find(c, t->key).tensor;
        return tensor && t->dim < tensor->nd && tensor->n[t->dim] == t->size;
    case TRAIT_NAMES: return any_name(c, t->key);
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

bool detect_config(Checkpoint *c, SdConfig *out, ConfigNotes *notes, Error *e) {
    *notes = (ConfigNotes){0};
    const char *own = c->file ? weight_file_meta(c->file, "sdc.config") : NULL;
    *out = config_sd1();
    if (own && !config_from_json(out, c->path, own, notes, e)) return false;
    const Family *f = family_of(c);
    const char *pipeline = checkpoint_pipeline(c);
    if (!f->base && pipeline) return error_set(e, ERR_FORMAT, "%s: %s (%s); %s", c->path, f->is, pipeline, f->advice);
    if (!f->base) return error_set(e, ERR_FORMAT, "%s: %s; %s", c->path, f->is, f->advice);
    if (own && c->yaml) config_note(notes->said, "%.200s (sdc.config says all)", c->yaml_path);
    if (own) return true;
    *out = f->base();
    const char *said = c->file ? weight_file_meta(c->file, "modelspec.prediction_type") : NULL;
    if (checkpoint_find(c, "v_pred").tensor || (said && !strcmp(said, "v"))) out->prediction = PREDICT_V;
    if (c->layout == CHECKPOINT_SINGLE) {
        config_from_shapes(c, out);
        if (!config_from_yaml(c, out, notes, e)) return false;
    } else if (!config_from_folder(c, out, notes, e)) return false;
    c->res_blocks = out->unet.res_blocks;
    c->levels = out->unet.levels;
    c->vae_levels = out->vae.levels;
    return config_check(out, c->path, e);
}
