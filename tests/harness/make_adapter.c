#include "make_adapter.h"

#include "make_model.h"
#include "test.h"
#include "sd/models/clip_vision.h"
#include "sd/models/image_adapter.h"
#include "tools/ledger/generated.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { TOKENS = 5, QUERY = 40, HEADS = 2, SEEN = 32, PROJECTED = 48 };

/* As an adapter's file and an encoder's tell them. */
static ImageAdapterConfig adapter_config(const MadeAdapter *k) {
    int context = k->config.unet.context;
    if (k->full) return (ImageAdapterConfig){.states = true, .features = SEEN, .context = context};
    if (!k->plus) return (ImageAdapterConfig){.tokens = 4, .features = PROJECTED, .context = context};
    return (ImageAdapterConfig){.states = true,
                                .resamples = true,
                                .tokens = TOKENS,
                                .features = SEEN,
                                .context = context,
                                .width = QUERY,
                                .depth = 4,
                                .heads = HEADS,
                                .mlp = 4 * QUERY};
}

static const ClipVisionConfig VISION = {
    .width = SEEN, .layers = 3, .heads = 2, .mlp = 64, .patch = 7, .side = 4, .projected = PROJECTED, .act = ACT_GELU};

static void only_image(void *user, MadeTensors *l) {
    const MadeAdapter *k = user;
    Unet unet = {0};
    ImageAdapter adapter = {0};
    ClipVision vision = {0};
    Error e = {0};
    WeightList u = {.err = &e, .path = "model.diffusion_model."};
    WeightList w = {.err = &e, .path = "control_model."};
    if (k->vision) w.path[0] = 0;
    ImageAdapterConfig own = adapter_config(k);
    ClipVisionConfig sees = VISION;
    if (k->projected) sees.projected = k->projected;
    l->count = 0;
    bool ok = unet_bind(&unet, &k->config.unet, &u) &&
              (k->vision ? clip_vision_bind(&vision, &sees, &w) : image_adapter_bind(&adapter, &own, &unet, &w));
    for (int64_t i = 0; ok && i < w.count; i++) {
        int64_t n[MAX_DIMS];
        char source[200];
        const char *name = w.w[i]->name + (k->vision ? 0 : strlen("control_model."));
        int nd = gen_torch_shape(w.w[i], n);
        snprintf(source, sizeof source, "%s%.170s", k->vision ? "clip_vision." : "control0_model.", name);
        if (!k->lacks || strcmp(name, k->lacks)) made_tensor(l, source, name, F32, nd, n);
    }
    if (k->more) made_tensor(l, "more", k->more, F32, 1, SHAPE(8));
    weight_list_free(&u);
    weight_list_free(&w);
    unet_free(&unet);
    image_adapter_free(&adapter);
    clip_vision_free(&vision);
}

void make_adapter(const char *path, MadeAdapter k) {
    test_check(make_model_of(path, (MakeModel){.dtype = F32, .config = "", .edit = only_image, .user = &k}, k.config),
               "%s is written", strrchr(path, '/') + 1);
}

/* A folder, whose configuration tells the heads. */
void make_vision(char folder[1024]) {
    char path[1200];
    snprintf(folder, 1024, "%s", test_path("image_encoder"));
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    make_adapter(path, (MadeAdapter){.config = micro_config(), .vision = true});
    snprintf(path, sizeof path, "%s/config.json", folder);
    FILE *f = fopen(path, "w");
    test_check(f && fputs("{\"num_attention_heads\": 2, \"hidden_act\": \"gelu\"}", f) >= 0,
               "a configuration is written");
    if (f) fclose(f);
}
