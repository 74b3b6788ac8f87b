/* pictures.c: `sdc txt2img` and `sdc img2img`. What can be found wrong without the model is found before it is opened.
 */
#include "tools/cli/memory.h"
#include "tools/cli/output.h"
#include "tools/cli/commands.h"
#include "tools/cli/picture_options.h"
#include "tools/cli/precision.h"
#include "tools/cli/progress.h"
#include "sd/image/image.h"
#include "sd/sd.h"
#include "sd/image/sheet.h"
#include "tensor/os.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool save(const PictureArguments *a, const SdResult *result, double seconds, Error *e) {
    bool several = a->batch_size * a->batch_count > 1, ok = true;
    for (int i = 0; ok && i < result->count; i++) {
        const SdPicture *p = &result->pictures[i];
        char name[OUTPUT_ROOM];
        ok = output_name(name, a->out, several, a->prompt ? a->prompt : "", p->seed, e) && sd_save_png(p, name, e);
        if (ok && !a->quiet) printf("%s: seed %" PRId64 ", %.2f s\n", name, p->seed, seconds);
    }
    return ok;
}

/* Which of the words, which '|' divides, this is; NULL: the first. */
static int choice(const char *value, const char *words) {
    int n = 0;
    for (size_t k; value && *words; words += k + (words[k] == '|'), n++)
        if (strlen(value) == (k = strcspn(words, "|")) && !strncmp(value, words, k)) return n;
    return 0;
}

static void fill_request(SdRequest *r, const PictureArguments *a) {
    r->prompt = a->prompt;
    r->negative = a->negative;
    if (a->width) r->width = (int)a->width;
    if (a->height) r->height = (int)a->height;
    if (a->steps) r->steps = (int)a->steps;
    if (a->cfg >= 0) r->cfg = a->cfg;
    if (a->sampler) r->sampler = a->sampler;
    if (a->clip_skip) r->clip_skip = (int)a->clip_skip;
    r->scheduler = a->scheduler;
    r->eta = a->eta;
    r->s_churn = a->s_churn, r->s_tmin = a->s_tmin, r->s_tmax = a->s_tmax, r->s_noise = a->s_noise;
    r->sigma_min = a->sigma_min, r->sigma_max = a->sigma_max, r->rho = a->rho;
    r->discard_next_to_last = a->discard;
    r->emphasis = (SdEmphasis)choice(a->emphasis, "original|no-norm|ignore|none");
    r->variation_strength = a->variation_strength;
    r->seed_width = (int)a->seed_width, r->seed_height = (int)a->seed_height;
    r->ensd = a->ensd;
    r->strength = a->strength;
    r->strength_steps = (SdSteps)choice(a->strength_steps, "webui|diffusers|exact");
    r->resize = (SdResize)choice(a->resize, "stretch|crop|fill");
    r->encode = (SdEncode)choice(a->encode, "sample|mean");
    r->batch_size = (int)a->batch_size;
    r->rng = a->rng && !strcmp(a->rng, "cpu") ? SD_RNG_CPU : SD_RNG_NV;
    r->taps = a->taps;
    r->tap = a->tap;
    r->noise = a->noise;
    r->keep = a->batch_count > 1;
}

/* What the callbacks of a request share. */
typedef struct {
    Progress *progress;
    struct Steps *steps;
} Work;

/* The first picture after each step, for --steps-sheet. */
typedef struct Steps {
    SheetPicture *pictures;
    char (*labels)[24];
    int count, width, height;
    int64_t seed;
} Steps;

static bool keep_step(void *user, const SdPicture *p, int step, int steps) {
    Steps *s = ((Work *)user)->steps;
    (void)steps;
    if (s->count && p->seed != s->seed) return true;
    SheetPicture *more = realloc(s->pictures, (size_t)(s->count + 1) * sizeof *more);
    if (more) s->pictures = more;
    char(*labels)[24] = realloc(s->labels, (size_t)(s->count + 1) * sizeof *labels);
    if (labels) s->labels = labels;
    size_t bytes = (size_t)p->width * (size_t)p->height * 3;
    uint8_t *rgb = malloc(bytes);
    if (!more || !labels || !rgb) return free(rgb), false;
    memcpy(rgb, p->rgb, bytes);
    snprintf(labels[s->count], sizeof *labels, "step %d", step + 1);
    s->pictures[s->count++] = (SheetPicture){.rgb = rgb};
    s->seed = p->seed, s->width = p->width, s->height = p->height;
    return true;
}

