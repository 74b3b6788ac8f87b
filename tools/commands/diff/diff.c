/* diff.c: `sdc diff A B`: where two files of activations begin to differ.
 *
 * Tensors are compared in A's order, in which they were computed: the first one above the bound is where to look. */
#include "diff.h"
#include "diff_html.h"
#include "tools/cli/commands.h"
#include "tools/cli/output.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"
#include "weights/files/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 8 };

typedef struct {
    const char *names, *html;
    double bound;
    bool json;
} Arguments;

static const Option OPTIONS[] = {
    OPTION_IN(DOUBLE, bound, 0, "bound", "X", 0, 1e300, "largest relative RMS difference that counts as equal (1e-4)"),
    OPTION(STRING, names, 0, "names", "FILE",
           "a file of lines NAME_IN_A NAME_IN_B; a * in both stands for the same text"),
    OPTION(STRING, html, 0, "html", "FILE", "also write a page that draws where they part"),
    OPTION(FLAG, json, 0, "json", NULL, "print JSON"), OPTION_END};

typedef struct {
    const WeightFile *a, *b;
    const Arguments *options;
    const FileTensor **partner; /* for each tensor of A the one in B, or NULL */
    bool *used;                 /* for each tensor of B */
    const FileTensor *first;    /* the first divergence */
    Difference first_is;
    size_t compared, apart, only_a, only_b;
    DiffRow *rows; /* [compared], for the page */
} Run;

static bool pair_names(Run *r, DiffNames *names, Error *e) {
    for (size_t i = 0; i < r->a->count; i++) {
        const char *name = r->a->tensors[i].name;
        char other[DIFF_NAME];
        bool ruled = false;
        if (!diff_names_find(names, name, other, &ruled, e)) return false;
        const FileTensor *t = weight_file_find(r->b, ruled ? other : name);
        r->partner[i] = t;
        if (t) r->used[t - r->b->tensors] = true;
        else r->only_a++;
    }
    for (size_t i = 0; i < r->b->count; i++) r->only_b += !r->used[i];
    return true;
}

static void print_one(const Run *r, const FileTensor *t, Difference d, bool apart, int width) {
    if (r->options->json) {
        printf("%s\n{\"name\":", r->compared > 1 ? "," : "");
        json_print(stdout, t->name);
        diff_print_json("relative_rms", d.relative);
        diff_print_json("max", d.max);
        diff_print_json("cosine", d.cosine);
        printf(",\"ok\":%s", apart ? "false" : "true");
        if (d.why) printf(",\"why\":\"%s\"", d.why);
        printf("}");
        return;
    }
    diff_print_name(t->name, width);
    diff_print_shape(t->nd, t->n);
    if (d.why) printf(" %s\n", d.why);
    else printf(" %10.3e  %10.3e  %.9f%s\n", d.relative, d.max, d.cosine, apart ? "  above the bound" : "");
}

static void print_alone(const Run *r, bool in_a) {
    const WeightFile *f = in_a ? r->a : r->b;
    size_t total = in_a ? r->only_a : r->only_b, said = 0;
    bool json = r->options->json;
    if (json) printf(",\n\"only_%c\":[", in_a ? 'a' : 'b');
    else if (!total) return;
    else printf("only in %s (%zu):", in_a ? "A" : "B", total);
    for (size_t i = 0; i < f->count; i++) {
        if (in_a ? r->partner[i] != NULL : r->used[i]) continue;
        if (json) {
            printf("%s", said++ ? "," : "");
            json_print(stdout, f->tensors[i].name);
        } else if (said++ < SHOWN) {
            fputs(said == 1 ? " " : ", ", stdout);
            diff_print_name(f->tensors[i].name, 0);
        }
    }
    if (json) printf("]");
    else if (total > SHOWN) printf(", and %zu more\n", total - SHOWN);
    else printf("\n");
}

