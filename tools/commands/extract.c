/* extract.c: `sdc extract A B --rank R -o FILE`. */
#include "tools/cli/commands.h"
#include "tools/cli/output.h"
#include "sd/sd.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"

#include <inttypes.h>
#include <stdio.h>

#define TYPES "f16|f32|bf16"

typedef struct {
    const char *output, *dtype;
    int rank, conv_rank;
    bool quiet;
} Arguments;

static const Option OPTIONS[] = {
    OPTION(STRING, output, 'o', "output", "FILE", "the LoRA, a .safetensors file (needed)"),
    OPTION_IN(INT, rank, 'r', "rank", "N", 1, 1024, "singular values that are kept of each layer's difference (16)"),
    OPTION_IN(INT, conv_rank, 0, "conv-rank", "N", 0, 1024,
              "those of convolutions larger than 1x1; 0 leaves them out (as --rank)"),
    OPTION(CHOICE, dtype, 0, "dtype", TYPES, "the file's type (f16)"),
    OPTION(FLAG, quiet, 'q', "quiet", NULL, "print errors only"),
    OPTION_END};

static int extract(const Command *c, int argc, char **argv) {
    Arguments a = {.rank = 16, .conv_rank = -1};
    Error e = {0};
    SdExtracted done;
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code != GO_ON) return code;
    if (rest != 2) return usage_error(c, "needs two models, the original and the changed one, not %d", rest);
    if (!a.output) return usage_error(c, "needs -o FILE, where the LoRA goes");
    for (int i = 0; i < 2; i++) {
        if (!*argv[i]) return usage_error(c, "a name is empty");
        if (file_same(argv[i], a.output))
            return usage_error(c, "%.200s: is read and would be overwritten; name another output", a.output);
    }
    code = output_file(c, "--output", &a.output);
    if (code != GO_ON) return code;
    const SdExtract how = {.rank = a.rank, .conv_rank = a.conv_rank < 0 ? a.rank : a.conv_rank, .dtype = a.dtype};
    if (!atomic_check(a.output, &e) || !sd_extract(argv[0], argv[1], a.output, &how, &done, &e)) return report(c, &e);
    if (!a.quiet) {
        printf("%s: written: %" PRId64 " layers, %.2f %% of their difference by squares", file_shown(a.output),
               done.modules, 100 * done.share);
        if (done.left)
            printf("; %" PRId64 " more tensors differ, which a LoRA does not hold (norms, biases, embeddings, the VAE)",
                   done.left);
        printf("\n");
    }
    return finish_output();
}

const Command EXTRACT = {
    "extract",
    extract,
    "A B -o FILE [options]",
    "make a LoRA of the difference of two models",
    "The LoRA makes of A nearly what B is: sdc merge A --lora FILE. Models of one family, in any files and folders "
    "that "
    "-m takes. Layers are those that kohya's scripts train, under their names, which other programs read, too.",
    OPTIONS};
