/* fuzz_checkpoint.c: a diffusers folder from outside: model_index.json, the U-Net's config.json and index of shards,
 * and one shard; the other parts are missing. */
#define _XOPEN_SOURCE 700
#include "fuzz.h"

#include "sd/models/families.h"

#include <stdio.h>
#include <sys/stat.h>

FUZZ(checkpoint) {
    static const char *const NAMES[] = {"model/model_index.json", "model/unet/config.json",
                                        "model/unet/diffusion_pytorch_model.safetensors.index.json"};
    FuzzBytes rest = {data, size};
    char path[1024];
    snprintf(path, sizeof path, "%s/model", fuzz_folder());
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/model/unet", fuzz_folder());
    mkdir(path, 0700);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) fuzz_file(NAMES[i], fuzz_part(&rest));
    FuzzBytes shard = fuzz_weights(rest);
    fuzz_file("model/unet/a.safetensors", shard);
    snprintf(path, sizeof path, "%s/model", fuzz_folder());
    Error e = {0};
    Checkpoint *c = checkpoint_open(path, &e);
    if (fuzz_verdict(c != NULL, &e)) {
        SdConfig k;
        ConfigNotes notes;
        fuzz_require(checkpoint_tensors(c) >= 0 && c->layout == CHECKPOINT_DIFFUSERS);
        fuzz_verdict(detect_config(c, &k, &notes, &e), &e);
    }
    checkpoint_close(c);
    fuzz_weights_free(shard);
}
