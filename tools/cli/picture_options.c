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

typedef PictureArguments Arguments; /* for the rows */

/* clang-format off */
#define COMMON \
    OPTION(STRING, model, 'm', "model", "MODEL", "the model: a file or a folder (the built-in one)"), \
    OPTION(TEXT, prompt, 'p', "prompt", "PROMPT", "what to show; @FILE reads it from a file, - from stdin"), \
    OPTION(TEXT, negative, 'n', "negative", "PROMPT", "what to keep away from, read likewise"), \
    OPTION(STRING, out, 'o', "out", "FILE", "the picture, a PNG file"), \
    OPTION_IN(INT64, width, 'W', "width", "N", SMALLEST, LARGEST, "pixels, a multiple of 8 (512, or the model's own size)"), \
    OPTION_IN(INT64, height, 'H', "height", "N", SMALLEST, LARGEST, "likewise; width x height is 4096x4096 at most"), \
    OPTION_IN(INT64, steps, 0, "steps", "N", 1, 1000, "steps of the sampler (20)"), \
    OPTION_IN(DOUBLE, cfg, 0, "cfg", "X", 0, 1000, "how closely to follow the prompt (7)"), \
    OPTION(STRING, sampler, 0, "sampler", "NAME", "the sampler (Euler a); sdc samplers lists them"), \
    OPTION(STRING, scheduler, 0, "scheduler", "NAME", "the schedule type (Automatic); sdc schedulers lists them"), \
    OPTION_IN(INT64, seed, 0, "seed", "N", -1, OPTION_MOST, "of the first picture (-1: random, and printed)"), \
    OPTION_IN(DOUBLE, eta, 0, "eta", "X", 0, 1, "how much of a step's noise is new (the sampler's own)"), \
    OPTION_IN(DOUBLE, s_churn, 0, "s-churn", "X", 0, 1000, "extra noise of Euler, Heun and DPM2 (0)"), \
    OPTION_IN(DOUBLE, s_tmin, 0, "s-tmin", "X", 0, 1000, "from this sigma on (0)"), \
    OPTION_IN(DOUBLE, s_tmax, 0, "s-tmax", "X", 0, 1000, "up to this sigma (0: no end)"), \
    OPTION_IN(DOUBLE, s_noise, 0, "s-noise", "X", 0, 10, "scales new noise (1)"), \
    OPTION_IN(DOUBLE, sigma_min, 0, "sigma-min", "X", 0, 1000, "lowest sigma of the schedule (0: the model's)"), \
    OPTION_IN(DOUBLE, sigma_max, 0, "sigma-max", "X", 0, 1000, "highest sigma of the schedule (0: the model's)"), \
    OPTION_IN(DOUBLE, rho, 0, "rho", "X", 0, 1000, "rho of Karras and Polyexponential (0: their own)"), \
    OPTION(FLAG, discard, 0, "discard-next-to-last", NULL, "leave out the schedule's next-to-last sigma"), \
    OPTION(CHOICE, emphasis, 0, "emphasis", "original|no-norm|ignore|none", "what (x:1.2) does (original)"), \
    OPTION_IN(INT64, variation_seed, 0, "variation-seed", "N", -1, OPTION_MOST, "the seed of a variation (-1: random)"), \
    OPTION_IN(DOUBLE, variation_strength, 0, "variation-strength", "X", 0, 1, "how much of it is mixed in, 0..1 (0)"), \
    OPTION_IN(INT64, seed_width, 0, "seed-width", "N", 0, LARGEST, "noise as of a picture of another size"), \
    OPTION_IN(INT64, seed_height, 0, "seed-height", "N", 0, LARGEST, "likewise"), \
    OPTION_IN(INT64, ensd, 0, "ensd", "N", INT32_MIN, INT32_MAX, "eta noise seed delta (0)"), \
    OPTION(STRING, sheet, 0, "steps-sheet", "FILE", "a contact sheet of the first picture after each step"), \
    OPTION_IN(INT64, batch_size, 0, "batch-size", "N", 1, 64, "pictures made at once (1)"), \
    OPTION_IN(INT64, batch_count, 0, "batch-count", "N", 1, 100000, "how often to make them (1)"), \
    OPTION_IN(INT64, clip_skip, 0, "clip-skip", "N", 1, 32, "the text encoder's layer, from the last (1)"), \
    OPTION(CHOICE, rng, 0, "rng", "nv|cuda|cpu", "noise of an NVIDIA GPU (nv or cuda, the default) or of torch on a CPU"), \
    OPTION(STRING, device, 0, "device", "auto|cpu|cuda[:N,...]", "where to compute (auto)"), \
    OPTION(CHOICE, precision, 0, "precision", PRECISION_NAMES, "f32 (the default); f32-direct: closer to PyTorch; mixed: bf16 products; faster on GPUs: f16, bf16"), \
    OPTION(FLAG, exact, 0, "exact", NULL, "the same bits on every machine: not yet"), \
    OPTION_IN(INT64, threads, 0, "threads", "N", 0, 1024, "as many threads (0: as many as there are cores)"), \
    OPTION(SIZE, memory_limit, 0, "memory-limit", "SIZE", "what the process may take: 900M, 4G, 1.5GiB"), \
    OPTION(STRING, taps, 0, "taps", "FILE", "write activations to a safetensors file"), \
    OPTION(STRING, tap, 0, "tap", "GLOB", "only those whose names match (* and ?)"), \
    OPTION(STRING, noise, 0, "noise", "FILE", "begin with the tensor `noise` of this file"), \
    OPTION(FLAG, quiet, 'q', "quiet", NULL, "print errors only"),

