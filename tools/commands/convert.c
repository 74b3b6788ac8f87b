/* convert.c: `sdc convert IN OUT [--dtype f32|f16|bf16]`. */
#include "tools/cli/commands.h"
#include "tools/cli/output.h"
#include "sd/sd.h"
#include "weights/atomic_file.h"

#include <stdio.h>

typedef struct {
    const char *dtype;
    bool quiet;
} Arguments;

const Option CONVERT_OPTIONS[] = {
    {OPT_CHOICE, 0, "dtype", offsetof(Arguments, dtype), "f32|f16|bf16", "the type of all weights (as they are)", 0, 0},
    {OPT_FLAG, 'q', "quiet", offsetof(Arguments, quiet), NULL, "print errors only", 0, 0},
    {OPT_END, 0, NULL, 0, NULL, NULL, 0, 0}};

int cmd_convert(int argc, char **argv) {
    Arguments a = {0};
    Error e = {0};
    int rest = 0, code = options_parse("convert", CONVERT_OPTIONS, &a, argc, argv, &rest);
    if (code != OPTIONS_GO_ON) return code;
    if (rest != 2) return usage_error("convert", "convert takes two names, IN and OUT, not %d", rest);
    const char *in = argv[0], *out = argv[1];
    if (!*in || !*out) return usage_error("convert", "an empty name");
    /* A conversion may lose digits: the original is never what it is written over. */
    if (same_file(in, out)) return usage_error("convert", "%.200s: IN and OUT are one file; name another OUT", out);
    if (!atomic_check(out, &e) || !sd_convert(in, out, a.dtype, &e)) return report("convert", &e) ? EXIT_WORLD : 0;
    if (!a.quiet) printf("%s: written\n", out);
    return finish_output();
}
