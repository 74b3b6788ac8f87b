/* record.c: `sdc record`: runs a request and writes what others can be held to (record.h). */
#include "record.h"
#include "tools/cli/commands.h"
#include "tools/cli/output.h"
#include "tools/cli/picture_options.h"
#include "tools/cli/picture_start.h"
#include "tools/cli/progress.h"
#include "tools/cli/setting_option.h"
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
    Image image = {0};
    Progress progress;
    os_catch_stop();
    progress_begin(&progress, a->open.quiet, 1);
    SdModel *model = model_options_open(&a->open, a->model, &e), *refiner = refiner_open(&a->open, a->refiner, &e);
    SdRequest r = a->request, usual = sd_request(model);
    r.progress = progress_show;
    r.user = &progress;
    r.refiner = refiner;
    bool ok = model && !e.code && picture_start(a->image, NULL, &image, &r, &usual, &e);
    params_adopt(&r, &usual);
    ok = ok && networks_note(model, &r, a->open.quiet, &e);
    model_note_ignored(&a->open, model, &r);
    if (r.seed < 0) r.seed = sd_random_seed();
    if (r.variation_seed < 0 && r.variation_strength != 0) r.variation_seed = sd_random_seed();
    ok = ok && picture_start_fits(a->image, &image, &r, &e) && record_make(model, &r, a->values, a->out, &e);
    progress_clear(&progress);
    if (ok) say_written(a, &r);
    sd_close(model);
    sd_close(refiner);
    image_free(&image);
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
    "RECORD is a safetensors file with the settings, the model's hash, and of every activation its shape, norm, "
    "checksum and some sampled values, and the checksum of the picture; FORMAT.md describes it. Everything else is as "
    "in txt2img, or img2img with -i. `sdc check` holds other runs and other programs to it.",
    RECORD_OPTIONS};
