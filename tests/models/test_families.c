/* test_families.c: the table of families: a small file or folder reaches each row, and no row above takes it; and the
 * numbers of a model, found again from its shapes. */
#include "sd/models/clip.h"
#include "sd/models/config_detect.h"
#include "sd/models/families.h"
#include "sd/models/unet.h"
#include "sd/models/vae.h"
#include "tools/ledger/generated.h"
#include "tests/harness/test.h"
#include "tests/weights/files.h"
#include "weights/formats/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define UNET "model.diffusion_model.input_blocks.0.0.weight"
#define LABELS "model.diffusion_model.label_emb.0.0.weight"
#define VAE "first_stage_model.decoder.conv_in.weight"
#define OF_SDXL "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight"
#define OF_SDXL_2 "conditioner.embedders.1.model.ln_final.weight"
#define KEYS_OF "model.diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_k.weight"
#define MIDDLE "model.diffusion_model.middle_block.1.transformer_blocks.0.norm1.weight"
#define CLIP "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"

enum { KEYS = 6 };
#define CLASSES "model.diffusion_model.label_emb.weight[1000,1024]"
#define OURS "sdc.config"       /* among a file's keys: it carries a configuration, which is none */
#define SECOND "text_encoder_2" /* among a folder's: it has that part */

/* A key may end in "[N]" or "[N,M]", its shape; [1] otherwise. */
typedef struct {
    const char *row, *words; /* of the refusal; NULL: the row is run */
    const char *keys[KEYS];
} Single;

