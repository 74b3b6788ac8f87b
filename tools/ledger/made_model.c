/* made_model.c: see made_model.h. Values depend on the single file's names, whatever a layout calls a tensor, so the
 * same model comes out of every layout. */
#include "made_model.h"

#include "generated.h"
#include "sd/models/clip.h"
#include "sd/models/config_detect.h"
#include "sd/models/unet.h"
#include "sd/models/vae.h"
#include "tensor/q8.h"
#include "weights/formats/blocks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POSITION_IDS "text_model.embeddings.position_ids"

MadeTensor *made_tensor(MadeTensors *l, const char *source, const char *name, DType type, int nd, const int64_t *n) {
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? 2 * l->capacity : 1024;
        MadeTensor *at = realloc(l->at, capacity * sizeof *at);
        if (!at) return error_set(l->err, ERR_MEMORY, "out of memory for a list of tensors"), NULL;
        l->at = at;
        l->capacity = capacity;
    }
    MadeTensor *e = &l->at[l->count++];
    *e = (MadeTensor){.t = {.dtype = type, .nd = nd}};
    snprintf(e->source, sizeof e->source, "%s", source);
    snprintf(e->name, sizeof e->name, "%s", name);
    for (int i = 0; i < nd; i++) e->t.n[i] = n[i];
    return e;
}

void made_list(MadeTensors *l, WeightList *w, size_t skip, DType type) {
    for (int64_t i = 0; i < w->count; i++) {
        int64_t n[MAX_DIMS];
        int nd = gen_torch_shape(w->w[i], n);
        bool rows = nd >= 2 && n[nd - 1] % Q8_NUMBERS == 0;
        made_tensor(l, w->w[i]->name, w->w[i]->name + skip, type == Q8_0 && !rows ? F32 : type, nd, n);
    }
    weight_list_free(w);
}

static void made_encoder(MadeTensors *l, const SdConfig *k, int i, DType type) {
    Clip c;
    char prefix[KEY_ENCODER_SIZE], name[96];
    WeightList text = {.err = l->err};
    snprintf(text.path, sizeof text.path, "%s", key_encoder(k, i, prefix));
    if (clip_bind(&c, &k->clip[i], &text)) made_list(l, &text, 0, type);
    clip_free(&c);
    snprintf(name, sizeof name, "%s" POSITION_IDS, prefix);
    if (!k->clip[i].open_clip) made_tensor(l, "", name, I64, 2, SHAPE(1, k->clip[i].positions));
}

void made_networks(MadeTensors *l, const SdConfig *k, DType type) {
    Unet u;
    Vae v;
    WeightList unet = {.err = l->err, .path = "model.diffusion_model."},
               vae = {.err = l->err, .path = "first_stage_model."};
    if (unet_bind(&u, &k->unet, &unet)) made_list(l, &unet, 0, type);
    unet_free(&u);
    if (vae_bind_encoder(&v, &k->vae, &vae)) made_list(l, &vae, 0, type);
    vae_free(&v);
    vae = (WeightList){.err = l->err, .path = "first_stage_model."};
    if (vae_bind_decoder(&v, &k->vae, &vae)) made_list(l, &vae, 0, type);
    vae_free(&v);
    for (int i = 0; i < k->encoders; i++) made_encoder(l, k, i, type);
}

/* Numbers to any type; integers and rare types are 0 but for I64, which is the number's place (position_ids). */
static void to_type(void *out, const float *in, int64_t at, int64_t n, DType type) {
    memset(out, 0, dtype_bytes(type, n));
    if (type <= BF16) gen_narrow(out, in, n, type);
    for (int64_t i = 0; type == Q8_0 && i < n; i += Q8_NUMBERS)
        quantise_q8_0(in + i, (uint8_t *)out + i / Q8_NUMBERS * Q8_BYTES);
    for (int64_t i = 0; type == F64 && i < n; i++) ((double *)out)[i] = (double)in[i];
    for (int64_t i = 0; type == I64 && i < n; i++) ((int64_t *)out)[i] = at + i;
}

bool made_write(StWriter *w, const MadeTensor *e, Error *err) {
    enum { CHUNK = 1 << 12 };
    float values[CHUNK];
    int64_t typed[CHUNK]; /* as wide as the widest type */
    int64_t count = 1;
    for (int i = 0; i < e->t.nd; i++) count *= e->t.n[i];
    for (int64_t at = 0; at < count; at += CHUNK) {
        int64_t n = count - at < CHUNK ? count - at : CHUNK;
        if (*e->source) gen_weight(values, e->source, e->t.nd, e->t.n, at, n);
        else if (at || !e->numbers || !e->numbers(e->name, values)) memset(values, 0, sizeof values);
        for (int64_t i = 0; i < n && (e->values == VALUES_ALL || (e->values == VALUES_FIRST && at + i < 1)); i++)
            values[i] = (float)e->value;
        to_type(typed, values, at, n, e->t.dtype);
        if (!st_write_data(w, typed, dtype_bytes(e->t.dtype, n), err)) return false;
    }
    return true;
}

SdConfig micro_config(void) {
    SdConfig k = config_sd1();
    for (int i = 1; i < 4; i++) k.unet.mult[i] = 2;
    k.unet.channels = 32;
    k.unet.heads = 4;
    k.unet.context = 32;
    k.unet.groups = k.vae.groups = 8;
    k.vae.channels = 32;
    k.vae.mult[1] = 1;
    k.vae.mult[2] = k.vae.mult[3] = 2;
    k.clip[0].width = 32;
    k.clip[0].layers = 2;
    k.clip[0].heads = 4;
    k.clip[0].mlp = 64;
    k.width = k.height = 64;
    return k;
}

