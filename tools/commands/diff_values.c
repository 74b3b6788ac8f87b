/* diff_values.c: how far apart two tensors are. */
#include "diff.h"

#include <math.h>
#include <string.h>

static bool same_shape(const FileTensor *a, const FileTensor *b) {
    return a->nd == b->nd && !memcmp(a->n, b->n, (size_t)a->nd * sizeof *a->n);
}

Difference diff_tensors(const WeightFile *fa, const FileTensor *a, const WeightFile *fb, const FileTensor *b) {
    enum { PIECE = 1024 };
    double x[PIECE], y[PIECE], dd = 0, xx = 0, yy = 0, xy = 0, max = 0;
    Difference d = {.relative = INFINITY, .max = INFINITY};
    if (!same_shape(a, b)) return d.why = "shapes differ", d;
    int64_t count = file_tensor_count(a);
    for (int64_t first = 0; first < count; first += PIECE) {
        int64_t n = count - first < PIECE ? count - first : PIECE;
        if (!file_tensor_f64(fa, a, first, n, x)) return d.why = "a type that cannot be compared in A", d;
        if (!file_tensor_f64(fb, b, first, n, y)) return d.why = "a type that cannot be compared in B", d;
        double pdd = 0, pxx = 0, pyy = 0,
               pxy = 0; /* sums of sums: rounding grows with the piece, not with the tensor */
        for (int64_t i = 0; i < n; i++) {
            double e = x[i] - y[i];
            pdd += e * e, pxx += x[i] * x[i], pyy += y[i] * y[i], pxy += x[i] * y[i];
            if (fabs(e) > max) max = fabs(e);
            if (!isfinite(x[i])) return d.why = "not finite in A", d;
            if (!isfinite(y[i])) return d.why = "not finite in B", d;
        }
        dd += pdd, xx += pxx, yy += pyy, xy += pxy;
    }
    if (max == 0) return (Difference){.cosine = 1};
    d.relative = yy > 0 ? sqrt(dd / yy) : INFINITY;
    d.max = yy > 0 ? max / sqrt(yy / (double)count) : INFINITY;
    d.cosine = xx > 0 && yy > 0 ? xy / sqrt(xx) / sqrt(yy) : 0;
    return d;
}
