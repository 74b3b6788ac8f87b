#include "histogram.h"

#include <stdlib.h>

/* A distribution: the share of all that is at most each value. */
typedef struct {
    int count;
    double share[256], value[256];
} Distribution;

static Distribution distribution(const Histogram *h, double unit) {
    Distribution d = {0};
    int64_t all = 0, sum = 0;
    for (int v = 0; v < 256; v++) all += h->count[v];
    for (int v = 0; v < 256; v++) {
        if (!h->count[v]) continue;
        sum += h->count[v];
        d.share[d.count] = (double)sum / (double)all, d.value[d.count++] = v / unit;
    }
    return d;
}

/* numpy.interp(share, d->share, d->value) */
static double value_at(const Distribution *d, double share) {
    int last = d->count - 1, j = 0;
    if (share < d->share[0]) return d->value[0];
    if (share >= d->share[last]) return d->value[last];
    while (d->share[j + 1] <= share) j++;
    if (d->share[j] == share) return d->value[j];
    double slope = (d->value[j + 1] - d->value[j]) / (d->share[j + 1] - d->share[j]);
    return slope * (share - d->share[j]) + d->value[j];
}

void histogram_map(const Histogram *from, const Histogram *to, uint8_t map[256]) {
    Distribution d = distribution(to, 1);
    int64_t all = 0, sum = 0;
    for (int v = 0; v < 256; v++) all += from->count[v];
    for (int v = 0; v < 256; v++) {
        sum += from->count[v];
        map[v] = (uint8_t)(all ? value_at(&d, (double)sum / (double)all) : v);
    }
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

bool histogram_match(double *values, int64_t n, int64_t step, const Histogram *to, Error *e) {
    Distribution d = distribution(to, 255);
    double *sorted = malloc((size_t)n * sizeof *sorted);
    if (!sorted) return error_set(e, ERR_MEMORY, "out of memory for a picture's distribution");
    for (int64_t i = 0; i < n; i++) sorted[i] = values[i * step];
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    for (int64_t i = 0; i < n; i++) {
        int64_t low = 0, high = n; /* so many are at most this one */
        while (low < high) {
            int64_t middle = (low + high) / 2;
            if (sorted[middle] <= values[i * step]) low = middle + 1;
            else high = middle;
        }
        values[i * step] = value_at(&d, (double)low / (double)n);
    }
    free(sorted);
    return true;
}
