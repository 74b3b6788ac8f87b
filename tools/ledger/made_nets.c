#include "made_nets.h"

#include "made_model.h"
#include "sd/models/clip_vision.h"
#include "sd/models/controlnet.h"
#include "sd/models/image_adapter.h"
#include "sd/models/t2i_adapter.h"

#include <string.h>

#define CONTROL "control_model."
#define VISION "clip_vision."

void *made_controlnet(const SdConfig *k, size_t *size, Error *e) {
    ControlnetConfig own = {.unet = k->unet, .hint_levels = 4, .hint = {16, 32, 96, 256}};
    Controlnet m = {0};
    MadeTensors l = {.err = e};
    WeightList w = {.err = e, .path = CONTROL};
    controlnet_bind(&m, &own, &w);
    made_list(&l, &w, 0, F32);
    controlnet_free(&m);
    return made_file(&l, NULL, 0, size, e);
}

void *made_t2i_adapter(const SdConfig *k, size_t *size, Error *e) {
    const AdapterConfig own = {.factor = 8, .hint = 3};
    Adapter m;
    MadeTensors l = {.err = e};
    WeightList w = {.err = e, .path = CONTROL};
    adapter_bind(&m, &own, &k->unet, &w);
    made_list(&l, &w, strlen(CONTROL), F32);
    return made_file(&l, NULL, 0, size, e);
}

void *made_ip_adapter(const SdConfig *k, bool plus, size_t *size, Error *e) {
    /* what is known of an encoder without a configuration: 16 heads, quick GELU */
    const ClipVisionConfig seen = {.width = 64,
                                   .layers = 3,
                                   .heads = 16,
                                   .mlp = 96,
                                   .patch = 7,
                                   .side = 4,
                                   .projected = 48,
                                   .act = ACT_QUICK_GELU};
    ImageAdapterConfig own = {.tokens = 4, .features = seen.projected, .context = k->unet.context};
    if (plus) own.states = own.resamples = true, own.features = seen.width, own.width = 40;
    if (plus) own.depth = 2, own.heads = 2, own.mlp = 4 * own.width;
    Unet unet = {0};
    ImageAdapter adapter = {0};
    ClipVision vision = {0};
    MadeTensors l = {.err = e};
    WeightList u = {.err = e, .path = "model.diffusion_model."}, w = {.err = e, .path = CONTROL},
               v = {.err = e, .path = VISION};
    if (unet_bind(&unet, &k->unet, &u)) image_adapter_bind(&adapter, &own, &unet, &w);
    clip_vision_bind(&vision, &seen, &v);
    made_list(&l, &w, strlen(CONTROL), F32);
    made_list(&l, &v, strlen(VISION), F32);
    weight_list_free(&u);
    unet_free(&unet);
    image_adapter_free(&adapter);
    clip_vision_free(&vision);
    return made_file(&l, NULL, 0, size, e);
}

void *made_upscaler(const EsrganConfig *k, size_t *size, Error *e) {
    Esrgan m;
    MadeTensors l = {.err = e};
    WeightList w = {.err = e};
    esrgan_bind(&m, k, &w);
    made_list(&l, &w, 0, F32);
    esrgan_free(&m);
    return made_file(&l, NULL, 0, size, e);
}

EsrganConfig micro_rrdbnet_config(void) {
    return (EsrganConfig){
        .names = ESRGAN_NEW, .channels = 16, .growth = 32, .blocks = 2, .ups = 2, .gather = 2, .scale = 2};
}

EsrganConfig micro_compact_config(void) {
    return (EsrganConfig){.names = ESRGAN_COMPACT, .channels = 32, .blocks = 3, .gather = 1, .scale = 4};
}
