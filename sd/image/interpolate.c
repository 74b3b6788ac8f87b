/* interpolate.c: see interpolate.h. Both directions are sums of a few neighbours with weights that depend on the place
 * alone. Source: PyTorch, aten/src/ATen/native/UpSample.h and cpu/UpSampleKernel.cpp. */
#include "interpolate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* For each of n places: which of `size` samples, and how much of each. */
typedef struct {
    int taps;
    int *at;        /* [n][taps] */
    double *weight; /* [n][taps] */
} Line;

static double triangle(double x) { return fabs(x) < 1 ? 1 - fabs(x) : 0; }

/* Keys' cubic; torch's a is -0.75, and with antialiasing Pillow's, -0.5. */
static double cubic(double x, double a) {
    x = fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static double triangle_of(double x, double a) { return (void)a, triangle(x); }

static int inside(int i, int size) { return i < 0 ? 0 : i < size ? i : size - 1; }

/* Samples beyond the ends are the end's own. */
static void plain(Line *l, int n, int size, bool is_cubic) {
    double step = (double)size / n;
    for (int i = 0; i < n; i++) {
        double place = (i + 0.5) * step - 0.5;
        if (!is_cubic && place < 0) place = 0;
        int first = (int)floor(place);
        double rest = place - first;
        for (int k = 0; k < l->taps; k++) {
            int offset = is_cubic ? k - 1 : k;
            l->at[i * l->taps + k] = inside(first + offset, size);
            l->weight[i * l->taps + k] = is_cubic ? cubic(rest - offset, -0.75) : triangle(rest - offset);
        }
    }
}

/* Samples beyond the ends are left out, and the weights of the others add up to 1; a smaller picture's are wider. */
static void antialiased(Line *l, int n, int size, double support, double (*f)(double, double)) {
    double step = (double)size / n, wide = step > 1 ? step : 1;
    for (int i = 0; i < n; i++) {
        double centre = (i + 0.5) * step, sum = 0;
        int first = inside((int)(centre - support * wide + 0.5), size + 1), end = (int)(centre + support * wide + 0.5);
        if (end > size) end = size;
        for (int k = 0; k < l->taps; k++) {
            bool in = first + k < end;
            double v = in ? f((first + k - centre + 0.5) / wide, -0.5) : 0;
            l->at[i * l->taps + k] = inside(first + k, size);
            l->weight[i * l->taps + k] = v;
            sum += v;
        }
        for (int k = 0; k < l->taps; k++) l->weight[i * l->taps + k] /= sum;
    }
}

/* floor(i size / n), where the quotient is f32's. */
static void nearest(Line *l, int n, int size, float add) {
    float step = (float)size / (float)n;
    for (int i = 0; i < n; i++) {
        l->at[i] = inside((int)floorf(((float)i + add) * step), size);
        l->weight[i] = 1;
    }
}

static bool make(Line *l, int n, int size, Interpolation how) {
    bool cubed = how == INTERPOLATE_BICUBIC || how == INTERPOLATE_BICUBIC_ANTIALIASED;
    double wide = (double)size / n > 1 ? (double)size / n : 1, support = cubed ? 2 : 1;
    l->taps = how >= INTERPOLATE_NEAREST    ? 1
              : how == INTERPOLATE_BILINEAR ? 2
              : how == INTERPOLATE_BICUBIC  ? 4
                                            : 2 * (int)ceil(support * wide) + 1;
    l->at = malloc((size_t)n * (size_t)l->taps * sizeof *l->at);
    l->weight = malloc((size_t)n * (size_t)l->taps * sizeof *l->weight);
    if (!l->at || !l->weight) return false;
    switch (how) {
    case INTERPOLATE_BILINEAR: plain(l, n, size, false); break;
    case INTERPOLATE_BICUBIC: plain(l, n, size, true); break;
    case INTERPOLATE_BILINEAR_ANTIALIASED: antialiased(l, n, size, support, triangle_of); break;
    case INTERPOLATE_BICUBIC_ANTIALIASED: antialiased(l, n, size, support, cubic); break;
    case INTERPOLATE_NEAREST: nearest(l, n, size, 0); break;
    case INTERPOLATE_NEAREST_EXACT: nearest(l, n, size, 0.5f); break;
    }
    return true;
}

bool interpolate(float *to, int to_h, int to_w, const float *from, int h, int w, int64_t planes, Interpolation how,
                 Error *e) {
    Line rows = {0}, columns = {0};
    bool ok = make(&rows, to_h, h, how) && make(&columns, to_w, w, how);
    for (int64_t i = 0; ok && i < planes * to_h * to_w; i++) {
        int x = (int)(i % to_w), y = (int)(i / to_w % to_h);
        const float *plane = from + i / to_w / to_h * h * w;
        double sum = 0;
        for (int k = 0; k < rows.taps; k++) {
            const float *row = plane + (int64_t)rows.at[y * rows.taps + k] * w;
            double line = 0;
            for (int j = 0; j < columns.taps; j++)
                line += columns.weight[x * columns.taps + j] * row[columns.at[x * columns.taps + j]];
            sum += rows.weight[y * rows.taps + k] * line;
        }
        to[i] = (float)sum;
    }
    free(rows.at);
    free(rows.weight);
    free(columns.at);
    free(columns.weight);
    return ok || error_set(e, ERR_MEMORY, "out of memory for enlarging latents");
}
