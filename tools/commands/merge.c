/* merge.c: `sdc merge A B [C] -o OUT --ratio R --mode weighted|add-difference|none`. */
#include "tools/cli/commands.h"
#include "tools/cli/options/network_options.h"
#include "tools/cli/output.h"
#include "sd/sd.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"

#include <inttypes.h>
#include <stdio.h>

#define MODES "weighted|add-difference|none"

typedef struct {
    const char *output, *vae, *discard;
    double ratio;
    int mode; /* SdMergeMode; -1: by the number of models */
    bool half, quiet;
    int apply; /* SdApply */
    NetworkOptions networks;
} Arguments;

static const Option OPTIONS[] = {
    OPTION(STRING, output, 'o', "output", "FILE", "the new model, a .safetensors file (needed)"),
    OPTION_IN(DOUBLE, ratio, 'r', "ratio", "R", 0, 1, "how much of B, or of B - C (0.3)"),
    OPTION(ENUM, mode, 0, "mode", MODES,
           "(1 - R) A + R B; A + R (B - C); A alone (weighted of two models, add-difference of three, none of one)"),
    OPTION(FLAG, half, 0, "half", NULL, "save F32 that was computed as F16"),
    OPTION(LIST, networks.lora, 0, "lora", "FILE[:TE[:UNET]]", "a LoRA or the like to bake into one model"),
    OPTION(ENUM, apply, 0, "lora-apply", "exact|webui",
           "its changes are added up in f32, or rounded as the webui does"),
    OPTION(STRING, vae, 0, "vae", "FILE", "a VAE to bake in"),
    OPTION(STRING, discard, 0, "discard", "GLOB", "leave out tensors of such names: 'model_ema.*'"),
    OPTION(FLAG, quiet, 'q', "quiet", NULL, "print errors only"),
    OPTION_END};

static void say(const Arguments *a, const SdMerged *d) {
    printf("%s: written: %" PRId64 " tensors merged", file_shown(a->output), d->merged);
    if (d->kept) printf(", %" PRId64 " of A kept that B lacks", d->kept);
    if (d->left_out) printf(", %" PRId64 " of B left out that A lacks", d->left_out);
    if (d->inpainting || d->pix2pix) printf(", 4 of the %d input channels merged", d->inpainting ? 9 : 8);
    if (d->changed) printf(", %" PRId64 " changed by networks", d->changed);
    if (d->baked) printf(", %" PRId64 " of the VAE's baked in", d->baked);
    if (d->discarded) printf(", %" PRId64 " discarded", d->discarded);
    printf("\n");
}

/* What of the networks is not in the new file. */
static void note_left(const char *file, const SdMerged *d) {
    if (d->unmatched)
        fprintf(stderr, "sdc: note: %.200s: %" PRId64 " of the networks' parts have no place in it: %s%s\n", file,
                d->unmatched, d->names, d->unmatched > 4 ? ", ..." : "");
    if (d->embeddings)
        fprintf(stderr, "sdc: note: %.200s: %" PRId64 " tensors of embeddings stay in the networks\n", file,
                d->embeddings);
}

static int merge(const Command *c, int argc, char **argv) {
    Arguments a = {.ratio = 0.3, .mode = -1};
    Error e = {0};
    SdMerged done;
    const char *in[3] = {NULL, NULL, NULL};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code != GO_ON) return code;
    static const int NEEDS[] = {2, 3, 1};
    if (rest < 1 || rest > 3) return usage_error(c, "needs one to three models, not %d", rest);
    if (a.mode < 0) a.mode = rest == 1 ? SD_MERGE_NONE : rest == 2 ? SD_MERGE_WEIGHTED : SD_MERGE_ADD_DIFFERENCE;
    if (NEEDS[a.mode] != rest)
        return usage_error(c, "--mode %s takes %d model%s, not %d",
                           a.mode == SD_MERGE_NONE       ? "none"
                           : a.mode == SD_MERGE_WEIGHTED ? "weighted"
                                                         : "add-difference",
                           NEEDS[a.mode], NEEDS[a.mode] > 1 ? "s" : "", rest);
    if (!a.output) return usage_error(c, "needs -o FILE, where the new model goes");
    if (rest == 1 && !a.vae && !a.discard && !a.half && !a.networks.lora.count)
        return usage_error(c, "one model and nothing to do; give a second one, --lora, --vae, --discard or --half");
    if (a.apply && !a.networks.lora.count)
        return usage_error(c, "--lora-apply: counts with --lora, which is not given");
    if (rest > 1 && a.networks.lora.count)
        return usage_error(c, "--lora: is baked into one model; merge the models first");
    for (int i = 0; i < rest; i++) {
        in[i] = argv[i];
        if (!*in[i]) return usage_error(c, "a name is empty");
        if (file_same(in[i], a.output))
            return usage_error(c, "%.200s: is merged and would be overwritten; name another output", a.output);
    }
    if (file_same(a.vae, a.output))
        return usage_error(c, "%.200s: is the VAE and would be overwritten; name another output", a.output);
    code = output_file(c, "--output", &a.output);
    if (code == GO_ON) code = network_options_read(c, &a.networks);
    if (code == GO_ON && network_options_name(&a.networks, a.output))
        code = usage_error(c, "%.200s: is a network and would be overwritten; name another output", a.output);
    const SdMerge how = {.mode = (SdMergeMode)a.mode,
                         .ratio = a.ratio,
                         .half = a.half,
                         .vae = a.vae,
                         .discard = a.discard,
                         .networks = a.networks.networks,
                         .network_count = a.networks.lora.count,
                         .network_apply = (SdApply)a.apply};
    bool ok = code == GO_ON && atomic_check(a.output, &e) && sd_merge(in, a.output, &how, &done, &e);
    network_options_free(&a.networks);
    if (code != GO_ON) return code;
    if (!ok) return report(c, &e);
    if (done.not_finite)
        fprintf(stderr,
                "sdc: warning: %.200s: %" PRId64 " weights are infinite or NaN, the first in %s; it may draw nothing\n",
                file_shown(a.output), done.not_finite, done.tensor);
    if (!a.quiet) note_left(file_shown(a.output), &done);
    if (!a.quiet) say(&a, &done);
    return finish_output();
}

const Command MERGE = {
    "merge",
    merge,
    "A B [C] -o OUT [options]",
    "merge models, as the webui's checkpoint merger does",
    "Models of one family, in any files and folders that -m takes. What A alone has is kept, what A "
    "lacks is left out. If only A is an inpainting or instruct-pix2pix model, the input channels "
    "that both have are merged. --lora bakes networks into one model. The file says what it is made of (sdc info).",
    OPTIONS};
