/* convert.c: `sdc convert IN OUT [--dtype f32|f16|bf16|q8_0] [--layout single|diffusers] [--out-format F] [--clamp]
 * [--ema]`. */
#include "tools/cli/commands.h"
#include "tools/cli/output.h"
#include "sd/sd.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const char *dtype;
    const char *layout, *format;
    bool clamp, ema, quiet;
} Arguments;

static const Option OPTIONS[] = {
    OPTION(CHOICE, dtype, 0, "dtype", "f32|f16|bf16|q8_0",
           "the type of all weights (unchanged); q8_0: of the text encoders' and the U-Net's large ones"),
    OPTION(FLAG, clamp, 0, "clamp", NULL,
           "go on where a weight is too large for the type, with the type's largest number"),
    OPTION(CHOICE, layout, 0, "layout", "single|diffusers",
           "for other programs: a file in torch's order and names, or a new folder OUT (a file that opens faster)"),
    OPTION(CHOICE, format, 0, "out-format", "safetensors|gguf",
           "OUT's format (safetensors); gguf: a single file as stable-diffusion.cpp reads it"),
    OPTION(FLAG, ema, 0, "ema", NULL, "take the moving averages that training kept (model_ema.*) for the U-Net"),
    OPTION(FLAG, quiet, 'q', "quiet", NULL, "print errors only"),
    OPTION_END};

static int convert(const Command *c, int argc, char **argv) {
    Arguments a = {0};
    Error e = {0};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code != GO_ON) return code;
    if (rest != 2) return usage_error(c, "needs two names, IN and OUT, not %d", rest);
    const char *in = argv[0], *out = argv[1];
    const SdConvert how = {.dtype = a.dtype, .clamp = a.clamp, .layout = a.layout, .format = a.format, .ema = a.ema};
    bool folder = a.layout && !strcmp(a.layout, "diffusers");
    SdConverted done;
    if (!*in || !*out) return usage_error(c, "a name is empty");
    input_file(&in);
    code = output_file(c, "OUT", &out);
    if (code != GO_ON) return code;
    /* A conversion may lose precision, so it never overwrites its original. */
    if (file_same(in, out)) return usage_error(c, "%.200s: IN and OUT are the same file; name another OUT", out);
    if ((!folder && !atomic_check(out, &e)) || !sd_convert(in, out, &how, &done, &e)) return report(c, &e);
    if (done.not_finite)
        fprintf(stderr,
                "sdc: warning: %.200s: %lld weights are infinite or NaN, the first in %s; it will draw nothing\n", in,
                (long long)done.not_finite, done.tensor);
    if (done.clamped)
        fprintf(stderr, "sdc: warning: %.200s: %lld weights were clamped, the first in %s\n", in,
                (long long)done.clamped, done.tensor);
    if (!a.quiet) printf("%s: written\n", file_shown(out));
    return finish_output();
}

const Command CONVERT = {
    "convert", convert, "IN OUT [options]", "write a model as one file that opens faster, or in other layouts",
    NULL,      OPTIONS};
