/* config_yaml.c: the original configuration beside a single file tells what shapes do not. */
#include "config_detect.h"
#include "config_keys.h"

#include <string.h>

#define PARAMS "model.params."
#define NET PARAMS "unet_config.params."

/* "num_heads", or "num_head_channels" where that is not -1. */
static bool heads_of(const ConfigFile *f, UnetConfig *u) {
    int heads, width;
    if (!config_int(f, NET "num_heads", -1, 1024, &heads) || !config_int(f, NET "num_head_channels", -1, 4096, &width))
        return false;
    if (width > 0) u->heads = 0, u->head_dim = width;
    else if (heads > 0) u->heads = heads, u->head_dim = 0;
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
    return config_real(&f, PARAMS "scale_factor", 1e-6, 1e6, &out->vae.scale) && heads_of(&f, &out->unet);
}