static const Single SINGLES[] = {
    {"SD 3", "is an SD 3 model; this version", {"model.diffusion_model.joint_blocks.0.context_block.attn.qkv.weight"}},
    {"SD 3", "is an SD 3 model; this version", {"joint_blocks.0.context_block.attn.qkv.weight"}},
    {"Flux", "is a Flux model; this version", {"model.diffusion_model.double_blocks.0.img_attn.qkv.weight"}},
    {"Flux", "is a Flux model; this version", {"double_blocks.0.img_attn.qkv.weight"}},
    {"Wan", "is a Wan model; this version runs SD 1.x, SD 2.x and SDXL", {"head.modulation"}},
    {"HunyuanVideo", "is a HunyuanVideo model", {"txt_in.individual_token_refiner.blocks.0.norm1.weight"}},
    {"HunyuanDiT", "is a HunyuanDiT model", {"mlp_t5.0.weight"}},
    {"PixArt", "is a PixArt model", {"t_block.1.weight"}},
    {"AuraFlow", "is an AuraFlow model", {"double_layers.0.attn.w1q.weight"}},
    {"Stable Cascade", "is a Stable Cascade model", {"clip_txt_mapper.weight"}},
    {"Stable Cascade", "is a Stable Cascade model", {"clip_mapper.weight"}},
    {"Lumina", "is a Lumina 2 or Z-Image model", {"cap_embedder.1.weight"}},
    {"Qwen-Image", "is a Qwen-Image model", {"txt_norm.weight"}},
    {"LTX-Video", "is an LTX-Video model", {"model.diffusion_model.adaln_single.emb.timestep_embedder.linear_1.bias"}},
    {"Mochi", "is a Mochi model", {"t5_yproj.weight"}},
    {"Kolors", "is a Kolors model", {"encoder_hid_proj.weight"}},
    {"Playground", "is a Playground v2.5 model", {"edm_mean", "edm_std", UNET, VAE}},
    {"CosXL", "is a CosXL model", {"edm_vpred.sigma_max", UNET, VAE}},
    {"no first text encoder", "holds no first text", {LABELS "[1,2816]", UNET, VAE, OF_SDXL_2}}, /* SSD-1B's U-Net */
    {"Stable Video Diffusion",
     "is a Stable Video Diffusion model",
     {"model.diffusion_model.input_blocks.1.0.time_stack.in_layers.0.weight", UNET, VAE}},
    {"SD x4 upscaler", NULL, {CLASSES, UNET, VAE, "cond_stage_model.model.token_embedding.weight"}},
    {"SD x4 upscaler", NULL, {CLASSES, UNET, VAE, CLIP "[9,1024]"}},
    {"SDXL refiner", NULL, {LABELS "[1,2560]", UNET, VAE, MIDDLE, "conditioner.embedders.0.model.ln_final.weight"}},
    {"SDXL refiner", NULL, {LABELS "[1,2560]", UNET, VAE, MIDDLE, OURS, OF_SDXL}},
    {"SDXL", NULL, {UNET, VAE, OF_SDXL, OF_SDXL_2}},
    {"SDXL", NULL, {UNET, VAE, OF_SDXL, "conditioner.embedders.1.transformer.text_model.final_layer_norm.weight"}},
    {"SDXL refiner", NULL, {UNET, VAE, OF_SDXL, KEYS_OF "[1,1280]"}},
    {"SD-Turbo", NULL, {"conditioner.embedders.0.model.ln_final.weight[1024]", UNET, VAE}},
    {"no VAE", "holds no VAE", {LABELS "[1,2816]", UNET, MIDDLE}},
    {"no second text encoder", "holds no second text encoder (conditioner.embedders.1", {UNET, VAE, OF_SDXL}},
    {"no first text encoder", "holds no first text encoder (conditioner.embedders.0", {UNET, VAE, OF_SDXL_2}},
    {"no text encoder", "holds no text encoder (conditioner.embedders.1", {UNET, VAE, MIDDLE, LABELS "[1,2816]"}},
    {"unCLIP", "unCLIP model", {"embedder.model.ln_final.weight", UNET, VAE, "cond_stage_model.model.ln_final.weight"}},
    {"AltDiffusion", "AltDiffusion", {"cond_stage_model.roberta.embeddings.word_embeddings.weight", UNET, VAE}},
    {"SDXL",
     "is SDXL with its text encoders under stable-diffusion.cpp's own names|without --convert-name",
     {UNET, VAE, MIDDLE, CLIP, LABELS "[1,2816]", "cond_stage_model.1.transformer.text_model.final_layer_norm.weight"}},
    {"SD 2.x", NULL, {UNET, VAE, CLIP "[9,1024]"}},
    {"SD 1.x", NULL, {UNET, VAE, CLIP}},
    {"SD 1.x", NULL, {UNET, VAE, "cond_stage_model.transformer.embeddings.token_embedding.weight"}},
    {"SD 2.x", NULL, {UNET, VAE, "cond_stage_model.model.token_embedding.weight"}},
    {"no VAE", "holds no VAE (" VAE " is missing); name one with --vae", {UNET, CLIP}},
    {"no text encoder", "holds no text encoder (" CLIP " is missing); name one with --text-encoder", {UNET, VAE}},
    {"ControlNet", "is a ControlNet, not a whole model; give", {"control_model.time_embed.0.weight"}},
    {"ControlNet", "is a ControlNet", {"input_hint_block.0.weight", "input_blocks.0.0.weight"}},
    {"ControlNet", "is a ControlNet", {"controlnet_cond_embedding.conv_in.weight", "conv_in.weight"}},
    {"T2I-Adapter", "is a T2I-Adapter, not a whole model; give", {"body.0.block1.weight", "conv_in.weight"}},
    {"T2I-Adapter", "is a T2I-Adapter", {"adapter.conv_in.weight"}},
    {"IP-Adapter", "is an IP-Adapter, not a whole model; give", {"ip_adapter.1.to_k_ip.weight"}},
    {"vision encoder", "is a vision encoder, not", {"vision_model.embeddings.class_embedding"}},
    {"embedding", "textual-inversion embedding, not a model; give", {"emb_params"}},
    {"embedding", "textual-inversion embedding, not a model; give", {"string_to_param"}},
    {"embedding", "textual-inversion embedding (SDXL)", {"clip_l", "clip_g"}},
    {"VAE", "is a VAE alone, not a whole model; give", {"encoder.conv_in.weight", "decoder.conv_in.weight"}},
    {"VAE", "is a VAE alone", {VAE}},
    {"part of a folder", "is one part of a diffusers folder|model_index.json", {"conv_in.weight"}},
    {"U-Net", "is a U-Net alone", {"input_blocks.0.0.weight"}},
    {"text encoder", "is a text encoder alone", {"text_model.embeddings.token_embedding.weight"}},
    {"text encoder", "is a text encoder alone", {"transformer.resblocks.0.ln_1.weight"}},
    {"TAESD", "is a TAESD, not a whole model|--taesd", {"taesd_decoder.1.weight"}},
    {"TAESD", "is a TAESD", {"taesd_encoder.0.weight"}},
    {"TAESD", "is a TAESD", {"decoder.layers.0.weight"}},
    {"TAESD", "is a TAESD", {"decoder.1.weight", "decoder.3.conv.0.weight"}},
    {"TAESD", "is TAESD's decoder", {"1.weight", "3.conv.0.weight"}},
    {"TAESD", "is TAESD's encoder", {"0.weight", "1.conv.0.weight"}},
    {"upscaler",
     "is an upscaler, not a model; give a checkpoint to -m; sdc upscale",
     {"model.1.sub.0.RDB1.conv1.0.weight"}},
    {"upscaler", "is an upscaler", {"body.0.rdb1.conv1.weight"}},
    {"upscaler", "is an upscaler", {"body.0.weight", "body.1.weight", "body.2.weight"}},
    {"upscaler", "is an upscaler", {"conv_first.weight"}},
    {"taps", "is a file of activations", {"noise", "x"}},
    {"training state", "is the state of a training run", {"values", "m", "v"}},
    {"LoRA", "is a LoRA, not a model; give", {"lora_unet_mid_block_attentions_0_proj_in.lora_down.weight"}},
    {"LoRA", "is a LoRA", {"unet.mid_block.attentions.0.proj_in.lora.down.weight"}},
    {"unknown",
     "holds no Stable Diffusion checkpoint|input_blocks|give an SD 1.x, SD 2.x or SDXL file",
     {"weight", "bias"}},
    {"unknown", "holds no Stable Diffusion checkpoint", {NULL}},
};

