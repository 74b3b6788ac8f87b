/* pictures.c: `sdc txt2img` and `sdc img2img`. Mistakes that show without the model are found before it is opened. */
#include "tools/cli/output.h"
#include "tools/cli/commands.h"
#include "tools/cli/picture_options.h"
#include "tools/cli/picture_start.h"
#include "tools/cli/progress.h"
#include "tools/cli/setting_option.h"
#include "sd/image/image.h"
#include "sd/image/sheet.h"
#include "sd/info/params.h"
#include "sd/sd.h"
#include "tensor/os.h"
#include "weights/files/file_open.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool save(const PictureArguments *a, const SdResult *result, double seconds, Error *e) {
    bool several = (int64_t)a->request.batch_size * a->batch_count > 1, ok = true;
    for (int i = 0; ok && i < result->count; i++) {
        const SdPicture *p = &result->pictures[i];
        char name[OS_PATH_SIZE];
        ok = output_name(name, a->out, several, a->request.prompt, p->seed, e) &&
             image_write(p->rgb, p->width, p->height, p->parameters, name, e);
        if (ok && !a->open.quiet) printf("%s: seed %" PRId64 ", %.2f s\n", file_shown(name), p->seed, seconds);
        fflush(stdout); /* whoever reads it need not wait for the last */
    }
    return ok;
}

/* What the callbacks of a request are handed. */
typedef struct {
    Progress *progress;
    struct Steps *steps;
} Work;

/* The first picture after each step, for --steps-sheet and --preview-out. */
typedef struct Steps {
    bool sheet;       /* whether pictures are kept */
    const char *file; /* that each is written to, or NULL */
    Error *e;
    SheetPicture *pictures;
    char (*labels)[24];
    int count, width, height;
    int64_t seed;
    bool begun, no_memory;
} Steps;

static void forget_steps(Steps *s) {
    for (int i = 0; i < s->count; i++) free((void *)(uintptr_t)s->pictures[i].rgb);
    s->count = 0;
}

static bool keep_step(void *user, const SdPicture *p, int step, int steps) {
    Steps *s = ((Work *)user)->steps;
    (void)steps;
    if (s->begun && p->seed != s->seed) return true;
    s->begun = true;
    if (p->width != s->width || p->height != s->height) forget_steps(s); /* the second pass of hires fix begins */
    s->seed = p->seed, s->width = p->width, s->height = p->height;
    if (s->file && !image_write(p->rgb, p->width, p->height, NULL, s->file, s->e)) return false;
    if (!s->sheet) return true;
    SheetPicture *more = realloc(s->pictures, (size_t)(s->count + 1) * sizeof *more);
    if (more) s->pictures = more;
    char(*labels)[24] = realloc(s->labels, (size_t)(s->count + 1) * sizeof *labels);
    if (labels) s->labels = labels;
    size_t bytes = (size_t)p->width * (size_t)p->height * 3;
    uint8_t *rgb = malloc(bytes);
    if (!more || !labels || !rgb) return free(rgb), s->no_memory = true, false;
    memcpy(rgb, p->rgb, bytes);
    snprintf(labels[s->count], sizeof *labels, "step %d", step + 1);
    s->pictures[s->count++] = (SheetPicture){.rgb = rgb};
    return true;
}

static void save_sheet(Steps *s, const char *path, Error *e) {
    Image sheet = {0};
    for (int i = 0; i < s->count; i++) s->pictures[i].label = s->labels[i];
    if (sheet_make(s->pictures, s->count, s->width, s->height, 0, &sheet, e))
        image_write(sheet.rgb, sheet.width, sheet.height, NULL, path, e);
    image_free(&sheet);
}

static void free_steps(Steps *s) {
    forget_steps(s);
    free(s->pictures);
    free(s->labels);
    *s = (Steps){0};
}

static bool show(void *user, const SdProgress *p) { return progress_show(((Work *)user)->progress, p); }