static void compare(Run *r) {
    int width = 6;
    for (size_t i = 0; i < r->a->count; i++) {
        size_t n = strlen(r->a->tensors[i].name);
        if (r->partner[i] && n < 64 && (int)n > width) width = (int)n;
    }
    if (r->options->json) printf("{\"tensors\":[");
    else printf("%-*s %-20s %10s  %10s  %s\n", width, "tensor", "shape", "rel. rms", "max", "cosine");
    for (size_t i = 0; i < r->a->count; i++) {
        const FileTensor *t = &r->a->tensors[i];
        if (!r->partner[i]) continue;
        Difference d = diff_tensors(r->a, t, r->b, r->partner[i]);
        bool apart = d.why || !(d.relative <= r->options->bound);
        r->rows[r->compared++] = (DiffRow){t, r->partner[i], d, apart};
        r->apart += apart;
        if (apart && !r->first) r->first = t, r->first_is = d;
        print_one(r, t, d, apart, width);
        file_tensor_drop(r->a, t);
    }
    if (r->options->json) printf("]");
    print_alone(r, true);
    print_alone(r, false);
    if (r->options->json) {
        printf(",\n\"bound\":%.9g,\"compared\":%zu,\"apart\":%zu,\"first\":", r->options->bound, r->compared, r->apart);
        if (r->first) json_print(stdout, r->first->name);
        else printf("null");
        printf("}\n");
        return;
    }
    printf("%zu compared, %zu apart (bound %g)", r->compared, r->apart, r->options->bound);
    if (r->only_a) printf(", %zu only in A", r->only_a);
    if (r->only_b) printf(", %zu only in B", r->only_b);
    putchar('\n');
    if (!r->first) return;
    printf("first divergence: ");
    diff_print_name(r->first->name, 0);
    if (r->first_is.why) printf(" (%s)\n", r->first_is.why);
    else printf(" (relative RMS %.3e)\n", r->first_is.relative);
}

static bool run(const Arguments *options, char **files, const WeightFile *a, const WeightFile *b, DiffNames *names,
                Error *e) {
    Run r = {.a = a, .b = b, .options = options};
    r.partner = calloc(a->count + 1, sizeof *r.partner);
    r.used = calloc(b->count + 1, sizeof *r.used);
    r.rows = calloc(a->count + 1, sizeof *r.rows);
    bool ok = r.partner && r.used && r.rows;
    if (!ok) error_set(e, ERR_MEMORY, "%s: out of memory; free some and try again", files[0]);
    ok = ok && pair_names(&r, names, e);
    if (ok) {
        compare(&r);
        ok = r.compared && !r.apart;
        if (!r.compared)
            error_set(e, ERR_FORMAT, "%s: has no tensor in common with %s; use --names or check the files", files[0],
                      files[1]);
    }
    if (r.compared && options->html && !e->code) diff_html(options->html, a, b, r.rows, r.compared, options->bound, e);
    free(r.partner);
    free(r.used);
    free(r.rows);
    return ok && !e->code;
}

static int diff(const Command *c, int argc, char **argv) {
    Arguments options = {.bound = 1e-4};
    Error e = {0};
    DiffNames names = {0};
    int rest = 0, code = options_parse(c, &options, argc, argv, &rest);
    if (code != GO_ON) return code;
    if (rest > 2) return usage_error(c, "'%.200s': needs two files, not more", argv[2]);
    if (rest < 2) return usage_error(c, "needs two files: sdc diff A B");
    const char *files[] = {argv[0], argv[1]};
    input_file(&files[0]), input_file(&files[1]), input_file(&options.names);
    for (int i = 0; i < 3; i++)
        if (options.html && file_same(options.html, i < 2 ? files[i] : options.names))
            return usage_error(c, "--html: %.200s is also an input file; name another file", options.html);
    code = output_file(c, "--html", &options.html);
    if (code != GO_ON) return code;
    if (options.html && !atomic_check(options.html, &e)) return report(c, &e);
    WeightFile *a = weight_file_open(files[0], &e), *b = a ? weight_file_open(files[1], &e) : NULL;
    bool ok = a && b && (!options.names || diff_names_read(&names, options.names, &e)) &&
              run(&options, argv, a, b, &names, &e);
    diff_names_free(&names);
    weight_file_close(a);
    weight_file_close(b);
    if (e.code) return report(c, &e);
    code = finish_output();
    return ok ? code : EXIT_FAILED;
}

const Command DIFF = {
    "diff",
    diff,
    "A B [options]",
    "show where two files of activations begin to differ",
    "A and B are safetensors files such as `sdc txt2img --taps` writes. The exit code is 1 when tensors of "
    "both differ; those of one file alone are named.",
    OPTIONS};
