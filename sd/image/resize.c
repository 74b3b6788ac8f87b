/* resize.c: Pillow's resampling (its Resample.c) for 8-bit RGB: a horizontal and a vertical pass; each pixel is a
 * weighted sum of the pixels under a filter, which shrinking widens. Weights are normalised in double, then rounded to
 * 22 fractional bits; sums are integers, so that the result is the same on every machine.
 *
 * The webui fills borders by stretching a box of height 0 at the edge with the bicubic filter, which gives not the edge
 * row but 1.125 of it minus 0.125 of its neighbour. A box is two numbers per axis here, as in Pillow. */
#include "resize.h"

#include "sd/noise/math64.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BITS = 22, C = 3 };

static double bilinear(double x) {
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static double bicubic(double x) {
    const double a = -0.5;
    x = fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static double sinc(double x) {
    if (x == 0) return 1;
    x = fabs(x) * 3.14159265358979323846; /* sine64 takes only numbers >= 0 */
    return sine64(x) / x;
}

static double lanczos(double x) { return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0; }

typedef double (*FilterFn)(double x);

static const struct {
    FilterFn fn;
    double support;
} FILTERS[] = {[RESIZE_BILINEAR] = {bilinear, 1}, [RESIZE_BICUBIC] = {bicubic, 2}, [RESIZE_LANCZOS] = {lanczos, 3}};

/* Which pixels each output pixel is made of, along one axis. */
typedef struct {
    int width;    /* the most weights of a pixel */
    int *first;   /* [n][2]: the first pixel, how many */
    int *weights; /* [n][width] */
} Axis;

static void axis_free(Axis *a) {
    free(a->first);
    free(a->weights);
}

/* How far from its centre a pixel's filter reaches, if it is as wide as `step` pixels of the input, and the most
 * weights that this takes. */
static double support_of(double step, ResizeFilter filter) { return FILTERS[filter].support * (step < 1 ? 1 : step); }
static int width_of(double support) { return (int)ceil(support) * 2 + 1; }

/* n output pixels from low..high of `size` input pixels. */
static bool axis_make(Axis *a, int size, double low, double high, int n, ResizeFilter filter) {
    double step = (high - low) / n, wide = step < 1 ? 1 : step, support = support_of(step, filter);
    *a = (Axis){.width = width_of(support)};
    double *w = malloc((size_t)a->width * sizeof *w);
    a->first = malloc((size_t)n * 2 * sizeof *a->first);
    a->weights = calloc((size_t)n, (size_t)a->width * sizeof *a->weights);
    bool ok = w && a->first && a->weights;
    for (int i = 0; ok && i < n; i++) {
        double centre = low + (i + 0.5) * step, sum = 0, scale = 1 / wide;
        int first = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5);
        if (first < 0) first = 0;
        if (end > size) end = size;
        for (int k = 0; k < end - first; k++) sum += w[k] = FILTERS[filter].fn((k + first - centre + 0.5) * scale);
        for (int k = 0; k < end - first; k++) {
            double v = sum != 0 ? w[k] / sum : w[k];
            a->weights[(size_t)i * (size_t)a->width + (size_t)k] = (int)((v < 0 ? -0.5 : 0.5) + v * (1 << BITS));
        }
        a->first[2 * i] = first, a->first[2 * i + 1] = end - first;
    }
    free(w);
    return ok;
}

static uint8_t rounded(int64_t sum) {
    sum >>= BITS;
    return sum < 0 ? 0 : sum > 255 ? 255 : (uint8_t)sum;
}

/* to[rows][n][3] from from[rows][size][3] */
static void across(uint8_t *to, const uint8_t *from, const Axis *a, int size, int n, int rows) {
    for (int y = 0; y < rows; y++, from += (size_t)size * C)
        for (int x = 0; x < n; x++, to += C) {
            const uint8_t *p = from + (size_t)a->first[2 * x] * C;
            const int *w = a->weights + (size_t)x * (size_t)a->width;
            int64_t sum[C] = {1 << (BITS - 1), 1 << (BITS - 1), 1 << (BITS - 1)};
            for (int k = 0; k < a->first[2 * x + 1]; k++)
                for (int c = 0; c < C; c++) sum[c] += (int64_t)p[k * C + c] * w[k];
            for (int c = 0; c < C; c++) to[c] = rounded(sum[c]);
        }
}

/* to[n][row] from from[..][row], whose first row is row `base` of the picture */
static void down(uint8_t *to, const uint8_t *from, const Axis *a, int base, size_t row, int n) {
    for (int y = 0; y < n; y++, to += row) {
        const uint8_t *p = from + (size_t)(a->first[2 * y] - base) * row;
        const int *w = a->weights + (size_t)y * (size_t)a->width;
        for (size_t x = 0; x < row; x++) {
            int64_t sum = 1 << (BITS - 1);
            for (int k = 0; k < a->first[2 * y + 1]; k++) sum += (int64_t)p[(size_t)k * row + x] * w[k];
            to[x] = rounded(sum);
        }
    }
}

static size_t axis_bytes(int size, int n, ResizeFilter filter) {
    size_t width = (size_t)width_of(support_of((double)size / n, filter));
    return width * sizeof(double) + (size_t)n * (2 + width) * sizeof(int);
}

size_t resize_bytes(int from_w, int from_h, int w, int h, ResizeFilter filter) {
    return (size_t)from_h * (size_t)w * C + axis_bytes(from_w, w, filter) + axis_bytes(from_h, h, filter);
}

static bool out_of_memory(int w, int h, Error *e) {
    return error_set(e, ERR_MEMORY, "cannot allocate memory for a picture of %d x %d; make it smaller or free some", w,
                     h);
}

/* to[h][w][3] from a box {left, top, right, bottom} of from[from_h][from_w][3]. */
static bool resample(const uint8_t *from, int from_w, int from_h, const double box[4], uint8_t *to, int w, int h,
                     ResizeFilter filter, Error *e) {
    bool wide = w != from_w || box[0] != 0 || box[2] != w, high = h != from_h || box[1] != 0 || box[3] != h;
    Axis x = {0}, y = {0};
    uint8_t *between = NULL;
    bool ok = axis_make(&x, from_w, box[0], box[2], w, filter) && axis_make(&y, from_h, box[1], box[3], h, filter);
    if (ok && wide) { /* only the rows that the second pass reads */
        int first = y.first[0], rows = y.first[2 * h - 2] + y.first[2 * h - 1] - first;
        from += (size_t)first * (size_t)from_w * C;
        if (!high) across(to, from, &x, from_w, w, rows);
        else if ((ok = (between = malloc((size_t)rows * (size_t)w * C)) != NULL)) {
            across(between, from, &x, from_w, w, rows);
            down(to, between, &y, first, (size_t)w * C, h);
        }
    } else if (ok && high) down(to, from, &y, 0, (size_t)w * C, h);
    else if (ok) memcpy(to, from, (size_t)w * (size_t)h * C);
    free(between);
    axis_free(&x);
    axis_free(&y);
    return ok || out_of_memory(w, h, e);
}

/* Pillow adds the step from pixel to pixel; so are its rounding errors added here. */
static bool nearest(const uint8_t *from, int from_w, int from_h, uint8_t *to, int w, int h, Error *e) {
    int *columns = malloc((size_t)w * sizeof *columns);
    if (!columns) return out_of_memory(w, h, e);
    double step = (double)from_w / w, at = step * 0.5;
    for (int x = 0; x < w; x++, at += step) columns[x] = at < from_w ? (int)at : from_w - 1;
    step = (double)from_h / h, at = step * 0.5;
    for (int y = 0; y < h; y++, at += step) {
        const uint8_t *row = from + (size_t)(at < from_h ? (int)at : from_h - 1) * (size_t)from_w * C;
        for (int x = 0; x < w; x++, to += C) memcpy(to, row + (size_t)columns[x] * C, C);
    }
    free(columns);
    return true;
}

static bool sizes_ok(int from_w, int from_h, int w, int h, Error *e) {
    if (from_w >= 1 && from_h >= 1 && w >= 1 && h >= 1) return !e || !e->code;
    return error_set(e, ERR_ARGUMENT, "a picture of %d x %d cannot become %d x %d; sizes must be at least 1", from_w,
                     from_h, w, h);
}

bool resize_rgb(const uint8_t *from, int from_w, int from_h, uint8_t *to, int w, int h, ResizeFilter filter, Error *e) {
    if (!sizes_ok(from_w, from_h, w, h, e)) return false;
    if (filter == RESIZE_NEAREST) return nearest(from, from_w, from_h, to, w, h, e);
    return resample(from, from_w, from_h, (double[]){0, 0, from_w, from_h}, to, w, h, filter, e);
}

/* Puts in[ph][pw][3] into to[h][w][3] with its corner at (x, y), as far as it fits. */
static void paste(uint8_t *to, int w, int h, const uint8_t *in, int pw, int ph, int x, int y) {
    int left = x < 0 ? -x : 0, right = pw < w - x ? pw : w - x;
    for (int i = y < 0 ? -y : 0; i < ph && y + i < h && left < right; i++)
        memcpy(to + ((size_t)(y + i) * (size_t)w + (size_t)(x + left)) * C,
               in + ((size_t)i * (size_t)pw + (size_t)left) * C, (size_t)(right - left) * C);
}

/* Fills both borders of to[h][w]: the first and the last row or column of in[ph][pw], stretched. */
static bool borders(uint8_t *to, int w, int h, const uint8_t *in, int pw, int ph, bool above, Error *e) {
    int n = above ? h / 2 - ph / 2 : w / 2 - pw / 2, bw = above ? w : n, bh = above ? n : h;
    if (n < 1) return true;
    uint8_t *border = malloc((size_t)bw * (size_t)bh * C);
    bool ok = border || out_of_memory(w, h, e);
    double first[4] = {0, 0, above ? w : 0, above ? 0 : h},
           last[4] = {above ? 0 : pw, above ? ph : 0, above ? w : pw, above ? ph : h};
    ok = ok && resample(in, pw, ph, first, border, bw, bh, RESIZE_BICUBIC, e);
    if (ok) paste(to, w, h, border, bw, bh, 0, 0);
    ok = ok && resample(in, pw, ph, last, border, bw, bh, RESIZE_BICUBIC, e);
    if (ok) paste(to, w, h, border, bw, bh, above ? 0 : n + pw, above ? n + ph : 0);
    free(border);
    return ok;
}

/* The size that a picture is scaled to before it is cut, or its sides are filled. */
static void scaled(int from_w, int from_h, int w, int h, bool crop, int64_t *pw, int64_t *ph) {
    double ratio = (double)w / h, from_ratio = (double)from_w / from_h;
    *pw = (crop ? ratio > from_ratio : ratio < from_ratio) ? w : (int64_t)from_w * h / from_h;
    *ph = (crop ? ratio <= from_ratio : ratio >= from_ratio) ? h : (int64_t)from_h * w / from_w;
    if (*pw < 1) *pw = 1; /* extremely long or wide; the webui fails here */
    if (*ph < 1) *ph = 1;
}

void resize_cut(int from_w, int from_h, int w, int h, int *left, int *top) {
    int64_t pw, ph;
    scaled(from_w, from_h, w, h, true, &pw, &ph);
    *left = (int)(pw / 2) - w / 2;
    *top = (int)(ph / 2) - h / 2;
}

bool resize_picture(const uint8_t *from, int from_w, int from_h, uint8_t *to, int w, int h, SdResize mode, Error *e) {
    if (!sizes_ok(from_w, from_h, w, h, e)) return false;
    if (mode == SD_RESIZE_STRETCH) return resize_rgb(from, from_w, from_h, to, w, h, RESIZE_LANCZOS, e);
    double ratio = (double)w / h, from_ratio = (double)from_w / from_h;
    bool crop = mode == SD_RESIZE_CROP;
    int64_t pw, ph;
    scaled(from_w, from_h, w, h, crop, &pw, &ph);
    if (pw * ph > 1 << 26)
        return error_set(e, ERR_ARGUMENT, "a picture of %d x %d is too narrow to be cut to %d x %d; cut it before",
                         from_w, from_h, w, h);
    uint8_t *in = malloc((size_t)(pw * ph) * C);
    if (!in) return out_of_memory((int)pw, (int)ph, e);
    bool ok = resize_rgb(from, from_w, from_h, in, (int)pw, (int)ph, RESIZE_LANCZOS, e);
    memset(to, 0, (size_t)w * (size_t)h * C);
    if (ok) paste(to, w, h, in, (int)pw, (int)ph, w / 2 - (int)pw / 2, h / 2 - (int)ph / 2);
    if (ok && !crop && ratio != from_ratio) ok = borders(to, w, h, in, (int)pw, (int)ph, ratio < from_ratio, e);
    free(in);
    return ok;
}
