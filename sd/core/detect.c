/* detect.c: what a model is, as the file of `sdc convert` says it, in place of sd/models/families.c and what that asks.
 */
#include "sd/models/config_detect.h"

#include <stdio.h>

bool detect_config(Checkpoint *c, SdConfig *out, ConfigNotes *notes, Error *e) {
    const char *own = weight_file_meta(c->file, "sdc.config");
    *notes = (ConfigNotes){.prediction = NULL};
    *out = (SdConfig){0};
    if (!own)
        return error_set(e, ERR_FORMAT, "%s: does not say what it is; sd_core takes what `sdc convert` writes",
                         c->path);
    *out = config_sd1();
    if (!config_from_json(out, c->path, own, notes, e) || !config_check(out, c->path, e)) return false;
    notes->prediction = "sdc.config";
    return true;
}

const char *key_encoder(const SdConfig *c, int i, char out[KEY_ENCODER_SIZE]) {
    const char *kind = c->clip[i].open_clip ? "model." : "transformer.";
    if (c->conditioner) snprintf(out, KEY_ENCODER_SIZE, "conditioner.embedders.%d.%s", i, kind);
    else snprintf(out, KEY_ENCODER_SIZE, "cond_stage_model.%s", kind);
    return out;
}
