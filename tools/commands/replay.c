/* replay.c: `sdc replay FILE -m MODEL`: makes a picture again from what it says, and compares.
 *
 * Every field of its text must be known here: one that is not could change the picture, and is an error that names it.
 * FIELDS says what becomes of each; a new field of SdRequest is one line there. */
#include "tools/cli/commands.h"
#include "tools/cli/output.h"
#include "tools/cli/precision.h"
#include "tools/cli/progress.h"
#include "sd/image/image.h"
#include "sd/info/infotext_read.h"
#include "sd/load/model_hash.h"
#include "sd/sampling/scheduler.h"
#include "sd/sd.h"
#include "weights/atomic_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *model, *out, *precision, *device;
    int64_t threads;
    size_t memory_limit;
    bool quiet;
} Arguments;

static const Option OPTIONS[] = {
    OPTION(STRING, model, 'm', "model", "MODEL", "the model: a file or a folder"),
    OPTION(STRING, out, 'o', "out", "FILE", "save the new picture, a PNG file"),
    OPTION(CHOICE, precision, 0, "precision", PRECISION_NAMES, "as the picture was made: it does not say"),
    OPTION(STRING, device, 0, "device", "auto|cpu|cuda[:N]", "likewise (auto)"),
    OPTION_IN(INT64, threads, 0, "threads", "N", 0, 1024, "as many threads (0: as many as there are cores)"),
    OPTION(SIZE, memory_limit, 0, "memory-limit", "SIZE", "what the process may take: 900M, 4G, 1.5GiB"),
    OPTION(FLAG, quiet, 'q', "quiet", NULL, "print errors only"),
    OPTION_END};

/* --- from text to request --- */

typedef enum {
    FIELD_KNOWN,   /* changes nothing */
    FIELD_INT,     /* int at offset, low..high */
    FIELD_INT64,   /* int64_t, low.. */
    FIELD_DOUBLE,  /* double, low..high */
    FIELD_RNG,     /* SdRng */
    FIELD_SAMPLER, /* with "Schedule type" */
    FIELD_ONLY,    /* only this value, compared as a number if it is one */
    FIELD_FOREIGN, /* no part of the text decides it, only a second file */
} FieldKind;

typedef struct {
    const char *key;
    FieldKind kind;
    size_t offset; /* in SdRequest */
    int low, high;
    const char *text; /* FIELD_ONLY: the value; FIELD_FOREIGN: what is missing */
} Field;

#define IN(field) offsetof(SdRequest, field)
static const Field FIELDS[] = {{"Steps", FIELD_INT, IN(steps), 1, 1000, NULL},
                               {"Sampler", FIELD_SAMPLER, 0, 0, 0, NULL},
                               {"Schedule type", FIELD_SAMPLER, 0, 0, 0, NULL},
                               {"CFG scale", FIELD_DOUBLE, IN(cfg), 0, 1000, NULL},
                               {"Seed", FIELD_INT64, IN(seed), 0, 0, NULL},
                               {"Size-1", FIELD_INT, IN(width), 64, 16384, NULL},
                               {"Size-2", FIELD_INT, IN(height), 64, 16384, NULL},
                               {"Clip skip", FIELD_INT, IN(clip_skip), 1, 32, NULL},
                               {"RNG", FIELD_RNG, IN(rng), 0, 0, NULL},
                               {"Model hash", FIELD_KNOWN, 0, 0, 0, NULL}, /* compared with the model's */
                               {"Model", FIELD_KNOWN, 0, 0, 0, NULL},
                               {"Version", FIELD_KNOWN, 0, 0, 0, NULL},
                               {"User", FIELD_KNOWN, 0, 0, 0, NULL},
                               {"Batch size", FIELD_KNOWN, 0, 0, 0, NULL}, /* a picture does not depend on its batch */
                               {"Batch pos", FIELD_KNOWN, 0, 0, 0, NULL},
                               {"VAE Encoder", FIELD_KNOWN, 0, 0, 0, NULL},
                               {"VAE Decoder", FIELD_ONLY, 0, 0, 0, "Full"},
                               {"FP8 weight", FIELD_ONLY, 0, 0, 0, "Disable"},
                               {"Emphasis", FIELD_ONLY, 0, 0, 0, "Original"},
                               {"Variation seed strength", FIELD_ONLY, 0, 0, 0, "0"},
                               {"ENSD", FIELD_ONLY, 0, 0, 0, "0"},
                               {"Tiling", FIELD_ONLY, 0, 0, 0, "False"},
                               {"VAE", FIELD_FOREIGN, 0, 0, 0, "a VAE from a file of its own"},
                               {"VAE hash", FIELD_FOREIGN, 0, 0, 0, "a VAE from a file of its own"},
                               {"Lora hashes", FIELD_FOREIGN, 0, 0, 0, "LoRA"},
                               {"TI hashes", FIELD_FOREIGN, 0, 0, 0, "textual inversion"},
                               {"Denoising strength", FIELD_FOREIGN, 0, 0, 0, "the picture that it was made from"},
                               {"Hires resize-1", FIELD_FOREIGN, 0, 0, 0, "hires fix"},
                               {"Hires upscale", FIELD_FOREIGN, 0, 0, 0, "hires fix"},
                               {"Hires upscaler", FIELD_FOREIGN, 0, 0, 0, "hires fix"},
                               {"Refiner", FIELD_FOREIGN, 0, 0, 0, "a refiner"}};

