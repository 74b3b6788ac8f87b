/* txt2img.c: `sdc txt2img`. What can be found wrong without the model is found before it is opened. */
#define _POSIX_C_SOURCE 200809L
#include "commands.h"
#include "output.h"
#include "progress.h"
#include "../sd/scheduler.h"
#include "../sd/sd.h"
#include "../weights/atomic_file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SMALLEST = 64, LARGEST = 16384, MOST_PIXELS = 4096 * 4096 };

typedef struct {
    const char *model, *out, *sampler, *scheduler, *rng, *device, *precision, *taps, *tap, *noise;
    char *prompt, *negative;
    int64_t width, height, steps, seed, batch_size, batch_count, clip_skip, threads;
    double cfg;
    uint64_t memory_limit;
    bool exact, quiet;
} Arguments;

#define AT(field) offsetof(Arguments, field)
const Option TXT2IMG_OPTIONS[] = {
    {OPT_STRING, 'm', "model", AT(model), "MODEL", "the model: a file or a folder", 0, 0},
    {OPT_TEXT, 'p', "prompt", AT(prompt), "PROMPT", "what to show; @FILE reads it from a file, - from stdin", 0, 0},
    {OPT_TEXT, 'n', "negative", AT(negative), "PROMPT", "what to keep away from, read likewise", 0, 0},
    {OPT_STRING, 'o', "out", AT(out), "FILE", "the picture, a PNG file", 0, 0},
    {OPT_INT, 'W', "width", AT(width), "N", "pixels, a multiple of 8 (512, or the model's own size)", SMALLEST,
     LARGEST},
    {OPT_INT, 'H', "height", AT(height), "N", "likewise; width x height is 4096x4096 at most", SMALLEST, LARGEST},
    {OPT_INT, 0, "steps", AT(steps), "N", "steps of the sampler (20)", 1, 1000},
    {OPT_DOUBLE, 0, "cfg", AT(cfg), "X", "how closely to follow the prompt (7)", 0, 1000},
    {OPT_STRING, 0, "sampler", AT(sampler), "NAME", "the sampler (Euler a)", 0, 0},
    {OPT_STRING, 0, "scheduler", AT(scheduler), "NAME", "the list of noise levels: Automatic", 0, 0},
    {OPT_INT, 0, "seed", AT(seed), "N", "of the first picture (-1: random, and printed)", -1, INT64_MAX},
    {OPT_INT, 0, "batch-size", AT(batch_size), "N", "pictures made at once (1)", 1, 64},
    {OPT_INT, 0, "batch-count", AT(batch_count), "N", "how often to make them (1)", 1, 100000},
    {OPT_INT, 0, "clip-skip", AT(clip_skip), "N", "the text encoder's layer, from the last (1)", 1, 32},
    {OPT_CHOICE, 0, "rng", AT(rng), "nv|cuda|cpu",
     "noise of an NVIDIA card (nv or cuda, the default) or of torch on a CPU", 0, 0},
    {OPT_STRING, 0, "device", AT(device), "auto|cpu|cuda[:N]", "where to compute (auto)", 0, 0},
    {OPT_CHOICE, 0, "precision", AT(precision), "f32|f32-direct|mixed|f16|bf16",
     "f32 (the default), or f32-direct: slower and closer to PyTorch", 0, 0},
    {OPT_FLAG, 0, "exact", AT(exact), NULL, "the same bits on every machine: not yet", 0, 0},
    {OPT_INT, 0, "threads", AT(threads), "N", "as many threads (0: as many as there are cores)", 0, 1024},
    {OPT_SIZE, 0, "memory-limit", AT(memory_limit), "SIZE", "refuse what needs more: 512M, 4G, 1.5GiB", 0, 0},
    {OPT_STRING, 0, "taps", AT(taps), "FILE", "write activations to a safetensors file", 0, 0},
    {OPT_STRING, 0, "tap", AT(tap), "GLOB", "only those whose names match (* and ?)", 0, 0},
    {OPT_STRING, 0, "noise", AT(noise), "FILE", "begin with the tensor `noise` of this file", 0, 0},
    {OPT_FLAG, 'q', "quiet", AT(quiet), NULL, "print errors only", 0, 0},
    {OPT_END, 0, NULL, 0, NULL, NULL, 0, 0}};

static const char NAME[] = "txt2img";

