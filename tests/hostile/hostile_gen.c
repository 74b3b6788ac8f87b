/* hostile_gen.c: what the generators (tests/gen) found, by name. */
#include "hostile.h"
#include "sd/models/config_detect.h"
#include "sd/sd.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* It met an assertion: the U-Net's ends were bound for another width. */
static bool wide_first_level(void) {
    SdConfig k = micro_config();
    k.unet.mult[0] = 2;
    return make_model_of(cli_path("wide.safetensors"), (MakeModel){.dtype = F32}, k);
}

static void drop_encoder(void *user, MadeTensors *l) {
    size_t kept = 0;
    (void)user;
    for (size_t i = 0; i < l->count; i++)
        if (strncmp(l->at[i].name, KEY_VAE "encoder.", strlen(KEY_VAE "encoder."))) l->at[kept++] = l->at[i];
    l->count = kept;
}

/* It crashed: the plan asked for the bytes of tensors that the file lacks. */
static bool no_encoder(void) {
    static uint8_t rgb[16 * 16 * 3];
    const SdPicture from = {.rgb = rgb, .width = 16, .height = 16};
    Error e = {0};
    return make_model(cli_path("noenc.safetensors"), (MakeModel){.dtype = F32, .edit = drop_encoder}) &&
           sd_save_png(&from, cli_path("from.png"), &e);
}

HOSTILE(generators) {
    static const HostileCase CASES[] = {
        {"first-level", .args = "info wide.safetensors", .code = 1, .words = "wide.safetensors: |mult[0] is 2"},
        {"no-encoder", .args = "img2img -m noenc.safetensors -i from.png -p x -W 64 -H 64 --steps 2 -o o.png",
         .code = 1, .words = "encoder.conv_in.weight is missing"},
    };
    if (!wide_first_level() || !no_encoder()) abort();
    hostile_cases(CASES, sizeof CASES / sizeof *CASES);
}