typedef struct {
    const char *row, *words, *pipeline, *act; /* act: of the text encoder; NULL: no such part */
    const char *keys[KEYS];                   /* of the U-Net's file; the VAE and the text encoders have theirs */
} Folder;

static const Folder FOLDERS[] = {
    {"SD 3", "is an SD 3 model (StableDiffusion3Pipeline); this version", "StableDiffusion3Pipeline", "gelu", {NULL}},
    {"Flux", "is a Flux model (FluxPipeline)", "FluxPipeline", "gelu", {NULL}},
    {"Kolors", "is a Kolors model (KolorsPipeline)", "KolorsPipeline", "gelu", {"conv_in.weight"}},
    {"no noise levels",
     "holds a U-Net without class_embedding.weight",
     "StableDiffusionUpscalePipeline",
     "gelu",
     {"conv_in.weight"}},
    {"SD x4 upscaler", NULL, "StableDiffusionUpscalePipeline", "gelu", {"conv_in.weight", "class_embedding.weight"}},
    {"upscaler 2x",
     "is Stable Diffusion's latent upscaler (Stable",
     "StableDiffusionLatentUpscalePipeline",
     "gelu",
     {"conv_in.weight"}},
    {"image variations",
     "varies pictures without text (Stable",
     "StableDiffusionImageVariationPipeline",
     NULL,
     {"conv_in.weight"}},
    {"no second text encoder",
     "holds no text_encoder_2, which SDXL needs (StableDiffusionXLPipeline); name one with --text-encoder-2",
     "StableDiffusionXLPipeline",
     "quick_gelu",
     {"conv_in.weight"}},
    {"other pipeline",
     "is for a pipeline that is not run (KandinskyPipeline); this version runs SD 1.x",
     "KandinskyPipeline",
     "gelu",
     {"conv_in.weight"}},
    {"other pipeline", "not run (WanPipeline)", "WanPipeline", "gelu", {NULL}},
    {"other pipeline", "not run (StableCascade", "StableCascadeCombinedPipeline", "gelu", {NULL}},
    {"SDXL", NULL, "StableDiffusionXLPipeline", "quick_gelu", {"conv_in.weight", SECOND}},
    {"SDXL refiner", NULL, "StableDiffusionXLImg2ImgPipeline", NULL, {"conv_in.weight", SECOND}},
    {"SD 2.x", NULL, "StableDiffusionPipeline", "gelu", {"conv_in.weight"}},
    {"SD 1.x", NULL, "StableDiffusionPipeline", "quick_gelu", {"conv_in.weight"}},
    {"SD 1.x", NULL, NULL, "quick_gelu", {"conv_in.weight"}},
    {"no text encoder", "holds no text encoder", "StableDiffusionPipeline", NULL, {"conv_in.weight"}},
    {"no U-Net", "holds no U-Net (unet/conv_in", "StableDiffusionPipeline", "gelu", {NULL}},
};