typedef struct {
    InfoRead text;
    SdRequest *request;
    char sampler[128]; /* with its schedule behind it, as the pipeline takes both */
} Replay;

static const Field *find_field(const char *key) {
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++)
        if (!strcmp(FIELDS[i].key, key)) return &FIELDS[i];
    return NULL;
}

static bool take_sampler(Replay *r, Error *e) {
    const char *name = infotext_get(&r->text, "Sampler"), *type = infotext_value(&r->text, "Schedule type");
    const Scheduler *named = NULL, *wanted = scheduler_find(type);
    const Sampler *sampler = sampler_parse(name, &named);
    if (!sampler) return error_set(e, ERR_ARGUMENT, "Sampler: %.80s is not in this version", name);
    if (!wanted) return error_set(e, ERR_ARGUMENT, "Schedule type: %.80s is not in this version", type);
    bool automatic = !strcmp(wanted->label, "Automatic");
    snprintf(r->sampler, sizeof r->sampler, automatic ? "%s" : "%s %s", automatic ? name : sampler->name,
             wanted->label);
    r->request->sampler = r->sampler;
    return true;
}

static bool take(Replay *r, const Field *f, const char *value, Error *e) {
    void *at = (char *)r->request + f->offset;
    int64_t whole = 0;
    double number = 0, only;
    bool is_whole = infotext_int(value, &whole), is_number = infotext_double(value, &number);
    switch (f->kind) {
    case FIELD_KNOWN: return true;
    case FIELD_SAMPLER: return take_sampler(r, e);
    case FIELD_INT:
        if (!is_whole || whole < f->low || whole > f->high) break;
        *(int *)at = (int)whole;
        return true;
    case FIELD_INT64:
        if (!is_whole || whole < f->low) break;
        *(int64_t *)at = whole;
        return true;
    case FIELD_DOUBLE:
        if (!is_number || number < f->low || number > f->high) break;
        *(double *)at = number;
        return true;
    case FIELD_RNG:
        if (!strcmp(value, "CPU")) *(SdRng *)at = SD_RNG_CPU;
        else if (!strcmp(value, "NV")) *(SdRng *)at = SD_RNG_NV;
        else if (!strcmp(value, "GPU")) *(SdRng *)at = SD_RNG_NV; /* the same numbers, by the GPU's generator */
        else break;
        return true;
    case FIELD_ONLY:
        if (!strcmp(value, f->text)) return true;
        if (is_number && infotext_double(f->text, &only) && number == only) return true;
        break;
    case FIELD_FOREIGN: return error_set(e, ERR_ARGUMENT, "%s: needs %s, not in this version", f->key, f->text);
    }
    return error_set(e, ERR_ARGUMENT, "%s: %.80s is not in this version", f->key, value);
}

static bool fill_request(Replay *r, Error *e) {
    static const char *const NEEDED[] = {"Steps", "Sampler", "Seed", "Size-1", "Size-2"};
    for (size_t i = 0; i < sizeof NEEDED / sizeof *NEEDED; i++)
        if (!infotext_get(&r->text, NEEDED[i]))
            return error_set(e, ERR_FORMAT, "the text does not tell its %.*s", (int)strcspn(NEEDED[i], "-"), NEEDED[i]);
    r->request->prompt = r->text.prompt;
    r->request->negative = r->text.negative;
    r->request->clip_skip = 1;
    r->request->batch_size = 1;
    r->request->rng = SD_RNG_NV;
    for (int i = 0; i < r->text.count; i++) {
        const InfoPair *p = &r->text.pairs[i];
        const Field *f = find_field(p->key);
        /* What a version implies is a matter of how the prompt is read or of float16; the picture will tell. */
        if (!f && p->implied) continue;
        if (!f) return error_set(e, ERR_ARGUMENT, "%.80s: %.80s is not in this version", p->key, p->value);
        if (!take(r, f, p->value, e)) return false;
    }
    return true;
}

/* --- comparing --- */

