/* pictures.c: `sdc txt2img` and `sdc img2img`. Mistakes that show without the model are found before it is opened. */
#include "attention_files.h"
#include "picture_jobs.h"
#include "picture_steps.h"
#include "sd/image/image.h"
#include "sd/info/info_writer.h"
#include "sd/info/params.h"
#include "sd/noise/math64.h"
#include "sd/sd.h"
#include "tensor/os.h"
#include "tools/cli/commands.h"
#include "tools/cli/drawing.h"
#include "tools/cli/output.h"
#include "tools/cli/progress.h"
#include "tools/cli/options/setting_option.h"
#include "weights/files/file_open.h"
#include "weights/files/new_folder.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one command line draws. */
typedef struct {
    const Command *c;
    const PictureArguments *a;
    PictureJobs jobs;
    Drawing drawing;
    Progress progress;
    Steps steps;
    AttentionFiles maps;
    Error written;     /* while a callback writes */
    SdRequest request; /* of the job, */
    size_t job;        /* which it is, */
    bool several;      /* whether more than one picture comes of the command line */
    int drawn;         /* calls, of all jobs */
    int64_t seeds;     /* that the jobs before took */
    double begun;
    int64_t seed, variation; /* its first */
} Drawn;

/* The strength of loop `i`: the webui's (scripts/loopback.py), or each times the factor, as before 1.5. */
static double loop_strength(const PictureArguments *a, double first, int i) {
    if (a->loop_factor != 1) {
        double s = first;
        for (; i > 0; i--) s = fmin(fmax(s * a->loop_factor, 0.1), 1);
        return s;
    }
    if (a->final_strength < 0) return first;
    double way = (double)i / (a->loops - 1);
    double sine, cosine;
    sincos64(way * 0x1.921fb54442d18p+0 /* pi / 2 */, &sine, &cosine);
    if (a->loop_curve == LOOP_AGGRESSIVE) way = sine;
    if (a->loop_curve == LOOP_LAZY) way = 1 - cosine;
    return first + (a->final_strength - first) * way;
}

/* A picture's text, with what the webui's loopback adds; NULL: out of memory. */
static char *text_of(const PictureArguments *a, const char *text) {
    static const char *const CURVES[] = {"Aggressive", "Linear", "Lazy"};
    InfoWriter t = {.p = NULL};
    char number[INFO_NUMBER];
    const char *rest = info_begin(&t, text);
    if (a->loops > 1 && a->loop_factor != 1) {
        info_number(a->loop_factor, number);
        info_pair(&t, "Denoising strength change factor", number);
    } else if (a->loops > 1) {
        info_number(a->final_strength < 0 ? a->request.strength : a->final_strength, number);
        info_pair(&t, "Final denoising strength", number);
        info_pair(&t, "Denoising curve", CURVES[a->loop_curve]);
    }
    info_add(&t, rest);
    if (t.failed) free(t.p), t.p = NULL;
    return t.p;
}

static bool save_one(const Drawn *d, const SdPicture *p, int index, Error *e) {
    char name[OS_PATH_SIZE], *text = text_of(d->a, p->parameters);
    bool ok = (text || error_set(e, ERR_MEMORY, "out of memory for a picture's text")) &&
              (d->jobs.folder ? picture_jobs_free_name(&d->jobs, d->job, name, e)
                              : output_name(name, d->a->out, d->several, d->request.prompt, p->seed, e)) &&
              image_write(p->rgb, p->width, p->height, text, d->a->quality, name, e);
    ok = ok && (!d->maps.folder || attention_files_lay(&d->maps, index, p, name, e));
    if (ok && !d->a->open.quiet)
        printf("%s: seed %" PRId64 ", %.2f s\n", file_shown(name), p->seed, os_clock() - d->begun);
    fflush(stdout); /* whoever reads it need not wait for the last */
    free(text);
    return ok;
}

static bool save(const Drawn *d, const SdResult *result, Error *e) {
    bool ok = true;
    for (int i = 0; ok && i < result->count; i++) ok = save_one(d, &result->pictures[i], i, e);
    return ok;
}

static bool show(void *user, const SdProgress *p) { return progress_show(&((Drawn *)user)->progress, p); }

static bool take_maps(void *user, const SdAttention *a) { return attention_files_take(&((Drawn *)user)->maps, a); }

static bool keep_step(void *user, const SdPicture *p, int step, int steps) {
    return (void)steps, steps_keep(&((Drawn *)user)->steps, p, step);
}