static int wrong_sampler(const char *name) {
    char names[400] = "", near[200];
    int count;
    const Sampler *all = sampler_list(&count);
    for (int i = 0; i < count; i++) {
        size_t n = strlen(names);
        snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "", all[i].name);
    }
    sampler_suggest(name, near, sizeof near);
    return usage_error(NAME, "--sampler: no '%.60s'; did you mean %s? There are: %s", name, near, names);
}

/* What this version lacks is named as such, not as a mistake in the spelling. */
static int check_names(const Arguments *a) {
    const Scheduler *named = NULL;
    if (a->sampler && !sampler_parse(a->sampler, &named)) return wrong_sampler(a->sampler);
    if (a->scheduler && strcmp(a->scheduler, "Automatic") && strcmp(a->scheduler, "automatic"))
        return usage_error(NAME, "--scheduler: '%.60s' is not in this version, only Automatic is", a->scheduler);
    if (a->precision && strcmp(a->precision, "f32") && strcmp(a->precision, "f32-direct"))
        return usage_error(NAME, "--precision: %s is not in this version, only f32 and f32-direct are", a->precision);
    if (a->exact) return usage_error(NAME, "--exact: not in this version; leave it out");
    if (!a->device || !strcmp(a->device, "auto") || !strcmp(a->device, "cpu")) return OPTIONS_GO_ON;
    const char *number = strncmp(a->device, "cuda", 4) ? NULL : a->device + 4;
    if (!number || (*number && (*number != ':' || !number[1] || number[1 + strspn(number + 1, "0123456789")])))
        return usage_error(NAME, "--device: '%.60s' is none of auto, cpu, cuda, cuda:N", a->device);
    Error e = {0};
    error_set(&e, ERR_DEVICE, "--device %.60s: no CUDA in this build; use --device cpu", a->device);
    return report(NAME, &e);
}

static int check_numbers(const Arguments *a) {
    if (a->width % 8) return usage_error(NAME, "--width: %" PRId64 " is no multiple of 8", a->width);
    if (a->height % 8) return usage_error(NAME, "--height: %" PRId64 " is no multiple of 8", a->height);
    if (a->width * a->height > MOST_PIXELS)
        return usage_error(NAME, "%" PRId64 "x%" PRId64 " is more than %d pixels", a->width, a->height, MOST_PIXELS);
    if (a->seed > INT64_MAX - a->batch_size * a->batch_count)
        return usage_error(NAME, "--seed: %" PRId64 " leaves no room to count up", a->seed);
    if (a->tap && !a->taps) return usage_error(NAME, "--tap: needs --taps FILE");
    if (a->taps && a->batch_count > 1)
        return usage_error(NAME, "--taps: one file holds one run; leave --batch-count out");
    return OPTIONS_GO_ON;
}

static int check_files(const Arguments *a) {
    static const char *const OTHERS[] = {".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".safetensors", ".ckpt"};
    Error e = {0};
    for (size_t i = 0; a->out && i < sizeof OTHERS / sizeof *OTHERS; i++) {
        size_t n = strlen(a->out), k = strlen(OTHERS[i]);
        if (n > k && !strcmp(a->out + n - k, OTHERS[i]))
            return usage_error(NAME, "--out: %.200s: pictures are PNG files; name it .png", a->out);
    }
    if (a->out && (same_file(a->out, a->model) || same_file(a->out, a->noise)))
        return usage_error(NAME, "--out: %.200s is read as well; name another file", a->out);
    if (a->taps && (same_file(a->taps, a->model) || same_file(a->taps, a->noise)))
        return usage_error(NAME, "--taps: %.200s is read as well; name another file", a->taps);
    if (a->taps && a->out && (!strcmp(a->taps, a->out) || same_file(a->taps, a->out)))
        return usage_error(NAME, "--taps: %.200s is the picture's name; name another file", a->taps);
    if (!output_check(a->out, a->batch_size * a->batch_count > 1, &e) || (a->taps && !atomic_check(a->taps, &e)))
        return report(NAME, &e) && EXIT_WORLD;
    return OPTIONS_GO_ON;
}

/* The webui's range. Drawn here, not by the library, so that --batch-count can count on from it. */
static int64_t random_seed(void) {
    uint32_t seed = 0;
    struct timespec now;
    int f = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    bool ok = f >= 0 && read(f, &seed, sizeof seed) == (ssize_t)sizeof seed;
    if (f >= 0) close(f);
    if (ok) return seed;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint32_t)now.tv_nsec ^ (uint32_t)now.tv_sec * 2654435761u ^ (uint32_t)getpid() << 16;
}

