/* diff_values.c: how far apart two tensors are. */
#include "diff.h"

#include <math.h>
#include <string.h>

static bool same_shape(const FileTensor *a, const FileTensor *b) {
    return a->nd == b->nd && !memcmp(a->n, b->n, (size_t)a->nd * sizeof *a->n);
}

void diff_add(DiffSums *s, const double *x, const double *y, int64_t n) {
    double dd = 0, xx = 0, yy = 0, xy = 0; /* sums of sums: rounding grows with the piece, not with the tensor */
    for (int64_t i = 0; i < n; i++) {
        double e = x[i] - y[i];
        dd += e * e, xx += x[i] * x[i], yy += y[i] * y[i], xy += x[i] * y[i];
        if (fabs(e) > s->max) s->max = fabs(e);
        if (!s->why && !isfinite(x[i])) s->why = "not finite in A";
        if (!s->why && !isfinite(y[i])) s->why = "not finite in B";
    }
    s->dd += dd, s->xx += xx, s->yy += yy, s->xy += xy, s->count += n;
}

Difference diff_result(const DiffSums *s, double rms) {
    if (s->why) return (Difference){.relative = INFINITY, .max = INFINITY, .why = s->why};
    if (s->max == 0) return (Difference){.cosine = 1};
    return (Difference){.relative = rms > 0 ? sqrt(s->dd / (double)s->count) / rms : INFINITY,
                        .max = rms > 0 ? s->max / rms : INFINITY,
                        .cosine = s->xx > 0 && s->yy > 0 ? s->xy / sqrt(s->xx) / sqrt(s->yy) : 0};
}

Difference diff_tensors(const WeightFile *fa, const FileTensor *a, const WeightFile *fb, const FileTensor *b) {
    enum { PIECE = 1024 };
    double x[PIECE], y[PIECE];
    Difference d = {.relative = INFINITY, .max = INFINITY};
    DiffSums s = {0};
    if (!same_shape(a, b)) return d.why = "shapes differ", d;
    int64_t count = file_tensor_count(a);
    for (int64_t first = 0; first < count && !s.why; first += PIECE) {
        int64_t n = count - first < PIECE ? count - first : PIECE;
        if (!file_tensor_f64(fa, a, first, n, x)) return d.why = "a type that cannot be compared in A", d;
        if (!file_tensor_f64(fb, b, first, n, y)) return d.why = "a type that cannot be compared in B", d;
        diff_add(&s, x, y, n);
    }
    return diff_result(&s, count ? sqrt(s.yy / (double)count) : 0);
}