/* A call, and what comes of it. */
static bool draw(Drawn *d, SdResult *result, bool first, Error *e) {
    const PictureArguments *a = d->a;
    SdRequest *r = &d->request;
    r->preview = (a->sheet && first) || a->preview ? keep_step : NULL;
    r->preview_by = (SdPreview)a->preview_by;
    r->attention = a->attention ? take_maps : NULL;
    d->maps.run = d->drawn++, d->maps.runs = d->progress.runs;
    d->steps.begun = false, d->steps.sheet = a->sheet && first;
    bool ok = drawing_run(&d->drawing, r, result, e);
    progress_clear(&d->progress);
    if (d->steps.no_memory) *e = (Error){0}, error_set(e, ERR_MEMORY, "%s: out of memory for its pictures", a->sheet);
    if (d->written.code) *e = d->written;
    if (d->maps.error.code) *e = d->maps.error;
    ok = ok && save(d, result, e);
    if (ok && d->steps.sheet) steps_save(&d->steps, a->sheet, e);
    d->begun = os_clock(); /* the first picture's time includes opening the model */
    return ok && !e->code;
}

/* The result is what the next loop begins with. */
static void take_result(SdRequest *r, SdResult *result, uint8_t **kept) {
    SdPicture *p = &result->pictures[0];
    free(*kept);
    *kept = p->rgb;
    r->image = p->rgb, r->image_width = p->width, r->image_height = p->height;
    r->fill = SD_FILL_ORIGINAL;
    p->rgb = NULL;
}

/* Batch `run` of a job: loops that begin with its picture. */
static void draw_loops(Drawn *d, int run, Error *e) {
    const PictureArguments *a = d->a;
    const SdRequest first = d->request;
    uint8_t *kept = NULL;
    for (int i = 0; !e->code && i < a->loops; i++) {
        SdResult result = {0};
        d->progress.run = d->drawn;
        d->request.strength = loop_strength(a, first.strength, i);
        d->request.seed = first.seed + i;
        bool ok = draw(d, &result, !run && !i, e);
        if (ok && i + 1 < a->loops) take_result(&d->request, &result, &kept);
        sd_free(&result);
        if (os_stop_signal() && !e->code && d->progress.run + 1 < d->progress.runs)
            error_set(e, ERR_CANCELLED, "stopped");
    }
    free(kept);
    d->request = first;
}

/* About what a picture's text takes at most. */
static size_t text_bytes(const SdRequest *r) {
    enum { OTHERS = 4096 };
    const char *const texts[] = {r->prompt, r->negative, r->hires_prompt, r->hires_negative};
    size_t n = OTHERS;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) n += texts[i] ? strlen(texts[i]) : 0;
    return n;
}

static void draw_job(Drawn *d, const PictureArguments *job, bool first, Error *e) {
    SdRequest *r = &d->request;
    if (!drawing_set(&d->drawing, job, r, e)) return;
    d->several = d->jobs.folder || picture_jobs_count(&d->jobs) > 1 || picture_count(job) > 1;
    r->progress = show, r->user = d;
    r->keep = d->progress.runs > 1;
    networks_note(d->drawing.model, r, job->open.quiet, e);
    if (first) model_note_ignored(&job->open, d->drawing.model, r);
    int width, height;
    sd_finished_size(r, &width, &height);
    if (!e->code) image_write_fits(d->a->out && !d->jobs.folder ? d->a->out : ".png", width, height, text_bytes(r), e);
    if (d->a->sheet) sheet_fits(r->hires_steps > r->steps ? r->hires_steps : r->steps, width, height, e);
    bool next = d->a->next_seeds || d->jobs.folder; /* a random seed is drawn once */
    if (first || !next) d->seed = sd_random_seed(), d->variation = sd_random_seed();
    int64_t seed = r->seed < 0 ? d->seed : r->seed,
            variation = r->variation_seed < 0 ? d->variation : r->variation_seed;
    int64_t each = (int64_t)request_pictures(r) * d->a->loops;
    int64_t all = each * job->batch_count;
    bool own = job->request.seed != d->a->request.seed; /* the line says it */
    int64_t before = d->a->next_seeds && !own ? d->seeds : 0;
    if (seed > INT64_MAX - before - (all - 1))
        error_set(e, ERR_ARGUMENT, "seed: %lld leaves no room to count up; choose a smaller one", (long long)seed);
    else seed += before;
    d->seeds += all;
    for (int run = 0; !e->code && run < job->batch_count; run++) {
        r->seed = r->variation_strength != 0 && d->a->loops == 1 ? seed : seed + run * each;
        r->variation_seed = variation + (int64_t)run * request_pictures(r);
        draw_loops(d, run, e);
    }
}

