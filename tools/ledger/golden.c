/* golden.c: see golden.h. */
#include "golden.h"

#include "generated.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Golden *golden_of(WeightFile *file, const char *name) {
    Golden *g = file ? calloc(1, sizeof *g) : NULL;
    if (!g) return weight_file_close(file), NULL;
    g->file = file;
    snprintf(g->name, sizeof g->name, "%s", name);
    return g;
}

void golden_free(Golden *g) {
    if (g) weight_file_close(g->file);
    free(g);
}

const char *golden_meta(const Golden *g, const char *key) { return weight_file_meta(g->file, key); }
bool golden_has(const Golden *g, const char *name) { return weight_file_find(g->file, name) != NULL; }

bool golden_next(const Golden *g, const char **at, char name[160]) {
    if (!*at) *at = golden_meta(g, "order");
    if (!*at || !**at) return false;
    size_t n = strcspn(*at, "\n");
    snprintf(name, 160, "%.*s", (int)n, *at);
    *at += n + ((*at)[n] == '\n');
    return true;
}

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

GoldenError golden_error(const Golden *g, const char *name, const float *ours, int nd, const int64_t *n, Bound bound) {
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
    if (bound.rms > 0) {
        r.rms_bound = bound.or_rule ? fmax(bound.rms, r.rms_bound) : bound.rms;
        r.max_bound = bound.or_rule ? fmax(bound.max, r.max_bound) : bound.max;
    }
    float *theirs = r.shape ? malloc((size_t)stored * sizeof *theirs) : NULL;
    r.memory = r.shape && !theirs;
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
    if (r.finite) r.ratio = fmax(r.rms / r.rms_bound, r.max / r.max_bound);
    free(theirs);
    return r;
}

GoldenError golden_error_picture(const Golden *g, const char *name, Tensor t, Bound bound) {
    int64_t spatial = 1, channels = t.n[t.nd - 1], n[MAX_DIMS] = {t.n[0], channels};
    for (int i = 1; i + 1 < t.nd; i++) {
        spatial *= t.n[i];
        n[i + 1] = t.n[i];
    }
    float *transposed = malloc(tensor_bytes(t));
    if (!transposed) return (GoldenError){.rms = INFINITY, .max = INFINITY, .ratio = INFINITY, .memory = true};
    to_channels_first(transposed, t.data, t.n[0], channels, spatial);
    GoldenError r = golden_error(g, name, transposed, t.nd, n, bound);
    free(transposed);
    return r;
}

void golden_say(char *out, size_t size, const Golden *g, const char *name, GoldenError r) {
    if (r.memory) snprintf(out, size, "out of memory");
    else if (!r.found) snprintf(out, size, "%s has no %s", g->name, name);
    else if (!r.shape) snprintf(out, size, "another shape: %s", golden_meta(g, name));
    else if (!r.finite) snprintf(out, size, "not finite: an element was not written, or is wrong");
    else
        snprintf(out, size, "rms %.2e of %.2e, max %.2e of %.2e: %.2f of the tolerance", r.rms, r.rms_bound, r.max,
                 r.max_bound, r.ratio);
}
