/* show.c: `sdc show FILE`: what the tensors of a file look like: statistics, a contact sheet of their maps, histograms,
 * and their numbers. */
#include "sd/image/image.h"
#include "sd/image/draw/letters.h"
#include "sd/image/draw/sheet.h"
#include "tools/cli/commands.h"
#include "tools/cli/output.h"
#include "tools/commands/diff/diff.h"
#include "tools/show/tap_view.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"
#include "weights/files/glob.h"
#include "weights/files/json_text.h"
#include "weights/formats/weight_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    OptionList globs;
    const char *out, *histograms, *values;
    int columns, cell;
    bool json;
    bool quiet; /* something else goes to standard output */
} Arguments;

static const Option OPTIONS[] = {
    OPTION(LIST, globs, 0, "tap", "GLOB", "only tensors whose names match (* and ?); may be repeated"),
    OPTION(STRING, out, 'o', "out", "FILE", "a contact sheet of their maps, a picture"),
    OPTION_IN(INT, columns, 0, "columns", "N", 1, 1000, "tensors beside each other on it (about as wide as high)"),
    OPTION_IN(INT, cell, 0, "cell", "N", 16, 512, "pixels of a map's side (80)"),
    OPTION(STRING, histograms, 0, "histograms", "FILE", "their histograms, as CSV; - is standard output"),
    OPTION(STRING, values, 0, "values", "FILE", "their numbers, as CSV; - is standard output"),
    OPTION(FLAG, json, 0, "json", NULL, "print JSON"),
    OPTION_END};

/* A file that is written as it grows; file NULL: there is none. */
typedef struct {
    AtomicFile *file;
    JsonText text; /* what is not yet in it */
} Csv;

/* What is made of the tensors, one after the other. */
typedef struct {
    const Arguments *a;
    const WeightFile *file;
    SheetPicture *pictures; /* [count], of those so far */
    int count, width;
    Csv histograms, values;
} Show;

static void print_row(const Show *s, const FileTensor *t, const TapStats *n) {
    if (s->a->quiet) return;
    if (s->a->json) {
        JsonText j = {0};
        json_text(&j, "{\"name\":");
        json_text_quoted(&j, t->name);
        json_text(&j, ",\"dtype\":\"%s\",\"shape\":[", dtype_name(t->dtype));
        for (int i = 0; i < t->nd; i++) json_text(&j, "%s%lld", i ? "," : "", (long long)t->n[i]);
        json_text(&j, "]");
        if (n) {
            const struct {
                const char *key;
                double v;
            } NUMBERS[] = {{"mean", n->mean}, {"std", n->deviation}, {"rms", n->rms}, {"min", n->min}, {"max", n->max}};
            for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++) {
                json_text(&j, ",\"%s\":", NUMBERS[i].key);
                json_text_number(&j, NUMBERS[i].v);
            }
            json_text(&j, ",\"zeros\":%lld,\"not_finite\":%lld", (long long)n->zeros, (long long)n->not_finite);
        }
        printf("%s}\n", j.failed ? "{" : j.p);
        free(j.p);
        return;
    }
    diff_print_name(t->name, s->width);
    diff_print_shape(t->nd, t->n);
    if (!n) {
        printf(" %s: not numbers that are shown\n", dtype_name(t->dtype));
        return;
    }
    printf(" %10.4g %10.4g %10.4g %10.4g", n->mean, n->deviation, n->min, n->max);
    if (n->not_finite) printf("  %lld not finite", (long long)n->not_finite);
    printf("\n");
}

/* A field of CSV: quoted where a name has a comma or a quote. */
static void csv_name(JsonText *t, const char *name) {
    if (!strpbrk(name, ",\"\n\r")) {
        json_text(t, "%s", name);
        return;
    }
    json_text(t, "\"");
    for (const char *p = name; *p; p++) json_text(t, *p == '"' ? "\"\"" : "%c", *p);
    json_text(t, "\"");
}

static bool csv_begin(Csv *c, const char *path, const char *head, Error *e) {
    if (!path) return true;
    c->file = atomic_begin(path, e);
    json_text(&c->text, "%s\n", head);
    return c->file != NULL;
}

