#include "named_files.h"

#include "tools/cli/output.h"
#include "tools/cli/picture_start.h"
#include "weights/files/file_open.h"

#include <string.h>

#define ROW(kind, member, letter, name, value, help) OPTION_OF(NamedFiles, kind, member, letter, name, value, help)

static const Option ROWS[] = {
    ROW(STRING, model, 'm', "model", "MODEL", MODEL_HELP),
    ROW(STRING, refiner, 0, "refiner", "MODEL", "the refiner, if one took part"),
    ROW(STRING, hires_model, 0, "hires-checkpoint", "MODEL", "the second model of hires fix, if there was one"),
    ROW(STRING, image, 'i', "image", "FILE", "the picture that img2img began with"),
    ROW(STRING, background, 0, "background", "COLOR", "what showed through that picture: RRGGBB, white, black (white)"),
    ROW(STRING, mask, 0, "mask", "FILE", "the mask of an inpainted picture"),
    ROW(STRING, upscaler, 0, "upscaler", "FILE", "the upscaler of its hires fix or SD upscale, if that was a file"),
    ROW(STRING, noise, 0, "noise", "FILE", "the file of noise that it began with, if there was one"),
    ROW(LIST, controls.control, 0, "control", "FILE:IMAGE",
        "a ControlNet that took part and the picture that it was shown, once for each in the order that is told"),
    ROW(LIST, controls.image_prompt, 0, "image-prompt", "IMAGE", "an image prompt, likewise"),
    ROW(STRING, controls.ip_adapter, 0, "ip-adapter", "FILE", "the IP-Adapter that took part"),
    ROW(STRING, controls.image_encoder, 0, "image-encoder", "FILE", "its vision encoder"),
    ROW(STRING, lora_dir, 0, "lora-dir", "DIR",
        "where the LoRA files are that its prompt names (Lora or loras beside the model)")};

bool named_files_rows(int i, Option *o) {
    if ((size_t)i >= sizeof ROWS / sizeof *ROWS) return false;
    *o = ROWS[i];
    return true;
}

int named_files_check(const Command *c, NamedFiles *n, bool found) {
    uint32_t color;
    input_file(&n->image), input_file(&n->mask), input_file(&n->noise);
    if (n->background && !picture_color(n->background, &color))
        return usage_error(c, "--background: '%.40s' is no colour; write RRGGBB, white or black", n->background);
    if (n->open.device && strchr(n->open.device, ',')) return usage_error(c, "--device: one at a time");
    int code = model_options_check(c, &n->open);
    if (code == GO_ON) code = control_options_read(c, &n->controls);
    return code == GO_ON && !found ? control_options_complete(c, &n->controls) : code;
}

bool named_files_name(const NamedFiles *n, const char *path) {
    const char *const files[] = {n->model, n->refiner, n->hires_model, n->image, n->mask, n->noise, n->upscaler};
    bool found = model_options_name(&n->open, path) || control_options_name(&n->controls, path);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) found = found || file_same(path, files[i]);
    return found;
}