/* --- making them --- */

static bool has_key(const char *const keys[KEYS], const char *key) {
    for (int i = 0; i < KEYS; i++)
        if (keys[i] && !strcmp(keys[i], key)) return true;
    return false;
}

static bool write_keys(const char *path, const char *const *keys, int count, Error *e) {
    const FileMeta meta = {OURS, "[]"};
    FileTensor t[KEYS];
    static char names[KEYS][128];
    static const uint8_t zeros[4096];
    size_t bytes = 0;
    for (int i = 0; i < count; i++) {
        long long n = 1, m = 0;
        snprintf(names[i], sizeof names[i], "%.*s", (int)strcspn(keys[i], "["), keys[i]);
        if (strchr(keys[i], '[')) sscanf(strchr(keys[i], '['), "[%lld,%lld]", &n, &m);
        t[i] = (FileTensor){.name = names[i], .dtype = U8, .nd = m ? 2 : 1, .n = {n, m}};
        bytes += (size_t)(n * (m ? m : 1));
    }
    StWriter *w = st_write_begin(path, t, (size_t)count, &meta, has_key(keys, OURS), e);
    for (size_t piece; w && bytes; bytes -= piece) {
        piece = bytes < sizeof zeros ? bytes : sizeof zeros;
        if (!st_write_data(w, zeros, piece, e)) return false;
    }
    return w && st_write_end(w, e);
}

static bool make_part(const char *folder, const char *part, const char *file, const char *config,
                      const char *const *keys, Error *e) {
    char path[1024];
    int count = 0;
    while (count < KEYS && keys[count]) count++;
    snprintf(path, sizeof path, "%s/%s", folder, part);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/config.json", folder, part);
    if (!test_write(path, config, strlen(config))) return false;
    snprintf(path, sizeof path, "%s/%s/%s", folder, part, file);
    return write_keys(path, keys, count, e);
}

static bool make_folder(const char *path, const Folder *f, Error *e) {
    static const char *const VAE_KEYS[KEYS] = {"decoder.conv_in.weight"},
                             *const TEXT_KEYS[KEYS] = {"text_model.embeddings.token_embedding.weight"},
                             *const TEXT_KEYS_2[KEYS] = {"text_model.final_layer_norm.weight"};
    char file[2048], json[256];
    mkdir(path, 0777);
    snprintf(file, sizeof file, "%s/model_index.json", path);
    snprintf(json, sizeof json, f->pipeline ? "{\"_class_name\":\"%s\"}" : "{}", f->pipeline);
    if (!test_write(file, json, strlen(json))) return false;
    snprintf(json, sizeof json, "{\"hidden_act\":\"%s\"}", f->act ? f->act : "");
    return (!f->keys[0] || make_part(path, "unet", "diffusion_pytorch_model.safetensors", "{}", f->keys, e)) &&
           make_part(path, "vae", "diffusion_pytorch_model.safetensors", "{}", VAE_KEYS, e) &&
           (!has_key(f->keys, SECOND) ||
            make_part(path, "text_encoder_2", "model.safetensors", "{}", TEXT_KEYS_2, e)) &&
           (!f->act || make_part(path, "text_encoder", "model.safetensors", json, TEXT_KEYS, e));
}

