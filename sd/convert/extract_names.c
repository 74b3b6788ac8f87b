/* extract_names.c: kohya's names of a model's layers, and which of them the networks of those scripts have: those of
 * attention, feed-forward and ResBlocks (kohya-ss/sd-scripts, networks/lora.py: TARGET_REPLACE_MODULE). */
#include "extract.h"

#include "sd/models/config_detect.h"
#include "weights/formats/names.h"

#include <stdio.h>
#include <string.h>

static bool is_of_blocks(const char *path) {
    static const char *const WITHOUT[] = {"input_blocks.0.0.", "out.", "time_embed.", "label_emb.", "time_cond_proj"};
    for (size_t i = 0; i < sizeof WITHOUT / sizeof *WITHOUT; i++)
        if (!strncmp(path, WITHOUT[i], strlen(WITHOUT[i]))) return false;
    return true;
}

/* path without ".weight", dots as '_', after a prefix */
static void spell(char out[EXTRACT_NAME], const char *prefix, const char *path, size_t size) {
    size_t n = (size_t)snprintf(out, EXTRACT_NAME, "%s_", prefix);
    for (size_t i = 0; i < size && n + 1 < EXTRACT_NAME; i++) out[n++] = path[i] == '.' ? '_' : path[i];
    out[n] = 0;
}

static size_t without_weight(const char *path) {
    size_t n = strlen(path), end = strlen(".weight");
    return n > end && !strcmp(path + n - end, ".weight") ? n - end : 0;
}

static int unet_names(const SdModel *m, const Weight *w, ExtractLayer *out) {
    const SdConfig *c = &m->config;
    char part[24], other[256];
    const char *path = w->name + strlen(KEY_UNET);
    if (!is_of_blocks(path)) return 0;
    bool own = c->encoders > 1; /* SDXL keeps the original names there */
    if (!own && name_to_diffusers(w->name, c->unet.res_blocks, c->unet.levels, c->vae.levels, part, sizeof part, other,
                                  sizeof other))
        path = other;
    *out = (ExtractLayer){.first = 0, .rows = w->t.n[0]};
    spell(out->name, "lora_unet", path, without_weight(path));
    return without_weight(path) > 0;
}

static int text_names(const SdModel *m, int encoder, const Weight *w, ExtractLayer out[3]) {
    static const char *const SPLIT[] = {"q_proj", "k_proj", "v_proj"};
    const char *prefix = m->config.encoders < 2 ? "lora_te" : encoder ? "lora_te2" : "lora_te1";
    char key[KEY_ENCODER_SIZE], other[256], name[256];
    const char *path = w->name + strlen(key_encoder(&m->config, encoder, key)), *end;
    if (name_open_to_clip(path, other, sizeof other)) path = other;
    if (!strstr(path, "encoder.layers.")) return 0;
    end = strstr(path, "in_proj_weight");
    int count = end ? 3 : 1;
    int64_t rows = w->t.n[0] / count;
    for (int i = 0; i < count; i++) {
        if (end) snprintf(name, sizeof name, "%.*s%s.weight", (int)(end - path), path, SPLIT[i]);
        else snprintf(name, sizeof name, "%s", path);
        out[i] = (ExtractLayer){.first = i * rows, .rows = rows};
        spell(out[i].name, prefix, name, without_weight(name));
        if (!without_weight(name)) return 0;
    }
    return count;
}

int extract_names(const SdModel *m, Part part, const Weight *w, ExtractLayer out[3]) {
    if (w->kind != WEIGHT_LINEAR && w->kind != WEIGHT_CONV) return 0;
    return part == PART_UNET ? unet_names(m, w, out) : text_names(m, part - PART_TEXT, w, out);
}
