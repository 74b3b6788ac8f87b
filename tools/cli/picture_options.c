/* picture_options.c: see picture_options.h. */
#include "picture_options.h"
#include "output.h"
#include "precision.h"
#include "sd/sampling/scheduler.h"
#include "weights/atomic_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SMALLEST = 64, LARGEST = 16384, MOST_PIXELS = 4096 * 4096 };

#define AT(field) offsetof(PictureArguments, field)
#define END                                                                                                            \
    { OPT_END, 0, NULL, 0, NULL, NULL, 0, 0 }

/* clang-format off */
#define COMMON \
    {OPT_STRING, 'm', "model", AT(model), "MODEL", "the model: a file or a folder (the built-in one)", 0, 0}, \
    {OPT_TEXT, 'p', "prompt", AT(prompt), "PROMPT", "what to show; @FILE reads it from a file, - from stdin", 0, 0}, \
    {OPT_TEXT, 'n', "negative", AT(negative), "PROMPT", "what to keep away from, read likewise", 0, 0}, \
    {OPT_STRING, 'o', "out", AT(out), "FILE", "the picture, a PNG file", 0, 0}, \
    {OPT_INT, 'W', "width", AT(width), "N", "pixels, a multiple of 8 (512, or the model's own size)", SMALLEST, \
     LARGEST}, \
    {OPT_INT, 'H', "height", AT(height), "N", "likewise; width x height is 4096x4096 at most", SMALLEST, LARGEST}, \
    {OPT_INT, 0, "steps", AT(steps), "N", "steps of the sampler (20)", 1, 1000}, \
    {OPT_DOUBLE, 0, "cfg", AT(cfg), "X", "how closely to follow the prompt (7)", 0, 1000}, \
    {OPT_STRING, 0, "sampler", AT(sampler), "NAME", "the sampler (Euler a); sdc samplers lists them", 0, 0}, \
    {OPT_STRING, 0, "scheduler", AT(scheduler), "NAME", "the schedule type (Automatic); sdc schedulers lists them", 0, 0}, \
    {OPT_INT, 0, "seed", AT(seed), "N", "of the first picture (-1: random, and printed)", -1, INT64_MAX}, \
    {OPT_DOUBLE, 0, "eta", AT(eta), "X", "how much of a step's noise is new (the sampler's own)", 0, 1}, \
    {OPT_DOUBLE, 0, "s-churn", AT(s_churn), "X", "extra noise of Euler, Heun and DPM2 (0)", 0, 1000}, \
    {OPT_DOUBLE, 0, "s-tmin", AT(s_tmin), "X", "from this sigma on (0)", 0, 1000}, \
    {OPT_DOUBLE, 0, "s-tmax", AT(s_tmax), "X", "up to this sigma (0: no end)", 0, 1000}, \
    {OPT_DOUBLE, 0, "s-noise", AT(s_noise), "X", "scales new noise (1)", 0, 10}, \
    {OPT_DOUBLE, 0, "sigma-min", AT(sigma_min), "X", "lowest sigma of the schedule (0: the model's)", 0, 1000}, \
    {OPT_DOUBLE, 0, "sigma-max", AT(sigma_max), "X", "highest sigma of the schedule (0: the model's)", 0, 1000}, \
    {OPT_DOUBLE, 0, "rho", AT(rho), "X", "rho of Karras and Polyexponential (0: their own)", 0, 1000}, \
    {OPT_FLAG, 0, "discard-next-to-last", AT(discard), NULL, "leave out the schedule's next-to-last sigma", 0, 0}, \
    {OPT_CHOICE, 0, "emphasis", AT(emphasis), "original|no-norm|ignore|none", "what (x:1.2) does (original)", 0, 0}, \
    {OPT_INT, 0, "variation-seed", AT(variation_seed), "N", "the seed of a variation (-1: random)", -1, INT64_MAX}, \
    {OPT_DOUBLE, 0, "variation-strength", AT(variation_strength), "X", "how much of it is mixed in, 0..1 (0)", 0, 1}, \
    {OPT_INT, 0, "seed-width", AT(seed_width), "N", "noise as of a picture of another size", 0, LARGEST}, \
    {OPT_INT, 0, "seed-height", AT(seed_height), "N", "likewise", 0, LARGEST}, \
    {OPT_INT, 0, "ensd", AT(ensd), "N", "eta noise seed delta (0)", INT32_MIN, INT32_MAX}, \
    {OPT_STRING, 0, "steps-sheet", AT(sheet), "FILE", "a contact sheet of the first picture after each step", 0, 0}, \
    {OPT_INT, 0, "batch-size", AT(batch_size), "N", "pictures made at once (1)", 1, 64}, \
    {OPT_INT, 0, "batch-count", AT(batch_count), "N", "how often to make them (1)", 1, 100000}, \
    {OPT_INT, 0, "clip-skip", AT(clip_skip), "N", "the text encoder's layer, from the last (1)", 1, 32}, \
    {OPT_CHOICE, 0, "rng", AT(rng), "nv|cuda|cpu", \
     "noise of an NVIDIA GPU (nv or cuda, the default) or of torch on a CPU", 0, 0}, \
    {OPT_STRING, 0, "device", AT(device), "auto|cpu|cuda[:N,...]", "where to compute (auto)", 0, 0}, \
    {OPT_CHOICE, 0, "precision", AT(precision), PRECISION_NAMES, \
     "f32 (the default); f32-direct: closer to PyTorch; mixed: bf16 products; faster on GPUs: f16, bf16", 0, 0}, \
    {OPT_FLAG, 0, "exact", AT(exact), NULL, "the same bits on every machine: not yet", 0, 0}, \
    {OPT_INT, 0, "threads", AT(threads), "N", "as many threads (0: as many as there are cores)", 0, 1024}, \
    {OPT_SIZE, 0, "memory-limit", AT(memory_limit), "SIZE", "what the process may take: 900M, 4G, 1.5GiB", 0, 0}, \
    {OPT_STRING, 0, "taps", AT(taps), "FILE", "write activations to a safetensors file", 0, 0}, \
    {OPT_STRING, 0, "tap", AT(tap), "GLOB", "only those whose names match (* and ?)", 0, 0}, \
    {OPT_STRING, 0, "noise", AT(noise), "FILE", "begin with the tensor `noise` of this file", 0, 0}, \
    {OPT_FLAG, 'q', "quiet", AT(quiet), NULL, "print errors only", 0, 0},

