/* sheet.c: `sdc sheet [PROMPT...]`: a picture of each prompt on one labelled contact sheet. Without prompts: a dozen
 * things that the built-in model has learned: colours and shapes, relations, numbers, landscapes; a colour and shape
 * that it has never seen together, a caption without a background, a word that it does not know. */
#include "tools/cli/commands.h"
#include "tools/cli/options/network_options.h"
#include "tools/cli/output.h"
#include "tools/cli/options/options.h"
#include "tools/cli/options/short_run.h"
#include "tools/cli/options/setting_option.h"
#include "tools/shapes/contact.h"
#include "tensor/os.h"
#include "tools/cli/progress.h"
#include "sd/image/draw/sheet.h"
#include "sd/sd.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"
#include "weights/files/text_file.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct {
    ShortRun run;
} Arguments;

static const Option OPTIONS[] = {
    OPTION_ROWS(run, short_run_rows),
    OPTION(STRING, run.out, 'o', "out", "FILE", "the sheet, a PNG file; - is standard output (sheet.png)"),
    OPTION_IN(INT64, run.request.seed, 0, "seed", "N", 0, 4294967295,
              "seed of the first picture; the others count up (1)"),
    OPTION_ROWS(run.open, model_rows), OPTION_END};

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
static int make(const Command *c, const ShortRun *a, SdModel *model, const char *const *prompts, int count) {
    SdRequest request = a->request, usual = sd_request(model), *r = &request;
    Error e = {0};
    SdResult *results = calloc((size_t)count, sizeof *results);
    SheetPicture *pictures = calloc((size_t)count, sizeof *pictures);
    Progress progress;
    double seconds = 0;
    int done = 0;
    bool ok = (results && pictures) || error_set(&e, ERR_MEMORY, "out of memory for a sheet of %d pictures", count);
    params_adopt(r, &usual);
    for (int i = 0; i < count && !params_have_networks(r); i++) r->prompt = prompts[i]; /* one that has, for the note */
    model_note_ignored(&a->open, model, r);
    ok = ok && sheet_fits(count, r->width, r->height, &e);
    r->keep = true;
    progress_begin(&progress, a->open.quiet, count);
    progress.quiet = a->open.quiet || !progress.terminal; /* a line for each step of each picture would be too many */
    r->progress = progress_show, r->user = &progress;
    for (; ok && done < count; done++) {
        progress.run = done;
        r->prompt = prompts[done], r->seed = a->request.seed + done;
        ok = networks_note(model, r, a->open.quiet, &e) && sd_txt2img(model, r, &results[done], &e);
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
    if (!ok) return report_request(c, &e);
    if (stopped) return report_stop("%d of %d pictures", done, count);
    if (!a->open.quiet) printf("%s: %d pictures, %.1f s\n", file_shown(a->out), count, seconds);
    return finish_output();
}

static int sheet(const Command *c, int argc, char **argv) {
    Arguments a = {short_run("sheet.png")};
    Error e = {0};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code == GO_ON) code = short_run_check(c, &a.run, 0, NULL);
    if (code != GO_ON) return code;
    for (int i = 0; i < rest; i++) {
        char name[32];
        snprintf(name, sizeof name, "prompt %d", i + 1);
        if (!text_check(argv[i], name, &e)) return report(c, &e);
    }
    SdModel *model = short_run_open(&a.run, &e);
    if (!model) return report(c, &e);
    code = make(c, &a.run, model, rest ? (const char *const *)argv : DOZEN, rest ? rest : DOZEN_COUNT);
    sd_close(model);
    return code;
}

const Command SHEET = {"sheet",
                       sheet,
                       "[PROMPT...] [options]",
                       "make a picture of each prompt, all on one sheet",
                       "Without prompts: a dozen things that the built-in model has learned to draw.",
                       OPTIONS};