SdConfig micro_lcm_config(void) {
    SdConfig k = micro_config();
    k.unet.guidance = 32;
    return k;
}

static SdConfig shown(SdConfig k, int channels) {
    k.unet.in_channels = channels;
    return k;
}

static void small_encoder(ClipConfig *c, int width, int heads, int pooled) {
    c->width = width;
    c->heads = heads;
    c->mlp = 2 * width;
    c->layers = 3;
    c->pooled = pooled;
}

SdConfig micro_x4_config(void) {
    SdConfig k = config_x4();
    k.unet.channels = 32;
    k.unet.heads = 4;
    k.unet.context = 128;
    k.unet.groups = k.vae.groups = 8;
    k.vae.channels = 32;
    k.vae.mult[1] = 1;
    k.vae.mult[2] = 2;
    small_encoder(&k.clip[0], 128, 2, 0);
    return k;
}

SdConfig micro_inpainting_config(void) { return shown(micro_config(), 9); }
SdConfig micro_pix2pix_config(void) { return shown(micro_config(), 8); }
SdConfig micro_sdxl_inpainting_config(void) { return shown(micro_sdxl_config(), 9); }

/* What the families after SD 1 share. */
static SdConfig small(SdConfig k) {
    double scale = k.vae.scale;
    k.vae = micro_config().vae;
    k.vae.scale = scale;
    k.unet.channels = 32;
    k.unet.head_dim = 16;
    k.unet.groups = 8;
    k.width = k.height = 64;
    return k;
}

SdConfig micro_sd2_config(void) {
    SdConfig k = small(config_sd2());
    for (int i = 1; i < 4; i++) k.unet.mult[i] = 2;
    small_encoder(&k.clip[0], 32, 4, 0);
    k.unet.context = 32;
    return k;
}

SdConfig micro_sd2_v_config(void) {
    SdConfig k = micro_sd2_config();
    k.prediction = PREDICT_V;
    return k;
}

SdConfig micro_sdxl_config(void) {
    SdConfig k = small(config_sdxl());
    k.unet.depth[1] = 1;
    k.unet.depth[2] = k.unet.middle_depth = 2;
    small_encoder(&k.clip[0], 32, 4, 0);
    small_encoder(&k.clip[1], 48, 3, 40);
    k.unet.context = 32 + 48;
    k.unet.label = 40 + 6 * SIZE_WIDTH;
    return k;
}

SdConfig micro_ssd_config(void) {
    static const int UP[9] = {2, 2, 3, 2, 1, 1, 0, 0, 0};
    SdConfig k = micro_sdxl_config();
    k.unet.middle_depth = 0;
    k.unet.uneven = true;
    memcpy(k.unet.up_depth, UP, sizeof UP);
    return k;
}

SdConfig micro_statistics_config(void) {
    static const double MEAN[] = {-1.6574, 0.886, -1.383, 2.5155}, STD[] = {8.4927, 5.9022, 6.5498, 5.2299};
    SdConfig k = micro_sdxl_config();
    k.vae.scale = 0.5;
    k.vae.statistics = true;
    memcpy(k.vae.mean, MEAN, sizeof MEAN);
    memcpy(k.vae.std, STD, sizeof STD);
    return k;
}

SdConfig micro_tiny_config(void) {
    SdConfig k = micro_config();
    k.unet.levels = 3;
    k.unet.mult[3] = k.unet.depth[3] = 0;
    k.unet.res_blocks = 1;
    k.unet.middle_depth = -1;
    return k;
}

SdConfig micro_refiner_config(void) {
    SdConfig k = small(config_sdxl_refiner());
    for (int i = 1; i < 4; i++) k.unet.mult[i] = 2;
    k.unet.depth[1] = 1;
    k.unet.depth[2] = k.unet.middle_depth = 2;
    small_encoder(&k.clip[0], 48, 3, 40);
    k.unet.context = 48;
    k.unet.label = 40 + 5 * SIZE_WIDTH;
    return k;
}

void *micro_model(DType type, size_t *size, Error *e) {
    SdConfig k = micro_config();
    return made_model(&k, type, size, e);
}

void *made_file(MadeTensors *l, const FileMeta *meta, size_t meta_count, size_t *size, Error *e) {
    FileTensor *tensors = malloc((l->count + 1) * sizeof *tensors);
    if (!tensors) error_set(e, ERR_MEMORY, "a model: out of memory");
    for (size_t i = 0; tensors && i < l->count; i++) tensors[i] = l->at[i].t, tensors[i].name = l->at[i].name;
    StWriter *w = e->code ? NULL : st_write_begin_memory("a model", tensors, l->count, meta, meta_count, e);
    for (size_t i = 0; w && !e->code && i < l->count; i++) made_write(w, &l->at[i], e);
    void *bytes = NULL;
    if (w && !e->code) bytes = st_write_end_memory(w, size, e);
    else st_write_abort(w);
    free(tensors);
    free(l->at);
    *l = (MadeTensors){.err = l->err};
    return bytes;
}

void *made_model(const SdConfig *k, DType type, size_t *size, Error *e) {
    MadeTensors l = {.err = e};
    made_networks(&l, k, type);
    char *json = config_to_json(k);
    if (!json) error_set(e, ERR_MEMORY, "a model: out of memory");
    const FileMeta meta[] = {{"format", "pt"}, {"sdc.config", json}};
    void *bytes = made_file(&l, meta, 2, size, e);
    free(json);
    return bytes;
}