static int generate(const Command *c, const PictureArguments *a) {
    Error e = {0};
    Error written = {0};
    Steps steps = {.sheet = a->sheet, .file = a->preview, .e = &written};
    Image image = {0}, mask = {0};
    OpenControls controls;
    Progress progress;
    os_catch_stop();
    progress_begin(&progress, a->open.quiet, a->batch_count);
    double start = os_clock();
    SdModel *model = model_options_open(&a->open, a->model, &e), *refiner = refiner_open(&a->open, a->refiner, &e);
    SdRequest request = a->request, usual = sd_request(model);
    Work work = {&progress, &steps};
    char called[UPSCALER_NAME];
    SdUpscaler *upscaler = model && !e.code ? picture_upscaler(&a->open, &request, called, &e) : NULL;
    request.progress = show;
    request.user = &work;
    request.refiner = refiner;
    request.keep = a->batch_count > 1;
    picture_start(a->image, &image, &request, &usual, &e);
    picture_mask(a->mask, &mask, &request, &e);
    controls_open(&controls, &a->controls, model, &request, &e);
    params_adopt(&request, &usual);
    network_options_set(&a->networks, &request);
    networks_note(model, &request, a->open.quiet, &e);
    model_note_ignored(&a->open, model, &request);
    picture_start_fits(a->image, &image, &request, &e);
    int width, height;
    sd_finished_size(&request, &width, &height);
    if (a->sheet)
        sheet_fits(request.hires_steps > request.steps ? request.hires_steps : request.steps, width, height, &e);
    int64_t variation = request.variation_seed < 0 ? sd_random_seed() : request.variation_seed;
    int64_t seed = request.seed < 0 ? sd_random_seed() : request.seed;
    for (int run = 0; model && !e.code && run < a->batch_count; run++) {
        SdResult result = {0};
        progress.run = run;
        request.seed = request.variation_strength != 0 ? seed : seed + (int64_t)run * request.batch_size;
        request.variation_seed = variation + (int64_t)run * request.batch_size;
        request.preview = (a->sheet && !run) || a->preview ? keep_step : NULL;
        request.preview_by = (SdPreview)a->preview_by;
        steps.begun = false, steps.sheet = a->sheet && !run;
        bool ok = (a->image ? sd_img2img : sd_txt2img)(model, &request, &result, &e);
        progress_clear(&progress);
        if (steps.no_memory) e = (Error){0}, error_set(&e, ERR_MEMORY, "%s: out of memory for its pictures", a->sheet);
        if (written.code) e = written;
        if (ok) save(a, &result, os_clock() - start, &e);
        if (ok && steps.sheet) save_sheet(&steps, a->sheet, &e);
        sd_free(&result);
        start = os_clock(); /* the first picture's time includes opening the model */
        if (os_stop_signal() && !e.code && run + 1 < a->batch_count) error_set(&e, ERR_CANCELLED, "stopped");
    }
    if (model && !e.code && !a->open.quiet && os_peak_memory()) printf("peak memory %zu MiB\n", os_peak_memory() >> 20);
    controls_close(&controls);
    sd_close(model);
    sd_close(refiner);
    sd_upscaler_close(upscaler);
    free_steps(&steps);
    image_free(&image);
    image_free(&mask);
    if (e.code == ERR_CANCELLED && os_stop_signal())
        return report_stop("step %d of %d; run it again for the rest", progress.step, progress.steps);
    return e.code ? report_request(c, &e) : finish_output();
}

static int make(const Command *c, int argc, char **argv) {
    PictureArguments a;
    int code = picture_options(c, &a, argc, argv);
    if (code == GO_ON) code = generate(c, &a);
    picture_options_free(c, &a);
    return code;
}

const Command TXT2IMG = {
    "txt2img",
    make,
    "-m MODEL -p PROMPT [options]",
    "make pictures from a prompt",
    "MODEL is a .safetensors file of Stable Diffusion 1.x, 2.x or SDXL, as people share them or made by `sdc convert`, "
    "or a "
    "diffusers folder. One picture goes to OUT; several go to OUT-SEED.png, the seed counting up. Without -o the name "
    "is SEED-first-words.png. No file is overwritten unless -o named it.\n"
    "auto takes the first NVIDIA GPU where this build and the machine have one; cuda:0,1 shares a batch out. f16 and "
    "bf16 are for GPUs; mixed is for processors with AVX-512 BF16, is f32 on others, and f16 on a GPU; --exact "
    "refuses all three.",
    TXT2IMG_OPTIONS};
const Command IMG2IMG = {
    "img2img",
    make,
    "-m MODEL -i IMAGE -p PROMPT [options]",
    "make pictures from a picture and a prompt",
    "IMAGE is rotated as its EXIF says, and white shows through where it is transparent. The new picture has its size, "
    "rounded down to multiples of 8, unless -W and -H say otherwise. Everything else is as in txt2img.\n"
    "--mask repaints a part and keeps the rest, byte by byte: of a picture that is brought to another size, of that "
    "one; "
    "with --only-masked, the part alone is drawn, and the picture stays as large as it was.",
    IMG2IMG_OPTIONS};