/* --- the rows --- */

static int reached[128];

static void row_of(const char *path, const char *row, const char *words) {
    Error e = {0};
    SdConfig k;
    ConfigNotes notes;
    Checkpoint *c = checkpoint_open(path, &e);
    const Family *f = c ? family_of(c) : NULL;
    bool ok = f && !strcmp(f->name, row) && !f->base == !!words && !detect_config(c, &k, &notes, &e);
    if (words) ok = ok && e.code == ERR_FORMAT && holds(e.text, words);
    test_check(ok, "family %s: %s", row, path + strlen(test_dir()) + 1);
    test_note("%s: %s", f ? f->name : "", e.text);
    for (int i = 0; family_row(i); i++) reached[i] |= family_row(i) == f;
    checkpoint_close(c);
}

static void rows(void) {
    char path[1024];
    for (size_t i = 0; i < sizeof SINGLES / sizeof *SINGLES; i++) {
        Error e = {0};
        int count = 0;
        while (count < KEYS && SINGLES[i].keys[count]) count++;
        snprintf(path, sizeof path, "%s/file%zu", test_dir(), i);
        if (test_check(write_keys(path, SINGLES[i].keys, count, &e), "file %zu is written", i))
            row_of(path, SINGLES[i].row, SINGLES[i].words);
    }
    for (size_t i = 0; i < sizeof FOLDERS / sizeof *FOLDERS; i++) {
        Error e = {0};
        snprintf(path, sizeof path, "%s/folder%zu", test_dir(), i);
        if (test_check(make_folder(path, &FOLDERS[i], &e), "folder %zu is written", i))
            row_of(path, FOLDERS[i].row, FOLDERS[i].words);
    }
    for (int i = 0; family_row(i); i++) {
        bool given = family_row(i)->traits[0].kind == TRAIT_PIPELINE && family_row(i)->base; /* suite parts has these */
        test_check(reached[i] || given, "row %d (%s) is reached", i, family_row(i)->name);
        test_check(!family_row(i)->base == (family_row(i)->is && family_row(i)->advice), "row %d is run or refused", i);
    }
}

/* --- numbers from shapes --- */

static SdConfig small(SdConfig k) {
    k.unet.channels = k.vae.channels = 64;
    k.unet.levels = 3;
    k.unet.depth[1] = 2;
    k.unet.depth[2] = 0;
    k.unet.mult[3] = k.unet.depth[3] = 0;
    k.unet.mult[2] = 2;
    k.unet.middle_depth = 3;
    k.unet.res_blocks = 1;
    k.unet.in_channels = 9;
    k.unet.context = 0;
    for (int i = 0; i < k.encoders; i++) {
        k.unet.context += k.clip[i].width = 128 + 64 * i;
        k.clip[i].heads = 2 + i;
        k.clip[i].layers = 3;
        k.clip[i].mlp = 96;
        k.clip[i].vocabulary = 1000;
        if (k.clip[i].pooled) k.unet.label += 80 - k.clip[i].pooled, k.clip[i].pooled = 80;
    }
    k.vae.levels = 2;
    k.vae.mult[2] = k.vae.mult[3] = 0;
    k.vae.res_blocks = 3;
    return k;
}