static bool save(const Arguments *a, const SdResult *result, double seconds, Error *e) {
    bool several = a->batch_size * a->batch_count > 1, ok = true;
    for (int i = 0; ok && i < result->count; i++) {
        const SdPicture *p = &result->pictures[i];
        char name[OUTPUT_ROOM];
        ok = output_name(name, a->out, several, a->prompt ? a->prompt : "", p->seed, e) && sd_save_png(p, name, e);
        if (ok && !a->quiet) printf("%s: seed %" PRId64 ", %.2f s\n", name, p->seed, seconds);
    }
    return ok;
}

static double now_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void fill_request(SdRequest *r, const Arguments *a) {
    r->prompt = a->prompt;
    r->negative = a->negative;
    if (a->width) r->width = (int)a->width;
    if (a->height) r->height = (int)a->height;
    if (a->steps) r->steps = (int)a->steps;
    if (a->cfg >= 0) r->cfg = a->cfg;
    if (a->sampler) r->sampler = a->sampler;
    if (a->clip_skip) r->clip_skip = (int)a->clip_skip;
    r->batch_size = (int)a->batch_size;
    r->rng = a->rng && !strcmp(a->rng, "cpu") ? SD_RNG_CPU : SD_RNG_NV;
    r->taps = a->taps;
    r->tap = a->tap;
    r->noise = a->noise;
    r->keep = a->batch_count > 1;
}

static int generate(const Arguments *a) {
    Error e = {0};
    Progress progress;
    SdOptions options = {.threads = (int)a->threads, .memory_limit = (size_t)a->memory_limit};
    if (a->precision && !strcmp(a->precision, "f32-direct")) options.precision = SD_F32_DIRECT;
    catch_signals();
    progress_begin(&progress, a->quiet, (int)a->batch_count);
    double start = now_seconds();
    SdModel *model = sd_open(a->model, &options, &e);
    SdRequest request = sd_request(model);
    fill_request(&request, a);
    request.progress = progress_show;
    request.user = &progress;
    int64_t seed = a->seed < 0 ? random_seed() : a->seed;
    for (int run = 0; model && !e.code && run < a->batch_count; run++) {
        SdResult result = {0};
        progress.run = run;
        request.seed = seed + run * a->batch_size;
        bool ok = sd_txt2img(model, &request, &result, &e);
        progress_clear(&progress);
        if (ok) save(a, &result, now_seconds() - start, &e);
        sd_free(&result);
        start = now_seconds(); /* opening the model is the first picture's */
        if (caught_signal() && !e.code && run + 1 < a->batch_count) error_set(&e, ERR_CANCELLED, "stopped");
    }
    sd_close(model);
    if (e.code == ERR_CANCELLED && caught_signal()) {
        fprintf(stderr, "sdc: stopped after step %d of %d; run it again for the rest\n", progress.step, progress.steps);
        return 128 + caught_signal();
    }
    return e.code ? report(NAME, &e) : finish_output();
}

static int check(const Arguments *a, int rest, char **argv) {
    if (rest) return usage_error(NAME, "'%.60s' is no option; put the prompt after -p", argv[0]);
    int code = check_names(a);
    if (code == OPTIONS_GO_ON) code = check_numbers(a);
    if (code == OPTIONS_GO_ON && !a->model)
        code = usage_error(NAME, "no model is built in yet: -m takes a .safetensors file of Stable Diffusion 1.x or a "
                                 "diffusers folder");
    if (code == OPTIONS_GO_ON && !a->prompt) code = usage_error(NAME, "no prompt: say what to show after -p");
    return code == OPTIONS_GO_ON ? check_files(a) : code;
}

int cmd_txt2img(int argc, char **argv) {
    Arguments a = {.seed = -1, .batch_size = 1, .batch_count = 1, .cfg = -1};
    int rest = 0, code = options_parse(NAME, TXT2IMG_OPTIONS, &a, argc, argv, &rest);
    if (code == OPTIONS_GO_ON) code = check(&a, rest, argv);
    if (code == OPTIONS_GO_ON) code = generate(&a);
    options_free(TXT2IMG_OPTIONS, &a);
    return code;
}
