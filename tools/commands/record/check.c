/* check.c: `sdc check RECORD`: this machine, another model, or another program's activations against a record. */
#include "record.h"
#include "said.h"
#include "tools/cli/commands.h"
#include "tools/cli/model_options.h"
#include "tools/cli/network_options.h"
#include "tools/cli/output.h"
#include "tools/cli/picture_start.h"
#include "tools/cli/progress.h"
#include "sd/load/model_hash.h"
#include "tensor/os.h"
#include "weights/files/file_open.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const char *model, *refiner, *image, *noise, *against, *names, *tap, *lora_dir;
    double bound;
    bool json;
    ModelOptions open;
} Arguments;

static const Option OPTIONS[] = {
    OPTION(STRING, model, 'm', "model", "MODEL", MODEL_HELP),
    OPTION(STRING, against, 0, "against", "TAPS", "compare this file of activations, and run nothing"),
    OPTION_IN(DOUBLE, bound, 0, "bound", "X", 0, 1e300,
              "largest relative difference that counts as equal (none where the same bits are promised, else 1e-4; "
              "mixed 3e-2, f16 1e-2, bf16 7e-2)"),
    OPTION(STRING, tap, 0, "tap", "GLOB", "only activations whose names match (* and ?)"),
    OPTION(STRING, names, 0, "names", "FILE",
           "lines NAME_IN_RECORD NAME_IN_TAPS; a * in both stands for the same text"),
    OPTION(STRING, refiner, 0, "refiner", "MODEL", "the refiner, if one took part"),
    OPTION(STRING, image, 'i', "image", "FILE", "the picture that an img2img record began with"),
    OPTION(STRING, noise, 0, "noise", "FILE", "the file of noise that it began with, if there was one"),
    OPTION(STRING, lora_dir, 0, "lora-dir", "DIR", "where the LoRA files are that its prompt names"),
    OPTION(FLAG, json, 0, "json", NULL, "print JSON, with every activation"),
    OPTION_ROWS(open, model_rows),
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
    SdModel *model; /* that was run; NULL: none */
    RecordVerdict verdict;
    RecordChanged changed;
    bool looked; /* for weights that changed */
} Comparison;

/* Runs it again. */
static bool check_run(const Arguments *a, Comparison *k, Progress *progress, Error *e) {
    const Record *record = k->record;
    char precision[16];
    ModelOptions open = a->open;
    Image image = {0};
    SdRequest r = record->request;
    if (!open.precision)
        open.precision = words_get(PRECISION_WORDS, (int)record->precision, precision, sizeof precision);
    r.noise = a->noise;
    r.lora_dir = a->lora_dir;
    if (*record->networks) r.network_hashes = record->networks;
    if (!said_folder(record->embeddings, record->networks, a->open.embedding_dir, e)) return false;
    r.progress = progress_show;
    r.user = progress;
    if (picture_start(a->image, NULL, &image, &r, NULL, e)) k->model = model_options_open(&open, a->model, e);
    SdModel *refiner = k->model ? refiner_open(&open, a->refiner, e) : NULL;
    model_note_embeddings(&open, k->model, &r);
    if (k->model) said_embeddings(record->embeddings, record->networks, "record", k->model, e);
    if (k->model) warn_of("model", record->model, record->hash, k->model, e);
    if (refiner) warn_of("refiner", record->refiner, record->refiner_hash, refiner, e);
    r.refiner = refiner;
    bool ok = networks_note(k->model, &r, open.quiet, e) && record_check(record, k->model, &r, &k->how, &k->verdict, e);
    progress_clear(progress);
    k->looked = ok && (a->json || !open.quiet) && !record_holds(&k->verdict);
    if (k->looked) ok = record_changed(record, k->model, &k->changed, e);
    sd_close(refiner);
    image_free(&image);
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
    progress_begin(&progress, a->open.quiet, 1);
    input_file(&a->image), input_file(&a->noise), input_file(&a->names);
    Record *record = record_open(path, &e);
    k.record = record;
    bool ok = record && (a->against ? check_file(a, &k, &e) : check_run(a, &k, &progress, &e));
    bool holds = ok && record_holds(&k.verdict);
    const RecordChanged *changed = k.looked ? &k.changed : NULL;
    if (ok && a->json) record_json(path, record, &k.verdict, changed);
    else if (ok) record_print(path, record, &k.verdict, changed, a->open.quiet);
    record_changed_free(&k.changed);
    record_verdict_free(&k.verdict);
    sd_close(k.model);
    record_close(record);
    if (e.code == ERR_CANCELLED && os_stop_signal()) return report_stop("step %d of %d", progress.step, progress.steps);
    if (e.code) return report(c, &e);
    int code = finish_output();
    return code ? code : holds ? EXIT_DONE : EXIT_FAILED;
}

/* What runs nothing needs no model; what runs needs one. */
static int check_options(const Command *c, const Arguments *a) {
    const ModelOptions *o = &a->open;
    if (a->names && !a->against) return usage_error(c, "--names: needs --against TAPS");
    if (a->against &&
        (a->model || a->refiner || a->image || a->noise || o->device || o->precision || o->threads || o->memory_limit))
        return usage_error(c, "--against: compares a file and runs nothing; leave out what only a run needs");
    if (!a->against && !a->model && !sd_builtin())
        return usage_error(c, "no model is built in: name the record's after -m, or activations after --against");
    if (o->device && strchr(o->device, ',')) return usage_error(c, "--device: one at a time");
    return model_options_check(c, o);
}

static int run(const Command *c, int argc, char **argv) {
    Arguments a = {.bound = -1};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code != GO_ON) return code;
    if (rest != 1) return usage_error(c, rest ? "'%.60s': one record at a time" : "no record named", argv[rest > 1]);
    code = check_options(c, &a);
    return code == GO_ON ? check(c, &a, argv[0]) : code;
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