/* NAME.yaml beside the file: what shapes do not tell is taken from there, or refused by name. */
static void beside(const char *path, const SdConfig *k) {
    static const struct {
        const char *text, *words; /* words NULL: taken */
    } CASES[] = {
        {"model:\n  params:\n    parameterization: \"v\"\n    scale_factor: 0.13025\n    unet_config:\n      params:\n"
         "        num_heads: 16\n    cond_stage_config:\n      params:\n        layer: \"%s\"\n",
         NULL},
        {"model:\n  params:\n    unet_config:\n      params:\n        num_head_channels: 32\n        in_channels: 4\n  "
         "  scale_factor: "
         "0.13025\n    cond_stage_config:\n      params:\n        layer: \"%s\"\n",
         NULL},
        {"model:\n  params:\n    parameterization: x0 # %s\n",
         "shapes.yaml: \"model.params.parameterization\" is \"x0\""},
        {"model:\n  params:\n    timesteps: 100 # %s\n", "timesteps\" is 100"},
        {"model:\n  params:\n    scale_factor: 0 # %s\n", "scale_factor\" is 0"},
        {"model:\n  params:\n    cond_stage_config:\n      params:\n        layer: hidden # %s\n",
         "layer\" is \"hidden\""},
        {"title: a cat # %s\n", "has no \"model\""},
        {"model: [1 # %s\n", "shapes.yaml: line 1"}};
    char own[1024]; /* test_path has few results at once */
    snprintf(own, sizeof own, "%s", path);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char text[1024];
        Error e = {0};
        SdConfig found;
        ConfigNotes notes;
        snprintf(text, sizeof text, CASES[i].text, k->clip[0].open_clip ? "penultimate" : "last");
        test_write(test_path("shapes.yaml"), text, strlen(text));
        Checkpoint *c = checkpoint_open(own, &e);
        bool ok = c && detect_config(c, &found, &notes, &e);
        if (CASES[i].words) ok = !ok && e.code == ERR_FORMAT && holds(e.text, CASES[i].words);
        else {
            ok = ok && found.vae.scale == 0.13025 && found.clip[0].layer == (k->clip[0].open_clip ? 2 : 1);
            ok = ok && (i ? found.unet.head_dim == 32 && !found.unet.heads && found.prediction == PREDICT_EPS
                          : found.unet.heads == 16 && found.prediction == PREDICT_V);
        }
        test_check(ok, "%s with YAML %zu", k->family, i);
        test_note("%s", e.text);
        checkpoint_close(c);
    }
    remove(test_path("shapes.yaml"));
}

/* sgm's, beside SDXL's. */
static void beside_sgm(const char *path, const SdConfig *k) {
    static const struct {
        const char *scaling, *outdim, *words; /* words NULL: taken */
    } CASES[] = {{"EpsScaling", "256", NULL},
                 {"VScaling", "256", NULL},
                 {"EDMScaling", "256", "scaling_config.target\" is \"sgm.denoiser_scaling.EDMScaling\""},
                 {"EpsScaling", "128", "emb_models.1.params.outdim\" is 128"}};
    char own[1024];
    snprintf(own, sizeof own, "%s", path);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char text[2048];
        Error e = {0};
        SdConfig found;
        ConfigNotes notes;
        snprintf(text, sizeof text,
                 "model:\n  target: sgm.models.diffusion.DiffusionEngine\n  params:\n    scale_factor: 0.2\n"
                 "    denoiser_config:\n      params:\n        num_idx: 1000\n        scaling_config:\n"
                 "          target: sgm.denoiser_scaling.%s\n    network_config:\n      params:\n"
                 "        num_head_channels: 32\n        context_dim: [64, 64]\n    conditioner_config:\n"
                 "      params:\n        emb_models:\n          # text\n          - is_trainable: False\n"
                 "            target: sgm.FrozenCLIPEmbedder\n            params:\n              layer: hidden\n"
                 "              layer_idx: 11\n\n          - target: sgm.ConcatTimestepEmbedderND\n"
                 "            params:\n              outdim: %s # each\n    first_stage_config:\n"
                 "      target: sgm.models.autoencoder.AutoencoderKL\n",
                 CASES[i].scaling, CASES[i].outdim);
        test_write(test_path("shapes.yaml"), text, strlen(text));
        Checkpoint *c = checkpoint_open(own, &e);
        bool ok = c && detect_config(c, &found, &notes, &e);
        if (CASES[i].words) ok = !ok && e.code == ERR_FORMAT && holds(e.text, CASES[i].words);
        else
            ok = ok && found.vae.scale == 0.2 && found.unet.head_dim == 32 && !*notes.unknown && notes.prediction &&
                 found.prediction == (i ? PREDICT_V : PREDICT_EPS);
        test_check(ok, "%s with sgm's YAML %zu", k->family, i);
        test_note("%s %s", e.text, notes.unknown);
        checkpoint_close(c);
    }
    remove(test_path("shapes.yaml"));
}

