/* config_yaml.c: the original configuration beside a single file tells what shapes do not. */
#include "config_detect.h"
#include "config_keys.h"

#include <string.h>

#define PARAMS "model.params."

/* "num_heads", or "num_head_channels" where that is not -1; their keys. */
static bool heads_of(const ConfigFile *f, const char *number, const char *channels, UnetConfig *u) {
    int heads, width;
    if (!config_int(f, number, -1, 1024, &heads) || !config_int(f, channels, -1, 4096, &width)) return false;
    if (width > 0) u->heads = 0, u->head_dim = width;
    else if (heads > 0) u->heads = heads, u->head_dim = 0;
    return true;
}

/* sgm's, of SDXL and SD-Turbo. */
static bool of_sgm(const ConfigFile *f, SdConfig *out, ConfigNotes *notes) {
    static const char *const SCALING = PARAMS "denoiser_config.params.scaling_config.target";
    JsonNode missing;
    const JsonNode *n = config_value(f, SCALING, &missing);
    const char *class = n->type == JSON_STRING ? strrchr(n->text, '.') : NULL;
    bool v = class && !strcmp(class, ".VScaling");
    if (!v && !(class && !strcmp(class, ".EpsScaling")) && n->type != JSON_NULL)
        return config_refuse(f, SCALING, "where only EpsScaling or VScaling is computed; use another model");
    if (class) out->prediction = v ? PREDICT_V : PREDICT_EPS, notes->prediction = f->file;
    return config_real(f, PARAMS "scale_factor", 1e-6, 1e6, &out->vae.scale) &&
           heads_of(f, PARAMS "network_config.params.num_heads", PARAMS "network_config.params.num_head_channels",
                    &out->unet);
}

/* Levels whose attn1 reads the text; where there is none, the list says nothing. */
static bool only_cross_of(const ConfigFile *f, UnetConfig *u) {
    static const char *const KEY = PARAMS "unet_config.params.disable_self_attentions";
    const JsonNode *list = json_get(f->json, f->root, KEY);
    if (!list || list->type == JSON_NULL) return true;
    if (list->type != JSON_ARRAY || list->count != u->levels)
        return config_refuse(f, KEY, "not one of true and false for each level; download it again");
    int32_t at = list->child;
    for (int i = 0; at >= 0; at = f->json->nodes[at].next, i++) {
        JsonType is = f->json->nodes[at].type;
        if (is != JSON_TRUE && is != JSON_FALSE)
            return config_refuse(f, KEY, "where only true and false are understood; download it again");
        u->only_cross[i] = is == JSON_TRUE && u->depth[i] > 0;
    }
    return true;
}

bool config_from_yaml(const Checkpoint *c, SdConfig *out, ConfigNotes *notes, Error *e) {
    ConfigFile f;
    static const char *const V = PARAMS "parameterization", *const LAYER = PARAMS "cond_stage_config.params.layer";
    if (!config_file(c, CONFIG_YAML, &f, e)) return true;
    if (!json_get(f.json, f.root, "model"))
        return error_set(e, ERR_FORMAT, "%s: has no \"model\"; move it away if it is not the model's configuration",
                         f.file);
    if (!config_keys_check(&f, notes)) return false;
    if (json_get(f.json, f.root, PARAMS "network_config")) return of_sgm(&f, out, notes);
    notes->prediction = f.file;
    if (config_is(&f, V, "v")) out->prediction = PREDICT_V;
    else if (config_is(&f, V, "eps")) out->prediction = PREDICT_EPS;
    else return config_refuse(&f, V, "where only eps or v is computed; use another model");
    if (out->clip[0].open_clip) {
        if (!config_is(&f, LAYER, "penultimate") && !config_is(&f, LAYER, "last"))
            return config_refuse(&f, LAYER, "where only last or penultimate is computed; use another model");
        out->clip[0].layer = config_is(&f, LAYER, "penultimate") ? 2 : 1;
    } else if (!config_is(&f, LAYER, "last"))
        return config_refuse(&f, LAYER, "where only last is computed for this text encoder; use another model");
    return config_real(&f, PARAMS "scale_factor", 1e-6, 1e6, &out->vae.scale) && only_cross_of(&f, &out->unet) &&
           heads_of(&f, PARAMS "unet_config.params.num_heads", PARAMS "unet_config.params.num_head_channels",
                    &out->unet);
}
