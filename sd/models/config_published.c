/* config_published.c: the configurations of published models. */
#include "config.h"

#include <stdio.h>
#include <string.h>

/* ViT-L of SD 1.x, a macro because it begins every family's configuration. */
#define CLIP_L                                                                                                         \
    {                                                                                                                  \
        .vocabulary = 49408, .positions = 77, .width = 768, .layers = 12, .heads = 12, .mlp = 3072,                    \
        .act = ACT_QUICK_GELU, .layer = 1, .final_norm = true, .pad = 49407                                            \
    }

/* open_clip's ViT-H and ViT-bigG. */
static ClipConfig open_clip(int width, int layers) {
    return (ClipConfig){.vocabulary = 49408,
                        .positions = 77,
                        .width = width,
                        .layers = layers,
                        .heads = width / 64,
                        .mlp = 4 * width,
                        .act = ACT_GELU,
                        .open_clip = true,
                        .layer = 2,
                        .final_norm = true};
}

SdConfig config_sd1(void) {
    return (SdConfig){
        .family = "SD 1.x",
        .unet = {.in_channels = 4,
                 .out_channels = 4,
                 .channels = 320,
                 .levels = 4,
                 .mult = {1, 2, 4, 4},
                 .res_blocks = 2,
                 .depth = {1, 1, 1, 0},
                 .middle_depth = 1,
                 .heads = 8,
                 .context = 768,
                 .groups = 32},
        .vae = {.channels = 128,
                .levels = 4,
                .mult = {1, 2, 4, 4},
                .res_blocks = 2,
                .latent = 4,
                .groups = 32,
                .scale = 0.18215},
        .clip = {CLIP_L},
        .encoders = 1,
    };
}

SdConfig config_sd2(void) {
    SdConfig k = config_sd1();
    snprintf(k.family, sizeof k.family, "SD 2.x");
    k.unet.heads = 0;
    k.unet.head_dim = 64;
    k.unet.linear_projection = true;
    k.unet.context = 1024;
    k.clip[0] = open_clip(1024, 24);
    return k;
}

SdConfig config_sd_turbo(void) {
    SdConfig k = config_sd2();
    snprintf(k.family, sizeof k.family, "SD-Turbo");
    k.conditioner = true;
    return k;
}

/* x4-upscaling.yaml; steps, guidance and sampler are those of its makers' program and of diffusers' pipeline. */
SdConfig config_x4(void) {
    SdConfig k = config_sd2();
    snprintf(k.family, sizeof k.family, "SD x4 upscaler");
    k.unet.in_channels = 7;
    k.unet.channels = 256;
    memcpy(k.unet.mult, (int[MAX_LEVELS]){1, 2, 2, 4}, sizeof k.unet.mult);
    memcpy(k.unet.depth, (int[MAX_LEVELS]){0, 1, 1, 1}, sizeof k.unet.depth);
    memcpy(k.unet.only_cross, (int[MAX_LEVELS]){0, 1, 1, 0}, sizeof k.unet.only_cross);
    k.unet.heads = 8;
    k.unet.head_dim = 0;
    k.unet.classes = 1000;
    k.vae.levels = 3;
    memcpy(k.vae.mult, (int[MAX_LEVELS]){1, 2, 4}, sizeof k.vae.mult);
    k.vae.scale = 0.08333;
    k.prediction = PREDICT_V;
    k.steps = 75;
    k.cfg = 9;
    snprintf(k.sampler, sizeof k.sampler, "DDIM");
    return k;
}

SdConfig config_sdxl(void) {
    SdConfig k = config_sd2();
    snprintf(k.family, sizeof k.family, "SDXL");
    k.unet.levels = 3;
    memcpy(k.unet.mult, (int[MAX_LEVELS]){1, 2, 4}, sizeof k.unet.mult);
    memcpy(k.unet.depth, (int[MAX_LEVELS]){0, 2, 10}, sizeof k.unet.depth);
    k.unet.middle_depth = 10;
    k.unet.context = 2048;
    k.unet.label = 1280 + 6 * SIZE_WIDTH;
    k.vae.scale = 0.13025;
    k.clip[0] = (ClipConfig)CLIP_L;
    k.clip[0].layer = 2;
    k.clip[0].final_norm = false;
    k.clip[1] = open_clip(1280, 32);
    k.clip[1].final_norm = false;
    k.clip[1].pooled = 1280;
    k.encoders = 2;
    k.conditioner = true;
    k.width = k.height = 1024;
    return k;
}

SdConfig config_sdxl_refiner(void) {
    SdConfig k = config_sdxl();
    snprintf(k.family, sizeof k.family, "SDXL refiner");
    k.unet.channels = 384;
    k.unet.levels = 4;
    memcpy(k.unet.mult, (int[MAX_LEVELS]){1, 2, 4, 4}, sizeof k.unet.mult);
    memcpy(k.unet.depth, (int[MAX_LEVELS]){0, 4, 4, 0}, sizeof k.unet.depth);
    k.unet.middle_depth = 4;
    k.unet.context = 1280;
    k.unet.label = 1280 + 5 * SIZE_WIDTH;
    k.clip[0] = k.clip[1];
    k.clip[1] = (ClipConfig){0};
    k.encoders = 1;
    return k;
}