const Option TXT2IMG_OPTIONS[] = {COMMON END};
const Option IMG2IMG_OPTIONS[] = {
    {OPT_STRING, 'i', "image", AT(image), "FILE", "the picture to start from: PNG, JPEG, BMP, GIF", 0, 0},
    {OPT_DOUBLE, 0, "strength", AT(strength), "X", "how much of it is made anew, 0..1 (0.75)", 0, 1},
    {OPT_CHOICE, 0, "strength-steps", AT(strength_steps), "webui|diffusers|exact",
     "steps that are run: int(strength x steps) + 1, without the 1, or all of them (webui)", 0, 0},
    {OPT_CHOICE, 0, "resize-mode", AT(resize), "stretch|crop|fill", "how it is brought to -W x -H (stretch)", 0, 0},
    {OPT_CHOICE, 0, "encode", AT(encode), "sample|mean", "latents: a sample of the encoder's distribution, or its mean (sample)", 0, 0},
    COMMON END};
/* clang-format on */

static int wrong_sampler(const char *command, const char *name) {
    char names[400] = "", near[200];
    int count;
    const Sampler *all = sampler_list(&count);
    for (int i = 0; i < count; i++) {
        size_t n = strlen(names);
        snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "", all[i].name);
    }
    sampler_suggest(name, near, sizeof near);
    return usage_error(command, "--sampler: no '%.60s'; did you mean %s? There are: %s", name, near, names);
}

/* What this version lacks is named as such, not as a mistake in the spelling. */
static int check_names(const char *command, const PictureArguments *a) {
    const Scheduler *named = NULL;
    if (a->sampler && !sampler_parse(a->sampler, &named)) return wrong_sampler(command, a->sampler);
    if (a->scheduler && !scheduler_find(a->scheduler)) {
        char near[200];
        scheduler_suggest(a->scheduler, near, sizeof near);
        return usage_error(command, "--scheduler: no '%.60s'; did you mean %s? sdc schedulers lists them", a->scheduler,
                           near);
    }
    if (a->exact) return usage_error(command, "--exact: not in this version; leave it out");
    return check_device(command, a->device, "auto", a->precision);
}

