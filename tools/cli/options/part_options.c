#include "part_options.h"

#include "weights/files/file_open.h"

#include <string.h>

bool part_rows(int i, Option *o) {
    static const Option ROWS[] = {
        OPTION_OF(PartOptions, STRING, vae, 0, "vae", "FILE", "a VAE in place of the model's (none: the model's own)"),
        OPTION_OF(PartOptions, STRING, text_encoder, 0, "text-encoder", "FILE",
                  "a text encoder in place of the model's (SDXL: the first, CLIP-L)"),
        OPTION_OF(PartOptions, STRING, text_encoder_2, 0, "text-encoder-2", "FILE",
                  "a second text encoder in place of SDXL's (OpenCLIP bigG)"),
        OPTION_OF(PartOptions, STRING, unet, 0, "unet", "FILE", "a U-Net in place of the model's"),
        OPTION_OF(PartOptions, STRING, taesd, 0, "taesd", "FILE",
                  "TAESD or TAESDXL, which decodes in place of the VAE, and encodes if FILE has an encoder")};
    if (i >= (int)(sizeof ROWS / sizeof *ROWS)) return false;
    *o = ROWS[i];
    return true;
}

void part_options_set(const PartOptions *p, SdOptions *o) {
    o->vae = p->vae && strcmp(p->vae, "none") != 0 ? p->vae : NULL;
    o->text_encoder = p->text_encoder;
    o->text_encoder_2 = p->text_encoder_2;
    o->unet = p->unet;
    o->taesd = p->taesd;
}

bool part_options_name(const PartOptions *p, const char *path) {
    const char *const named[] = {p->vae, p->text_encoder, p->text_encoder_2, p->unet, p->taesd};
    bool found = false;
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) found = found || file_same(path, named[i]);
    return found;
}