static void save_sheet(Steps *s, const char *path, Error *e) {
    Image sheet = {0};
    for (int i = 0; i < s->count; i++) s->pictures[i].label = s->labels[i];
    if (sheet_make(s->pictures, s->count, s->width, s->height, 0, &sheet, e)) {
        SdPicture p = {.rgb = sheet.rgb, .width = sheet.width, .height = sheet.height};
        sd_save_png(&p, path, e);
    }
    image_free(&sheet);
}

static void free_steps(Steps *s) {
    for (int i = 0; i < s->count; i++) free((void *)(uintptr_t)s->pictures[i].rgb);
    free(s->pictures);
    free(s->labels);
    *s = (Steps){0};
}

static bool show(void *user, const SdProgress *p) { return progress_show(((Work *)user)->progress, p); }

/* img2img keeps the picture's size, cut to multiples of 8. */
static bool start_from(const PictureArguments *a, Image *image, SdRequest *r, Error *e) {
    if (!a->image) return true;
    if (!image_read(a->image, IMAGE_WHITE, image, e)) return false;
    r->image = image->rgb;
    r->image_width = image->width, r->image_height = image->height;
    if (!a->width) r->width = image->width / 8 * 8;
    if (!a->height) r->height = image->height / 8 * 8;
    return true;
}

static int generate(const Command *c, const PictureArguments *a) {
    Error e = {0};
    Steps steps = {0};
    Image image = {0};
    Progress progress;
    SdOptions options = {.threads = (int)a->threads, .memory_limit = a->memory_limit};
    options.precision = precision_of(a->precision);
    options.device = a->device ? a->device : "auto";
    catch_signals();
    progress_begin(&progress, a->quiet, (int)a->batch_count);
    double start = os_clock();
    SdModel *model = sd_open(a->model, &options, &e);
    if (model && !a->quiet) say_device(model, a->precision);
    SdRequest request = sd_request(model);
    fill_request(&request, a);
    Work work = {&progress, &steps};
    request.progress = show;
    request.user = &work;
    start_from(a, &image, &request, &e);
    int64_t variation = a->variation_seed < 0 ? sd_random_seed() : a->variation_seed;
    int64_t seed = a->seed < 0 ? sd_random_seed() : a->seed;
    for (int run = 0; model && !e.code && run < a->batch_count; run++) {
        SdResult result = {0};
        progress.run = run;
        request.seed = seed + run * a->batch_size;
        request.variation_seed = variation + run * a->batch_size;
        request.preview = a->sheet && !run ? keep_step : NULL;
        bool ok = (a->image ? sd_img2img : sd_txt2img)(model, &request, &result, &e);
        progress_clear(&progress);
        if (ok) save(a, &result, os_clock() - start, &e);
        if (ok && request.preview) save_sheet(&steps, a->sheet, &e);
        sd_free(&result);
        start = os_clock(); /* opening the model is the first picture's */
        if (caught_signal() && !e.code && run + 1 < a->batch_count) error_set(&e, ERR_CANCELLED, "stopped");
    }
    if (model && !e.code && !a->quiet && peak_memory()) printf("peak memory %zu MiB\n", peak_memory() >> 20);
    sd_close(model);
    free_steps(&steps);
    image_free(&image);
    if (e.code == ERR_CANCELLED && caught_signal()) {
        fprintf(stderr, "sdc: stopped after step %d of %d; run it again for the rest\n", progress.step, progress.steps);
        return 128 + caught_signal();
    }
    return e.code ? report(c, &e) : finish_output();
}

static int make(const Command *c, int argc, char **argv) {
    PictureArguments a;
    int code = picture_options(c, &a, argc, argv);
    if (code == GO_ON) code = generate(c, &a);
    options_free(c, &a);
    return code;
}

const Command TXT2IMG = {
    "txt2img",
    make,
    "-m MODEL -p PROMPT [options]",
    "make pictures from a prompt",
    "MODEL is a .safetensors file of Stable Diffusion 1.x, as people share them or made by `sdc convert`, or a "
    "diffusers folder. One picture goes to OUT; several go to OUT-SEED.png, the seed counting up. Without -o the name "
    "is SEED-first-words.png. No file is overwritten unless -o named it.\n"
    "auto takes the first NVIDIA GPU where this build and the machine have one; cuda:0,1 shares a batch out. f16 and "
    "bf16 are for GPUs; mixed is for processors with AVX-512 BF16, is f32 on others, and f16 on a GPU. --exact is not "
    "in this version.",
    TXT2IMG_OPTIONS};
const Command IMG2IMG = {
    "img2img",
    make,
    "-m MODEL -i IMAGE -p PROMPT [options]",
    "make pictures from a picture and a prompt",
    "IMAGE is turned as its EXIF says and laid on white where it is transparent. The new picture has its size, cut to "
    "multiples of 8, unless -W and -H say otherwise. Everything else is as in txt2img.",
    IMG2IMG_OPTIONS};
