/* record.c: `sdc record`: runs a request and writes what others can be held to (record.h). */
#include "record.h"
#include "tools/cli/commands.h"
#include "tools/cli/drawing.h"
#include "tools/cli/output.h"
#include "tools/cli/options/picture_options.h"
#include "tools/cli/progress.h"
#include "tools/cli/options/setting_option.h"
#include "tensor/os.h"
#include "weights/files/file_open.h"

#include <inttypes.h>
#include <stdio.h>

static void say_written(const PictureArguments *a, const SdRequest *r) {
    OsInfo info;
    if (a->open.quiet) return;
    printf("%s: seed %" PRId64, file_shown(a->out), r->seed);
    if (os_info(a->out, &info) && info.kind == OS_REGULAR) printf(", %" PRIu64 " bytes", info.size);
    putchar('\n');
}

static int make(const Command *c, const PictureArguments *a) {
    Error e = {0};
    Drawing d = {0};
    Progress progress;
    SdRequest r;
    os_catch_stop();
    progress_begin(&progress, a->open.quiet, 1);
    bool ok = drawing_set(&d, a, &r, &e);
    r.progress = progress_show;
    r.user = &progress;
    ok = ok && networks_note(d.model, &r, a->open.quiet, &e);
    if (ok) model_note_ignored(&a->open, d.model, &r);
    if (r.seed < 0) r.seed = sd_random_seed();
    if (r.variation_seed < 0 && r.variation_strength != 0) r.variation_seed = sd_random_seed();
    ok = ok && record_make(d.model, &r, a, &e);
    progress_clear(&progress);
    if (ok) say_written(a, &r);
    drawing_close(&d);
    if (e.code == ERR_CANCELLED && os_stop_signal()) return report_stop("step %d of %d", progress.step, progress.steps);
    return e.code ? report_request(c, &e) : finish_output();
}

static int run(const Command *c, int argc, char **argv) {
    PictureArguments a;
    int code = picture_options(c, &a, argc, argv);
    if (code == GO_ON) code = make(c, &a);
    picture_options_free(&a);
    return code;
}

const Command RECORD = {
    "record",
    run,
    "-m MODEL -p PROMPT -o RECORD [options]",
    "run a request and write what others must compute",
    "RECORD is a safetensors file with the settings, the hash of every file that is read, and of every activation its "
    "shape, norm, checksum and some sampled values, and the checksum of the picture; FORMAT.md describes it. "
    "Everything "
    "else is as in txt2img, or img2img with -i. `sdc check` holds other runs and other programs to it.",
    RECORD_OPTIONS};