static int check_numbers(const char *command, const PictureArguments *a) {
    if (a->width % 8) return usage_error(command, "--width: %" PRId64 " is no multiple of 8", a->width);
    if (a->height % 8) return usage_error(command, "--height: %" PRId64 " is no multiple of 8", a->height);
    if (a->width * a->height > MOST_PIXELS)
        return usage_error(command, "%" PRId64 "x%" PRId64 " is more than %d pixels", a->width, a->height, MOST_PIXELS);
    if (!a->seed_width != !a->seed_height) return usage_error(command, "--seed-width and --seed-height go together");
    if (a->seed > INT64_MAX - a->batch_size * a->batch_count)
        return usage_error(command, "--seed: %" PRId64 " leaves no room to count up", a->seed);
    if (a->tap && !a->taps) return usage_error(command, "--tap: needs --taps FILE");
    if (a->taps && a->batch_count > 1)
        return usage_error(command, "--taps: one file holds one run; leave --batch-count out");
    return OPTIONS_GO_ON;
}

static int check_files(const char *command, const PictureArguments *a) {
    static const char *const OTHERS[] = {".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".safetensors", ".ckpt"};
    Error e = {0};
    for (size_t i = 0; a->out && i < sizeof OTHERS / sizeof *OTHERS; i++) {
        size_t n = strlen(a->out), k = strlen(OTHERS[i]);
        if (n > k && !strcmp(a->out + n - k, OTHERS[i]))
            return usage_error(command, "--out: %.200s: pictures are PNG files; name it .png", a->out);
    }
    if (a->out && (same_file(a->out, a->model) || same_file(a->out, a->noise)))
        return usage_error(command, "--out: %.200s is read as well; name another file", a->out);
    if (a->out && same_file(a->out, a->image))
        return usage_error(command, "--out: %.200s is read as well; name another file", a->out);
    if (a->sheet &&
        ((a->out && !strcmp(a->sheet, a->out)) || same_file(a->sheet, a->model) || same_file(a->sheet, a->image)))
        return usage_error(command, "--steps-sheet: %.200s is used as well; name another file", a->sheet);
    if (a->taps && (same_file(a->taps, a->model) || same_file(a->taps, a->noise)))
        return usage_error(command, "--taps: %.200s is read as well; name another file", a->taps);
    if (a->taps && a->out && (!strcmp(a->taps, a->out) || same_file(a->taps, a->out)))
        return usage_error(command, "--taps: %.200s is the picture's name; name another file", a->taps);
    if (!output_check(a->out, a->batch_size * a->batch_count > 1, &e) || (a->taps && !atomic_check(a->taps, &e)) ||
        (a->sheet && !atomic_check(a->sheet, &e)))
        return report(command, &e) && EXIT_WORLD;
    return OPTIONS_GO_ON;
}

int picture_options(const char *command, const Option *table, PictureArguments *a, int argc, char **argv) {
    *a = (PictureArguments){.seed = -1,
                            .batch_size = 1,
                            .batch_count = 1,
                            .cfg = -1,
                            .eta = -1,
                            .s_noise = 1,
                            .variation_seed = -1,
                            .strength = 0.75};
    int rest = 0, code = options_parse(command, table, a, argc, argv, &rest);
    if (code != OPTIONS_GO_ON) return code;
    if (rest) return usage_error(command, "'%.60s' is no option; put the prompt after -p", argv[0]);
    code = check_names(command, a);
    if (code == OPTIONS_GO_ON) code = check_numbers(command, a);
    if (code == OPTIONS_GO_ON && !a->model && !sd_builtin())
        code = usage_error(command, "no model is built in: -m takes a .safetensors file of Stable Diffusion 1.x or a "
                                    "diffusers folder");
    if (code == OPTIONS_GO_ON && !a->prompt) code = usage_error(command, "no prompt: say what to show after -p");
    if (code == OPTIONS_GO_ON && table == IMG2IMG_OPTIONS && !a->image)
        code = usage_error(command, "no picture to start from: name one after -i");
    return code == OPTIONS_GO_ON ? check_files(command, a) : code;
}
