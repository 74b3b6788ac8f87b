/* layer_norm.h: a row's statistics, for layer norm and its gradient. */
#ifndef SD_TENSOR_CPU_LAYER_NORM_H
#define SD_TENSOR_CPU_LAYER_NORM_H

#include "fma.h"
#include "kernels.h"

#include <math.h>
#include <string.h>

/* A sum over a row has as many lanes, whatever the vectors' width. */
enum { LANES = ROW_LANES, LANE_VECTORS = LANES / VW };

/* Their sum, by halves: adding one after the other would cost the latency of each. */
static inline double sum_of_lanes(const V v[LANE_VECTORS]) {
    float all[LANES];
    double s[LANES];
    memcpy(all, v, sizeof all);
    for (int i = 0; i < LANES; i++) s[i] = all[i];
    for (int half = LANES / 2; half; half /= 2)
        for (int i = 0; i < half; i++) s[i] += s[i + half];
    return s[0];
}

/* The mean of x[n] is mean + rest; rstd = 1 / sqrt(variance + eps). */
typedef struct {
    float mean, rest, rstd;
} RowStatistics;

static inline RowStatistics row_statistics(const float *x, int64_t n, float eps) {
    int64_t whole = n / LANES * LANES;
    V sum[LANE_VECTORS] = {0}, s1[LANE_VECTORS] = {0}, s2[LANE_VECTORS] = {0};
    for (int64_t c = 0; c < whole; c += LANES)
        for (int l = 0; l < LANE_VECTORS; l++) sum[l] += *(const V *)(x + c + l * VW);
    double total = sum_of_lanes(sum);
    for (int64_t c = whole; c < n; c++) total += x[c];
    float m = (float)(total / (double)n);
    for (int64_t c = 0; c < whole; c += LANES)
        for (int l = 0; l < LANE_VECTORS; l++) {
            V d = *(const V *)(x + c + l * VW) - m;
            s1[l] += d;
            s2[l] = fma_v(d, d, s2[l]);
        }
    double a = sum_of_lanes(s1), b = sum_of_lanes(s2);
    for (int64_t c = whole; c < n; c++) {
        double d = (double)x[c] - (double)m;
        a += d;
        b += d * d;
    }
    double low = a / (double)n, var = b / (double)n - low * low;
    return (RowStatistics){m, (float)low, (float)(1.0 / sqrt((var > 0 ? var : 0 * var) + (double)eps))};
}

#endif