const Option TXT2IMG_OPTIONS[] = {COMMON OPTION_END};
const Option IMG2IMG_OPTIONS[] = {
    OPTION(STRING, image, 'i', "image", "FILE", "the picture to start from: PNG, JPEG, BMP, GIF"),
    OPTION_IN(DOUBLE, strength, 0, "strength", "X", 0, 1, "how much of it is made anew, 0..1 (0.75)"),
    OPTION(CHOICE, strength_steps, 0, "strength-steps", "webui|diffusers|exact", "steps that are run: int(strength x steps) + 1, without the 1, or all of them (webui)"),
    OPTION(CHOICE, resize, 0, "resize-mode", "stretch|crop|fill", "how it is brought to -W x -H (stretch)"),
    OPTION(CHOICE, encode, 0, "encode", "sample|mean", "latents: a sample of the encoder's distribution, or its mean (sample)"),
    COMMON OPTION_END};
/* clang-format on */

static int wrong_sampler(const Command *c, const char *name) {
    char names[400] = "", near[200];
    int count;
    const Sampler *all = sampler_list(&count);
    for (int i = 0; i < count; i++) {
        size_t n = strlen(names);
        snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "", all[i].name);
    }
    sampler_suggest(name, near, sizeof near);
    return usage_error(c, "--sampler: no '%.60s'; did you mean %s? There are: %s", name, near, names);
}

/* What this version lacks is named as such, not as a mistake in the spelling. */
static int check_names(const Command *c, const PictureArguments *a) {
    const Scheduler *named = NULL;
    if (a->sampler && !sampler_parse(a->sampler, &named)) return wrong_sampler(c, a->sampler);
    if (a->scheduler && !scheduler_find(a->scheduler)) {
        char near[200];
        scheduler_suggest(a->scheduler, near, sizeof near);
        return usage_error(c, "--scheduler: no '%.60s'; did you mean %s? sdc schedulers lists them", a->scheduler,
                           near);
    }
    if (a->exact) return usage_error(c, "--exact: not in this version; leave it out");
    return check_device(c, a->device, "auto", a->precision);
}