static void shapes(const char *what, SdConfig k) {
    Error e = {0};
    WeightList l = {.err = &e};
    Unet u;
    Vae d = {0}, n = {0};
    Clip c[MAX_ENCODERS] = {{.layers = NULL}};
    size_t at = bind_enter(&l, KEY_UNET);
    bool ok = unet_bind(&u, &k.unet, &l);
    bind_leave(&l, at);
    at = bind_enter(&l, KEY_VAE);
    ok = ok && vae_bind_decoder(&d, &k.vae, &l) && vae_bind_encoder(&n, &k.vae, &l);
    bind_leave(&l, at);
    for (int i = 0; ok && i < k.encoders; i++) {
        char prefix[KEY_ENCODER_SIZE];
        at = bind_enter(&l, "%s", key_encoder(&k, i, prefix));
        ok = clip_bind(&c[i], &k.clip[i], &l);
        bind_leave(&l, at);
    }
    FileTensor *t = calloc((size_t)(ok ? l.count : 1), sizeof *t);
    if (!test_check(ok && t, "%s: bound", what)) return;
    int64_t bytes = 0;
    for (int64_t i = 0; i < l.count; i++) {
        t[i] = (FileTensor){.name = l.w[i]->name, .dtype = U8};
        t[i].nd = gen_torch_shape(l.w[i], t[i].n);
        bytes += tensor_count(l.w[i]->t);
    }
    uint8_t *zeros = calloc((size_t)bytes, 1);
    const char *path = test_path("shapes.safetensors");
    StWriter *w = zeros ? st_write_begin(path, t, (size_t)l.count, NULL, 0, &e) : NULL;
    ok = w && st_write_data(w, zeros, (size_t)bytes, &e) && st_write_end(w, &e);
    Checkpoint *file = ok ? checkpoint_open(path, &e) : NULL;
    SdConfig found;
    ConfigNotes notes;
    ok = file && detect_config(file, &found, &notes, &e);
    if (!strcmp(k.family, "SD-Turbo")) { /* the one family whose tensors say so: test_few_steps.c */
        memcpy(k.sampler, found.sampler, sizeof k.sampler), memcpy(k.scheduler, found.scheduler, sizeof k.scheduler);
        k.few_steps = true, k.steps = 1, k.cfg = 1, k.width = k.height = 512;
    }
    char *expected = config_to_json(&k), *json = ok ? config_to_json(&found) : NULL;
    test_check(json && expected && !strcmp(json, expected), "%s: all numbers are found", what);
    test_note("%s %s instead of %s", e.text, json ? json : "", expected ? expected : "");
    checkpoint_close(file);
    if (ok && !k.conditioner) beside(path, &k);
    else if (ok) beside_sgm(path, &k);
    free(json);
    free(expected);
    free(zeros);
    free(t);
    weight_list_free(&l);
    unet_free(&u);
    vae_free(&d);
    vae_free(&n);
    for (int i = 0; i < MAX_ENCODERS; i++) clip_free(&c[i]);
}

SUITE(families, .seconds = 1) {
    rows();
    shapes("SD 1.x", small(config_sd1()));
    shapes("SD 2.x", small(config_sd2()));
    shapes("SD-Turbo", small(config_sd_turbo()));
    shapes("SDXL", small(config_sdxl()));
    shapes("SDXL refiner", small(config_sdxl_refiner()));
}
