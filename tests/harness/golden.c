/* golden.c: reads goldens and measures against them. */
#include "golden.h"

#include "weights/weight_file.h"
#include "generated.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Golden {
    WeightFile *file;
    char name[64], worst_name[128];
    double worst;
    int checks, warnings;
};

Golden *golden_open(const char *name) {
    const char *dir = getenv("SDC_GOLDEN");
    char path[512];
    snprintf(path, sizeof path, "%s/%s.safetensors", dir && *dir ? dir : "tests/golden", name);
    Error e = {0};
    WeightFile *file = weight_file_open(path, &e);
    Golden *g = file ? calloc(1, sizeof *g) : NULL;
    if (!g) {
        test_check(false, "golden %s opens", name);
        test_note("%s (run from the repository's root, or set SDC_GOLDEN)", e.text);
        weight_file_close(file);
        return NULL;
    }
    g->file = file;
    snprintf(g->name, sizeof g->name, "%s", name);
    return g;
}

void golden_close(Golden *g) {
    if (!g) return;
    if (getenv("SDC_TEST_VERBOSE"))
        printf("golden %s: %d compared, %d above half of the tolerance, worst %.2f of it (%s)\n", g->name, g->checks,
               g->warnings, g->worst, g->worst_name);
    weight_file_close(g->file);
    free(g);
}

const char *golden_meta(const Golden *g, const char *key) { return weight_file_meta(g->file, key); }
bool golden_has(const Golden *g, const char *name) { return weight_file_find(g->file, name) != NULL; }

/* "2,8,8,320" */
static bool same_shape(const char *text, int nd, const int64_t *n) {
    for (int i = 0; i < nd; i++) {
        char *end;
        if (strtoll(text, &end, 10) != n[i] || end == text) return false;
        if (*end != (i + 1 < nd ? ',' : ' ')) return false;
        text = end + 1;
    }
    return true;
}

GoldenError golden_error(Golden *g, const char *name, const float *ours, int nd, const int64_t *n) {
    GoldenError r = {.rms = INFINITY, .max = INFINITY, .ratio = INFINITY};
    const FileTensor *t = weight_file_find(g->file, name);
    const char *meta = weight_file_meta(g->file, name);
    double rms, e32rms, e32max;
    char shape[64];
    if (!t || !meta || sscanf(meta, "shape=%63s rms=%lf e32rms=%lf e32max=%lf", shape, &rms, &e32rms, &e32max) != 4)
        return r;
    r.found = true;
    int64_t all = 1, stored = file_tensor_count(t);
    for (int i = 0; i < nd; i++) all *= n[i];
    r.shape = same_shape(meta + strlen("shape="), nd, n) && stored <= all;
    r.finite = true;
    for (int64_t i = 0; i < all; i++) r.finite &= isfinite(ours[i]) != 0;
    r.rms_bound = 4 * fmax(e32rms, 1e-7);
    r.max_bound = 4 * fmax(e32max, 1e-7);
    float *theirs = r.shape ? malloc((size_t)stored * sizeof *theirs) : NULL;
    if (!theirs || !file_tensor_f32(g->file, t, theirs)) return free(theirs), r;
    if (!(rms > 0)) rms = 1;
    double squares = 0, most = 0;
    for (int64_t k = 0; k < stored; k++) {
        double d = fabs((double)ours[stored == all ? k : gen_sample(k, all)] - (double)theirs[k]) / rms;
        squares += d * d;
        if (!(d <= most)) most = d;
    }
    r.rms = sqrt(squares / (double)stored);
    r.max = most;
    r.ratio = fmax(r.rms / r.rms_bound, r.max / r.max_bound);
    if (!r.finite) r.ratio = INFINITY;
    free(theirs);
    return r;
}

static bool judge(Golden *g, const char *name, GoldenError r, const char *label) {
    bool ok = test_check(r.found && r.shape && r.ratio <= 1.0, "%s", label);
    if (!r.found) test_note("%s has no %s", g->name, name);
    else if (!r.shape) test_note("%s: another shape: %s", name, weight_file_meta(g->file, name));
    else
        test_note("rms %.2e of %.2e, max %.2e of %.2e: %.2f of the tolerance%s%s", r.rms, r.rms_bound, r.max,
                  r.max_bound, r.ratio, r.ratio > 0.5 ? " (warning: above half)" : "",
                  r.finite ? "" : "; NOT FINITE: an element was not written, or is wrong");
    g->checks++;
    g->warnings += r.ratio > 0.5;
    if (r.ratio > g->worst) {
        g->worst = r.ratio;
        snprintf(g->worst_name, sizeof g->worst_name, "%s", label);
    }
    return ok;
}

bool golden_check(Golden *g, const char *name, const float *ours, int nd, const int64_t *n, const char *label) {
    return judge(g, name, golden_error(g, name, ours, nd, n), label);
}

bool golden_check_within(Golden *g, const char *name, const float *ours, int nd, const int64_t *n, double rms,
                         double max, const char *label) {
    GoldenError r = golden_error(g, name, ours, nd, n);
    r.rms_bound = rms;
    r.max_bound = max;
    r.ratio = r.finite ? fmax(r.rms / rms, r.max / max) : INFINITY;
    return judge(g, name, r, label);
}

bool golden_check_picture(Golden *g, const char *name, Tensor t, const char *label) {
    return golden_check_picture_within(g, name, t, 0, 0, label);
}

bool golden_check_picture_within(Golden *g, const char *name, Tensor t, double rms, double max, const char *label) {
    int64_t spatial = 1, channels = t.n[t.nd - 1], n[MAX_DIMS] = {t.n[0], channels};
    for (int i = 1; i + 1 < t.nd; i++) {
        spatial *= t.n[i];
        n[i + 1] = t.n[i];
    }
    float *transposed = malloc(tensor_bytes(t));
    if (!transposed || !tensor_dense(t)) return free(transposed), test_check(false, "%s: a dense result", label);
    to_channels_first(transposed, t.data, t.n[0], channels, spatial);
    bool ok = rms > 0 ? golden_check_within(g, name, transposed, t.nd, n, rms, max, label)
                      : golden_check(g, name, transposed, t.nd, n, label);
    free(transposed);
    return ok;
}
