/* check.c: `sdc check RECORD`: this machine, another model, or another program's activations against a record. */
#include "check_files.h"
#include "said.h"
#include "tools/cli/commands.h"
#include "tools/cli/drawing.h"
#include "tools/cli/output.h"
#include "tools/cli/picture_start.h"
#include "tools/cli/progress.h"
#include "sd/load/model_hash.h"
#include "tensor/os.h"
#include "weights/files/file_open.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const char *against, *names, *tap, *files;
    double bound;
    bool json;
    NamedFiles named;
} Arguments;

static const Option OPTIONS[] = {
    OPTION(STRING, against, 0, "against", "TAPS", "compare this file of activations, and run nothing"),
    OPTION_IN(DOUBLE, bound, 0, "bound", "X", 0, 1e300,
              "largest relative difference that counts as equal (none where the same bits are promised, else 1e-4; "
              "mixed 3e-2, f16 1e-2, bf16 7e-2)"),
    OPTION(STRING, tap, 0, "tap", "GLOB", "only activations whose names match (* and ?)"),
    OPTION(STRING, names, 0, "names", "FILE",
           "lines NAME_IN_RECORD NAME_IN_TAPS; a * in both stands for the same text"),
    OPTION(STRING, files, 0, "files", "DIR",
           "where the record's files are, which are known by their hashes (beside the record); else:"),
    OPTION_ROWS(named, named_files_rows),
    OPTION(FLAG, json, 0, "json", NULL, "print JSON, with every activation"),
    OPTION_ROWS(named.open, model_rows),
    OPTION_END};

/* what: "model" or "refiner"; name and hash: the record's. */
static void warn_of(const char *what, const char *name, const char *hash, SdModel *model, Error *e) {
    const char *is = model_hash(model, e);
    if (!*hash || !is || !strcmp(is, hash)) return;
    fprintf(stderr, "sdc: warning: the record is of another %s: %.10s %.100s, this one is %.10s\n", what, hash, name,
            is);
}

/* What is compared with a record, and what came out. */
typedef struct {
    const Record *record;
    RecordHow how;
    Drawing drawing; /* of what was run */
    RecordVerdict verdict;
    RecordChanged changed;
    bool looked; /* for weights that changed */
} Comparison;

/* How the record's model was opened, where no option says otherwise. */
static void open_as(const Record *record, ModelOptions *open, char precision[16], char prediction[16]) {
    if (!open->precision) open->precision = words_get(PRECISION_WORDS, (int)record->precision, precision, 16);
    if (!open->prediction && record->prediction)
        open->prediction = words_get(PREDICTION_WORDS, (int)record->prediction - 1, prediction, 16);
    open->ema = open->ema || record->ema;
}

/* Runs it again. */
static bool check_run(const Arguments *a, Comparison *k, Progress *progress, Error *e) {
    const Record *record = k->record;
    char precision[16], prediction[16];
    CheckFiles files;
    Drawing *d = &k->drawing;
    SdRequest r;
    bool ok = check_files(record, &a->named, a->files, &files, e);
    open_as(record, &files.a.open, precision, prediction);
    if (ok && !files.a.model && !sd_builtin())
        ok = error_set(e, ERR_ARGUMENT, "%s: no model is built in: name the record's after -m", record->file->path);
    ok = ok && drawing_set(d, &files.a, &r, e);
    if (ok) {
        model_note_embeddings(&a->named.open, d->model, &r);
        said_embeddings(record->embeddings, record->networks, "record", d->model, e);
        warn_of("model", record->model, record->hash, d->model, e);
        if (d->refiner) warn_of("refiner", record->refiner, record->refiner_hash, d->refiner, e);
        r.progress = progress_show;
        r.user = progress;
    }
    ok = ok && networks_note(d->model, &r, a->named.open.quiet, e) &&
         record_check(record, d->model, &r, &k->how, &k->verdict, e);
    progress_clear(progress);
    k->looked = ok && (a->json || !a->named.open.quiet) && !record_holds(&k->verdict);
    if (k->looked) ok = record_changed(record, d->model, &k->changed, e);
    check_files_free(&files);
    return ok;
}

static bool check_file(const Arguments *a, Comparison *k, Error *e) {
    DiffNames names = {0};
    WeightFile *taps = weight_file_open(a->against, e);
    bool ok = taps && (!a->names || diff_names_read(&names, a->names, e));
    if (a->names) k->how.names = &names;
    ok = ok && record_check_taps(k->record, taps, &k->how, &k->verdict, e);
    diff_names_free(&names);
    weight_file_close(taps);
    return ok;
}

static int check(const Command *c, Arguments *a, const char *path) {
    Error e = {0};
    Comparison k = {.how = {.bound = a->bound, .tap = a->tap}};
    Progress progress;
    os_catch_stop();
    progress_begin(&progress, a->named.open.quiet, 1);
    input_file(&a->names);
    Record *record = record_open(path, &e);
    k.record = record;
    bool ok = record && (a->against ? check_file(a, &k, &e) : check_run(a, &k, &progress, &e));
    bool holds = ok && record_holds(&k.verdict);
    const RecordChanged *changed = k.looked ? &k.changed : NULL;
    if (ok && a->json) record_json(path, record, &k.verdict, changed);
    else if (ok) record_print(path, record, &k.verdict, changed, a->named.open.quiet);
    record_changed_free(&k.changed);
    record_verdict_free(&k.verdict);
    drawing_close(&k.drawing);
    record_close(record);
    if (e.code == ERR_CANCELLED && os_stop_signal()) return report_stop("step %d of %d", progress.step, progress.steps);
    if (e.code) return report(c, &e);
    int code = finish_output();
    return code ? code : holds ? EXIT_DONE : EXIT_FAILED;
}

/* What runs nothing needs no model; what runs needs one. */
static int check_options(const Command *c, const Arguments *a) {
    const NamedFiles *n = &a->named;
    const ModelOptions *o = &n->open;
    const ControlOptions *k = &n->controls;
    if (a->names && !a->against) return usage_error(c, "--names: needs --against TAPS");
    if (a->against && (n->model || n->refiner || n->hires_model || n->image || n->mask || n->noise || n->upscaler ||
                       a->files || n->lora_dir || k->control.count || k->image_prompt.count || k->ip_adapter ||
                       k->image_encoder || o->device || o->precision || o->threads || o->memory_limit))
        return usage_error(c, "--against: compares a file and runs nothing; leave out what only a run needs");
    return GO_ON;
}

static int run(const Command *c, int argc, char **argv) {
    Arguments a = {.bound = -1};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code != GO_ON) return code;
    if (rest != 1) return usage_error(c, rest ? "'%.60s': one record at a time" : "no record named", argv[rest > 1]);
    code = check_options(c, &a);
    if (code == GO_ON) code = named_files_check(c, &a.named, true);
    if (code == GO_ON) code = check(c, &a, argv[0]);
    control_options_free(&a.named.controls);
    return code;
}

const Command CHECK = {
    "check",
    run,
    "RECORD [-m MODEL | --against TAPS] [options]",
    "hold this machine, or other activations, to a record",
    "Runs the record's settings again, or reads activations that another program wrote (sdc txt2img --taps, "
    "tools/taps), and names the first activation that differs. Where record and machine promise the same bits "
    "(f32 and f32-direct on processors with fma), only the same bits are equal. The exit code is 1 when something "
    "differs.",
    OPTIONS};
