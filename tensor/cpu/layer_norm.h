/* layer_norm.h: a row's statistics, for layer norm and its gradient. */
#ifndef SD_TENSOR_CPU_LAYER_NORM_H
#define SD_TENSOR_CPU_LAYER_NORM_H

#include "kernels.h"

#include <math.h>

/* Sum of lanes in a fixed order, by halves: adding one after the other would cost the latency of each. */
static inline double lanes(V v) {
    double s[VW];
    for (int i = 0; i < VW; i++) s[i] = v[i];
    for (int half = VW / 2; half; half /= 2)
        for (int i = 0; i < half; i++) s[i] += s[i + half];
    return s[0];
}

/* The mean of x[n] is mean + rest; rstd = 1 / sqrt(variance + eps). */
typedef struct {
    float mean, rest, rstd;
} RowStatistics;

static inline RowStatistics row_statistics(const float *x, int64_t n, float eps) {
    int64_t whole = n / VW * VW;
    V sum = {0}, s1 = {0}, s2 = {0};
    for (int64_t c = 0; c < whole; c += VW) sum += *(const V *)(x + c);
    double total = lanes(sum);
    for (int64_t c = whole; c < n; c++) total += x[c];
    float m = (float)(total / (double)n);
    for (int64_t c = 0; c < whole; c += VW) {
        V d = *(const V *)(x + c) - m;
        s1 += d;
        s2 += d * d;
    }
    double a = lanes(s1), b = lanes(s2);
    for (int64_t c = whole; c < n; c++) {
        double d = (double)x[c] - (double)m;
        a += d;
        b += d * d;
    }
    double low = a / (double)n, var = b / (double)n - low * low;
    return (RowStatistics){m, (float)low, (float)(1.0 / sqrt((var > 0 ? var : 0 * var) + (double)eps))};
}

#endif
