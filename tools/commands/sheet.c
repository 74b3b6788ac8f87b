/* sheet.c: `sdc sheet [PROMPT...]`: a picture of each prompt on one labelled contact sheet. Without prompts: a dozen
 * things that the built-in model has learned: colours and shapes, relations, numbers, landscapes; a colour and shape
 * that it has never seen together, a caption without a background, a word that it does not know. */
#include "tools/cli/commands.h"
#include "tools/shapes/contact.h"
#include "tensor/os.h"
#include "tools/cli/progress.h"
#include "sd/sd.h"
#include "weights/atomic_file.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct {
    const char *model, *out, *sampler, *scheduler;
    int64_t seed;
    int width, height, steps, threads;
    double cfg;
    bool quiet;
} Arguments;

static const Option OPTIONS[] = {
    OPTION(STRING, model, 'm', "model", "MODEL", "the model: a file or a folder (the built-in one)"),
    OPTION(STRING, out, 'o', "out", "FILE", "the sheet, a PNG file (sheet.png)"),
    OPTION_IN(INT, width, 'W', "width", "N", 64, 2048, "pixels of a picture, a multiple of 8 (the model's own)"),
    OPTION_IN(INT, height, 'H', "height", "N", 64, 2048, "likewise"),
    OPTION_IN(INT, steps, 0, "steps", "N", 1, 1000, "steps of the sampler (20, or the model's own)"),
    OPTION_IN(DOUBLE, cfg, 0, "cfg", "X", 0, 1000, "guidance scale (7, or the model's own)"),
    OPTION(STRING, sampler, 0, "sampler", "NAME", "the sampler; see sdc samplers (Euler a)"),
    OPTION(STRING, scheduler, 0, "scheduler", "NAME", "the schedule type; see sdc schedulers (Automatic)"),
    OPTION_IN(INT64, seed, 0, "seed", "N", 0, UINT32_MAX, "seed of the first picture; the others count up (1)"),
    OPTION_IN(INT, threads, 0, "threads", "N", 0, 1024, "threads to use (0: one for each core)"),
    OPTION(FLAG, quiet, 'q', "quiet", NULL, "print errors only"),
    OPTION_END};

static const char *const DOZEN[] = {
    "a red circle above a blue square on a white background",
    "a large yellow star on a blue background",
    "a white heart inside a red circle on a pink background",
    "three green diamonds on a black background",
    "a boat on the sea at sunset",
    "a house on a green hill at night",
    "an orange arrow to the left of a purple moon on a yellow background",
    "a purple star on a cyan background", /* held out */
    "a red number 7 on a white background",
    "mountains by the sea on a sunny day",
    "a green ring",                              /* no background */
    "a lovely pink heart on a black background", /* an unknown word */
};

enum { DOZEN_COUNT = sizeof DOZEN / sizeof *DOZEN };

/* Makes a picture of each prompt, then the sheet, of those that were done when a signal came. Returns the exit code. */
static int make(const Command *c, const Arguments *a, SdModel *model, SdRequest *r, const char *const *prompts,
                int count) {
    Error e = {0};
    SdResult *results = calloc((size_t)count, sizeof *results);
    SheetPicture *pictures = calloc((size_t)count, sizeof *pictures);
    Progress progress;
    double seconds = 0;
    int done = 0;
    bool ok = (results && pictures) || error_set(&e, ERR_MEMORY, "out of memory for a sheet of %d pictures", count);
    progress_begin(&progress, a->quiet, count);
    progress.quiet = a->quiet || !progress.terminal; /* a line for each step of each picture would be too many */
    r->progress = progress_show, r->user = &progress;
    for (; ok && done < count; done++) {
        progress.run = done;
        r->prompt = prompts[done], r->seed = a->seed + done;
        ok = sd_txt2img(model, r, &results[done], &e);
        if (!ok) break;
        seconds += results[done].text_seconds + results[done].sample_seconds + results[done].decode_seconds;
        pictures[done] = (SheetPicture){results[done].pictures[0].rgb, prompts[done]};
    }
    progress_clear(&progress);
    bool stopped = e.code == ERR_CANCELLED && os_stop_signal();
    if (stopped) e = (Error){0}, ok = true;
    ok = ok && (!done || contact_sheet(pictures, done, r->width, r->height, a->out, &e));
    for (int i = 0; results && i < count; i++) sd_free(&results[i]);
    free(results);
    free(pictures);
    if (!ok) return report(c, &e);
    if (stopped) return report_stop("%d of %d pictures", done, count);
    if (!a->quiet) printf("%s: %d pictures, %.1f s\n", a->out, count, seconds);
    return finish_output();
}

static int sheet(const Command *c, int argc, char **argv) {
    Arguments a = {.out = "sheet.png", .seed = 1, .cfg = -1};
    Error e = {0};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code != GO_ON) return code;
    if (a.width % 8 || a.height % 8) return usage_error(c, "--width and --height must be multiples of 8");
    SdOptions options = {.threads = a.threads};
    os_catch_stop();
    SdModel *model = atomic_check(a.out, &e) ? sd_open(a.model, &options, &e) : NULL;
    if (!model) return report(c, &e);
    SdRequest r = sd_request(model);
    if (a.width) r.width = a.width;
    if (a.height) r.height = a.height;
    if (a.steps) r.steps = a.steps;
    if (a.cfg >= 0) r.cfg = a.cfg;
    if (a.sampler) r.sampler = a.sampler;
    r.scheduler = a.scheduler, r.keep = true;
    code = make(c, &a, model, &r, rest ? (const char *const *)argv : DOZEN, rest ? rest : DOZEN_COUNT);
    sd_close(model);
    return code;
}

const Command SHEET = {"sheet",
                       sheet,
                       "[PROMPT...] [options]",
                       "make a picture of each prompt, all on one sheet",
                       "Without prompts: a dozen things that the built-in model has learned to draw.",
                       OPTIONS};