/* Prints the verdict; whether there is no difference. */
static bool compare(const char *path, const Image *was, const SdPicture *is) {
    int64_t pixels = (int64_t)was->width * was->height, changed = 0;
    int most = 0;
    double squares = 0;
    for (int64_t i = 0; i < pixels; i++) {
        bool differs = false;
        for (int c = 0; c < 3; c++) {
            int d = abs(was->rgb[3 * i + c] - is->rgb[3 * i + c]);
            differs |= d > 0;
            most = d > most ? d : most;
            squares += (double)d * d;
        }
        changed += differs;
    }
    if (!changed) printf("%s: equal\n", path);
    else
        printf("%s: differs in %lld of %lld pixels, by %d of 255 at most, PSNR %.2f dB\n", path, (long long)changed,
               (long long)pixels, most, 10 * log10(255.0 * 255.0 * 3 * (double)pixels / squares));
    return !changed;
}

static void warn_of_model(SdModel *model, const InfoRead *text) {
    const char *said = infotext_get(text, "Model hash"), *is = model_hash(model);
    const char *name = infotext_get(text, "Model");
    if (!said || !is || strlen(said) < 10) return; /* shorter ones are an old kind, of a part of the file */
    if (strncmp(said, is, strlen(said)))
        fprintf(stderr, "sdc: warning: the picture was made by another model: %.64s %.100s, this one is %.10s\n", said,
                name ? name : "", is);
}

static int generate(const Command *c, const Arguments *a, const char *path, Replay *r, const Image *was) {
    Error e = {0};
    Progress progress;
    SdResult result = {0};
    SdOptions options = {.threads = (int)a->threads, .memory_limit = a->memory_limit};
    options.precision = precision_of(a->precision);
    options.device = a->device ? a->device : "auto";
    catch_signals();
    progress_begin(&progress, a->quiet, 1);
    SdModel *model = sd_open(a->model, &options, &e);
    if (model && !a->quiet) say_device(model, a->precision);
    if (model) warn_of_model(model, &r->text);
    r->request->progress = progress_show;
    r->request->user = &progress;
    bool ok = model && sd_txt2img(model, r->request, &result, &e), equal = false;
    progress_clear(&progress);
    ok = ok && (!a->out || sd_save_png(&result.pictures[0], a->out, &e));
    if (ok) equal = compare(path, was, &result.pictures[0]);
    sd_free(&result);
    sd_close(model);
    if (e.code == ERR_CANCELLED && caught_signal()) {
        fprintf(stderr, "sdc: stopped after step %d of %d\n", progress.step, progress.steps);
        return 128 + caught_signal();
    }
    if (e.code) return report(c, &e);
    int code = finish_output();
    return code ? code : equal ? EXIT_DONE : EXIT_WORLD;
}

static int replay(const Command *c, const Arguments *a, const char *path) {
    Error e = {0}, field = {0};
    SdRequest request = sd_request(NULL);
    Replay r = {.request = &request};
    Image was = {0};
    char *text = NULL;
    int code = EXIT_WORLD;
    bool ok = image_read_text(path, "parameters", &text, &e);
    if (ok && !text) ok = error_set(&e, ERR_FORMAT, "%s: does not say how it was made", path);
    ok = ok && infotext_read(text, &r.text, &e);
    if (ok && !fill_request(&r, &field)) ok = error_set(&e, ERR_FORMAT, "%s: %s", path, field.text);
    ok = ok && image_read(path, IMAGE_WHITE, &was, &e);
    if (ok && (was.width != request.width || was.height != request.height))
        ok = error_set(&e, ERR_FORMAT, "%s: is %dx%d, but its text tells of %dx%d", path, was.width, was.height,
                       request.width, request.height);
    ok = ok && (!a->out || atomic_check(a->out, &e));
    if (ok) code = generate(c, a, path, &r, &was);
    else report(c, &e);
    image_free(&was);
    infotext_read_free(&r.text);
    free(text);
    return code;
}

static int run(const Command *c, int argc, char **argv) {
    Arguments a = {0};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code != GO_ON) return code;
    if (rest != 1) return usage_error(c, rest ? "'%.60s': one picture at a time" : "no picture named", argv[rest > 1]);
    if (!a.model && !sd_builtin())
        return usage_error(c, "no model is built in: -m takes the one that the picture was made with");
    if (a.out && (same_file(a.out, argv[0]) || same_file(a.out, a.model)))
        return usage_error(c, "--out: %.200s is read as well; name another file", a.out);
    if (a.device && strchr(a.device, ',')) return usage_error(c, "--device: one at a time");
    code = check_device(c, a.device, "auto", a.precision);
    return code == GO_ON ? replay(c, &a, argv[0]) : code;
}

const Command REPLAY = {
    "replay",
    run,
    "FILE -m MODEL [options]",
    "make a picture again from what it says, and compare",
    "Prints \"equal\" when every pixel is the same, else how much differs, and the exit code is 1. A field of the text "
    "that this version does not know, such as hires fix or LoRA, is an error.",
    OPTIONS};