static int generate(const Command *c, const PictureArguments *a) {
    Error e = {0};
    Drawn d = {.c = c, .a = a, .begun = os_clock()};
    d.maps.folder = a->attention;
    d.steps = (Steps){.sheet = a->sheet, .file = a->preview, .e = &d.written};
    int code = picture_jobs_open(c, a, &d.jobs);
    size_t count = picture_jobs_count(&d.jobs);
    os_catch_stop();
    double runs = 0;
    for (size_t i = 0; code == GO_ON && i < count; i++) { /* mistakes before the first model is opened */
        PictureArguments job;
        if ((code = picture_jobs_get(&d.jobs, i, &job)) != GO_ON) break;
        runs += (double)job.batch_count * job.loops;
        picture_copy_free(&job);
    }
    progress_begin(&d.progress, a->open.quiet, runs < 1e9 ? (int)runs : 1000000000);
    if (code == GO_ON && a->attention) new_folder_make(a->attention, &e);
    for (; code == GO_ON && !e.code && d.job < count; d.job++) {
        PictureArguments job;
        if ((code = picture_jobs_get(&d.jobs, d.job, &job)) != GO_ON) break;
        draw_job(&d, &job, !d.job, &e);
        picture_copy_free(&job);
        if (os_stop_signal() && !e.code && d.job + 1 < count) error_set(&e, ERR_CANCELLED, "stopped");
    }
    if (code == GO_ON && !e.code && !a->open.quiet && os_peak_memory())
        printf("peak memory %zu MiB\n", os_peak_memory() >> 20);
    drawing_close(&d.drawing);
    picture_jobs_close(&d.jobs);
    steps_free(&d.steps);
    attention_files_free(&d.maps);
    if (code != GO_ON) return code;
    if (e.code == ERR_CANCELLED && os_stop_signal())
        return report_stop("step %d of %d; run it again for the rest", d.progress.step, d.progress.steps);
    return e.code ? report_request(c, &e) : finish_output();
}

/* --only-encode, --only-decode: latents to a file, pictures of one. */
static int code_only(const Command *c, const PictureArguments *a) {
    Error e = {0};
    Drawn d = {.c = c, .a = a, .begun = os_clock()};
    SdResult result = {0};
    const char *const usual = "decoded.png";
    os_catch_stop();
    progress_begin(&d.progress, a->open.quiet, 1);
    bool ok = drawing_set(&d.drawing, a, &d.request, &e);
    if (ok && a->only_encode) ok = sd_encode(d.drawing.model, &d.request, a->only_encode, &e);
    else if (ok) ok = sd_decode(d.drawing.model, &d.request, a->only_decode, &result, &e);
    if (ok && a->only_encode && !a->open.quiet)
        printf("%s: %d x %d, %.2f s\n", file_shown(a->only_encode), d.request.width, d.request.height,
               os_clock() - d.begun);
    for (int i = 0; ok && i < result.count; i++) {
        char name[OS_PATH_SIZE];
        const SdPicture *p = &result.pictures[i];
        ok = (a->out || result.count > 1 ? output_name(name, a->out ? a->out : usual, result.count > 1, "", i, &e)
                                         : output_free_name(name, usual, &e)) &&
             image_write(p->rgb, p->width, p->height, NULL, a->quality, name, &e);
        if (ok && !a->open.quiet)
            printf("%s: %d x %d, %.2f s\n", file_shown(name), p->width, p->height, os_clock() - d.begun);
    }
    sd_free(&result);
    drawing_close(&d.drawing);
    return ok ? finish_output() : report_request(c, &e);
}

static int make(const Command *c, int argc, char **argv) {
    PictureArguments a;
    int code = picture_options(c, &a, argc, argv);
    if (code == GO_ON) code = a.only_encode || a.only_decode ? code_only(c, &a) : generate(c, &a);
    picture_options_free(&a);
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
    "with --only-masked, the part alone is drawn, and the picture stays as large as it was.\n"
    "--extend makes a direction as long as its next multiple of 64 pixels. With -W and -H it is drawn in windows of "
    "that "
    "size.\n"
    "--sd-upscale enlarges the picture and draws it again in tiles of -W x -H (the model's own size), --batch-size at "
    "once; a --strength of 0.2 to 0.4 keeps what it shows.",
    IMG2IMG_OPTIONS};