/* Writes what was added, if it is much, or all. */
static bool csv_flush(Csv *c, bool all, Error *e) {
    enum { MUCH = 1 << 20 };
    if (c->text.failed) return error_set(e, ERR_MEMORY, "out of memory for a CSV");
    if (!c->text.size || (!all && c->text.size < MUCH)) return true;
    bool ok = atomic_write(c->file, c->text.p, c->text.size, e);
    c->text.size = 0;
    return ok;
}

/* ok: the file is complete, else it does not appear. */
static bool csv_end(Csv *c, bool ok, Error *e) {
    ok = ok && (!c->file || csv_flush(c, true, e));
    if (c->file && ok) ok = atomic_end(c->file, e);
    else atomic_abort(c->file);
    free(c->text.p);
    return ok;
}

static bool add_csv(Show *s, const TapView *t, const TapStats *n, Error *e) {
    bool ok = true;
    if (s->histograms.file) {
        TapHistogram h = tap_histogram(t, n);
        for (int i = 0; i < TAP_BINS; i++) {
            csv_name(&s->histograms.text, t->name);
            json_text(&s->histograms.text, ",%.9g,%.9g,%lld\n", h.low + i * h.width, h.low + (i + 1) * h.width,
                      (long long)h.count[i]);
        }
        ok = csv_flush(&s->histograms, false, e);
    }
    for (int64_t i = 0; ok && s->values.file && i < n->count; i++) {
        csv_name(&s->values.text, t->name);
        json_text(&s->values.text, ",%lld,%.9g\n", (long long)i, (double)t->values[i]);
        ok = csv_flush(&s->values, false, e);
    }
    return ok;
}

static bool add_picture(Show *s, const TapView *t, const TapStats *n, Error *e) {
    int cell = s->a->cell, w = tap_width(cell), h = tap_height(cell);
    size_t room = strlen(t->name) + 160;
    uint8_t *rgb = malloc((size_t)w * (size_t)h * 3);
    char *label = malloc(room);
    s->pictures[s->count++] = (SheetPicture){rgb, label};
    if (!rgb || !label) return error_set(e, ERR_MEMORY, "%s: out of memory for its sheet", s->a->out);
    tap_draw(t, n, cell, rgb);
    size_t fit = letters_fit(w, w >= 256 ? 2 : 1), name = strlen(t->name), split = name;
    for (size_t i = 0; name > fit && i < fit && t->name[i]; i++)
        if (t->name[i] == '.') split = i + 1; /* where a name that is too long may be broken */
    size_t at =
        (size_t)snprintf(label, room, "%.*s %s%s[", (int)split, t->name, t->name + split, split < name ? " " : "");
    for (int i = 0; i < t->nd; i++)
        at += (size_t)snprintf(label + at, room - at, "%s%lld", i ? "," : "", (long long)t->n[i]);
    snprintf(label + at, room - at, "] %.3g..%.3g std %.3g", n->min, n->max, n->deviation);
    return true;
}

static bool show_one(Show *s, const FileTensor *t, Error *e) {
    int64_t count = file_tensor_count(t);
    bool fits = (uint64_t)count < SIZE_MAX / sizeof(float); /* of a 32-bit address space */
    float *values = fits ? malloc((size_t)count * sizeof *values + 1) : NULL;
    if (!values) return error_set(e, ERR_MEMORY, "%s: out of memory for %s", s->file->path, t->name);
    bool ok = true;
    if (file_tensor_f32(s->file, t, values)) {
        TapView v = {t->name, t->nd, t->n, values};
        TapStats n = tap_stats(&v);
        print_row(s, t, &n);
        ok = add_csv(s, &v, &n, e) && (!s->a->out || add_picture(s, &v, &n, e));
    } else print_row(s, t, NULL);
    free(values);
    file_tensor_drop(s->file, t);
    return ok;
}

static bool write_sheet(const Show *s, Error *e) {
    Image sheet = {0};
    bool ok = !s->a->out || (sheet_make(s->pictures, s->count, tap_width(s->a->cell), tap_height(s->a->cell),
                                        s->a->columns, &sheet, e) &&
                             image_write(sheet.rgb, sheet.width, sheet.height, NULL, IMAGE_QUALITY, s->a->out, e));
    image_free(&sheet);
    return ok;
}

static bool is_wanted(const Arguments *a, const char *name) {
    bool wanted = !a->globs.count;
    for (int i = 0; i < a->globs.count; i++) wanted = wanted || glob_match(a->globs.at[i], name);
    return wanted;
}

