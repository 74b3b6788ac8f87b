#include "tap_view.h"

#include <math.h>

static int64_t count_of(const TapView *t) {
    int64_t n = 1;
    for (int i = 0; i < t->nd; i++) n *= t->n[i];
    return n;
}

TapStats tap_stats(const TapView *t) {
    TapStats s = {.count = count_of(t), .min = INFINITY, .max = -INFINITY};
    double sum = 0, squares = 0, apart = 0;
    for (int64_t i = 0; i < s.count; i++) {
        double v = t->values[i];
        if (!isfinite(v)) {
            s.not_finite++;
            continue;
        }
        s.zeros += v == 0;
        s.min = fmin(s.min, v), s.max = fmax(s.max, v);
        sum += v, squares += v * v;
    }
    int64_t finite = s.count - s.not_finite;
    if (!finite) return (TapStats){.count = s.count, .not_finite = s.not_finite};
    s.mean = sum / (double)finite, s.rms = sqrt(squares / (double)finite);
    for (int64_t i = 0; i < s.count; i++)
        if (isfinite(t->values[i])) apart += (t->values[i] - s.mean) * (t->values[i] - s.mean);
    s.deviation = sqrt(apart / (double)finite);
    return s;
}

TapHistogram tap_histogram(const TapView *t, const TapStats *s) {
    TapHistogram h = {.low = s->min, .width = (s->max - s->min) / TAP_BINS};
    for (int64_t i = 0; i < s->count; i++) {
        double v = t->values[i];
        if (!isfinite(v)) continue;
        int bin = h.width > 0 ? (int)((v - h.low) / h.width) : 0;
        h.count[bin < TAP_BINS ? bin : TAP_BINS - 1]++;
    }
    return h;
}