static int check_numbers(const Command *c, const PictureArguments *a) {
    if (a->width % 8) return usage_error(c, "--width: %" PRId64 " is no multiple of 8", a->width);
    if (a->height % 8) return usage_error(c, "--height: %" PRId64 " is no multiple of 8", a->height);
    if (a->width * a->height > MOST_PIXELS)
        return usage_error(c, "%" PRId64 "x%" PRId64 " is more than %d pixels", a->width, a->height, MOST_PIXELS);
    if (!a->seed_width != !a->seed_height) return usage_error(c, "--seed-width and --seed-height go together");
    if (a->seed > INT64_MAX - a->batch_size * a->batch_count)
        return usage_error(c, "--seed: %" PRId64 " leaves no room to count up", a->seed);
    if (a->tap && !a->taps) return usage_error(c, "--tap: needs --taps FILE");
    if (a->taps && a->batch_count > 1) return usage_error(c, "--taps: one file holds one run; leave --batch-count out");
    return GO_ON;
}

static int check_files(const Command *c, const PictureArguments *a) {
    static const char *const OTHERS[] = {".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".safetensors", ".ckpt"};
    Error e = {0};
    for (size_t i = 0; a->out && i < sizeof OTHERS / sizeof *OTHERS; i++) {
        size_t n = strlen(a->out), k = strlen(OTHERS[i]);
        if (n > k && !strcmp(a->out + n - k, OTHERS[i]))
            return usage_error(c, "--out: %.200s: pictures are PNG files; name it .png", a->out);
    }
    if (a->out && (same_file(a->out, a->model) || same_file(a->out, a->noise)))
        return usage_error(c, "--out: %.200s is read as well; name another file", a->out);
    if (a->out && same_file(a->out, a->image))
        return usage_error(c, "--out: %.200s is read as well; name another file", a->out);
    if (a->sheet &&
        ((a->out && !strcmp(a->sheet, a->out)) || same_file(a->sheet, a->model) || same_file(a->sheet, a->image)))
        return usage_error(c, "--steps-sheet: %.200s is used as well; name another file", a->sheet);
    if (a->taps && (same_file(a->taps, a->model) || same_file(a->taps, a->noise)))
        return usage_error(c, "--taps: %.200s is read as well; name another file", a->taps);
    if (a->taps && a->out && (!strcmp(a->taps, a->out) || same_file(a->taps, a->out)))
        return usage_error(c, "--taps: %.200s is the picture's name; name another file", a->taps);
    if (!output_check(a->out, a->batch_size * a->batch_count > 1, &e) || (a->taps && !atomic_check(a->taps, &e)) ||
        (a->sheet && !atomic_check(a->sheet, &e)))
        return report(c, &e) && EXIT_WORLD;
    return GO_ON;
}

int picture_options(const Command *c, PictureArguments *a, int argc, char **argv) {
    *a = (PictureArguments){.seed = -1,
                            .batch_size = 1,
                            .batch_count = 1,
                            .cfg = -1,
                            .eta = -1,
                            .s_noise = 1,
                            .variation_seed = -1,
                            .strength = 0.75};
    int rest = 0, code = options_parse(c, a, argc, argv, &rest);
    if (code != GO_ON) return code;
    if (rest) return usage_error(c, "'%.60s' is no option; put the prompt after -p", argv[0]);
    code = check_names(c, a);
    if (code == GO_ON) code = check_numbers(c, a);
    if (code == GO_ON && !a->model && !sd_builtin())
        code = usage_error(c, "no model is built in: -m takes a .safetensors file of Stable Diffusion 1.x or a "
                              "diffusers folder");
    if (code == GO_ON && !a->prompt) code = usage_error(c, "no prompt: say what to show after -p");
    if (code == GO_ON && c->options == IMG2IMG_OPTIONS && !a->image)
        code = usage_error(c, "no picture to start from: name one after -i");
    return code == GO_ON ? check_files(c, a) : code;
}