static bool run(const Arguments *a, const WeightFile *file, Error *e) {
    Show s = {.a = a, .file = file, .width = 6};
    int matched = 0;
    for (size_t i = 0; i < file->count; i++) {
        const char *name = file->tensors[i].name;
        if (!is_wanted(a, name)) continue;
        matched++;
        if (strlen(name) < 64 && (int)strlen(name) > s.width) s.width = (int)strlen(name);
    }
    if (!matched)
        return error_set(e, ERR_ARGUMENT, "%s: none of its %zu tensors is called '%s'; try --tap '*'", file->path,
                         file->count, a->globs.count ? a->globs.at[0] : "*");
    if (a->out && !sheet_fits(matched, tap_width(a->cell), tap_height(a->cell), e)) return false;
    s.pictures = calloc((size_t)matched, sizeof *s.pictures);
    bool ok = s.pictures || error_set(e, ERR_MEMORY, "%s: out of memory", file->path);
    if (ok && !a->json && !a->quiet)
        printf("%-*s %-20s %10s %10s %10s %10s\n", s.width, "tensor", "shape", "mean", "std", "min", "max");
    ok = ok && csv_begin(&s.histograms, a->histograms, "tap,low,high,count", e) &&
         csv_begin(&s.values, a->values, "tap,index,value", e);
    for (size_t i = 0; ok && i < file->count; i++)
        if (is_wanted(a, file->tensors[i].name)) ok = show_one(&s, &file->tensors[i], e);
    if (ok && a->out && !s.count)
        ok = error_set(e, ERR_FORMAT, "%s: none of these tensors can be drawn; choose others by --tap", file->path);
    ok = ok && write_sheet(&s, e);
    ok = csv_end(&s.histograms, ok, e);
    ok = csv_end(&s.values, ok, e);
    for (int i = 0; i < s.count; i++) {
        free((void *)(uintptr_t)s.pictures[i].rgb);
        free((void *)(uintptr_t)s.pictures[i].label);
    }
    free(s.pictures);
    return ok;
}

static int show(const Command *c, int argc, char **argv) {
    Arguments a = {.cell = 80};
    Error e = {0};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code != GO_ON) return code;
    if (rest != 1)
        return usage_error(c, rest ? "'%.200s': shows one file" : "needs a file: sdc show FILE", argv[rest > 1]);
    const char *path = argv[0];
    input_file(&path);
    const struct {
        const char *option, **file;
    } OUT[] = {{"--out", &a.out}, {"--histograms", &a.histograms}, {"--values", &a.values}};
    for (int i = 0; i < 3; i++) {
        const char *to = *OUT[i].file;
        if (!to) continue;
        if (!strcmp(to, "-")) a.quiet = true;
        if (a.quiet && a.json) return usage_error(c, "--json: not with %s -; leave one out", OUT[i].option);
        for (int k = 0; k < i; k++)
            if (*OUT[k].file && (!strcmp(to, *OUT[k].file) || file_same(to, *OUT[k].file)))
                return usage_error(c, "%s: %.200s is also %s; name another file", OUT[i].option, to, OUT[k].option);
        if (file_same(to, path)) return usage_error(c, "%s: %.200s is also the input file", OUT[i].option, to);
    }
    for (int i = 0; i < 3; i++)
        if ((code = output_file(c, OUT[i].option, OUT[i].file)) != GO_ON) return code;
    if (a.out) image_write_check(a.out, &e);
    for (int i = 0; i < 3 && !e.code; i++)
        if (*OUT[i].file) atomic_check(*OUT[i].file, &e);
    WeightFile *file = e.code ? NULL : weight_file_open(path, &e);
    bool ok = file && run(&a, file, &e);
    weight_file_close(file);
    return ok ? finish_output() : report(c, &e);
}

const Command SHOW = {
    "show",
    show,
    "FILE [options]",
    "show the tensors of a file: statistics, maps, histograms",
    "FILE is a safetensors file such as `sdc txt2img --taps` writes, or any other file of weights. On the sheet maps "
    "are "
    "blue below zero, white at zero and red above, full at 2.5 times the tensor's RMS; of each the first nine channels "
    "of the first picture are drawn. Four channels of latents are also shown as colours, of which the first three are "
    "red, green and blue; pictures as they are, beside their red, green and blue. Below is the histogram between the "
    "smallest and the largest number, with a line at zero.",
    OPTIONS};
