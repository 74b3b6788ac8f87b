#include "thin_svd.h"

#include "tensor/row_ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BESIDES = 8, MOST_ITERATIONS = 30, COLUMNS = 256, LANES = 8 };

/* --- products of a few rows with the matrix --- */

typedef struct {
    float *y;       /* [few][columns] */
    const float *x; /* [few][count] */
    const float *m; /* [count][columns] */
    int64_t few, count, columns;
} Times;

static void times_some(void *arg, int64_t index, void *scratch) {
    (void)scratch;
    const Times *t = arg;
    int64_t at = index * COLUMNS, n = t->columns - at < COLUMNS ? t->columns - at : COLUMNS;
    for (int64_t r = 0; r < t->few; r++) memset(t->y + r * t->columns + at, 0, (size_t)n * sizeof *t->y);
    cpu_row_ops()->add_product(t->y + at, t->columns, t->few, n, t->x, t->count, t->m + at, t->columns, t->count);
}

/* y = x m */
static void times(ThreadPool *pool, Times t) { pool_run(pool, (t.columns + COLUMNS - 1) / COLUMNS, times_some, &t); }

/* --- rows in double --- */

static double dot(const float *a, const float *b, int64_t n) {
    double lane[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) lane[k] += (double)a[i + k] * (double)b[i + k];
    for (; i < n; i++) sum += (double)a[i] * (double)b[i];
    for (int k = 0; k < LANES; k++) sum += lane[k];
    return sum;
}

/* Rows that are orthogonal to those before them and of length 1; zeros where nothing is left of them. Twice, since what
 * is subtracted leaves errors of the size of the row. */
static void make_orthonormal(float *x, int64_t few, int64_t n) {
    for (int64_t r = 0; r < few; r++) {
        float *row = x + r * n;
        double before = sqrt(dot(row, row, n)), after = before;
        for (int pass = 0; pass < 2 && after > 0; pass++) {
            for (int64_t k = 0; k < r; k++) {
                float by = (float)dot(row, x + k * n, n);
                for (int64_t i = 0; i < n; i++) row[i] -= by * x[k * n + i];
            }
            after = sqrt(dot(row, row, n));
            double scale = after > 1e-6 * before ? 1 / after : 0;
            for (int64_t i = 0; i < n; i++) row[i] = (float)((double)row[i] * scale);
            before = after = scale != 0;
        }
    }
}

/* Eigenvalues of a symmetric a[n][n], onto its diagonal, and vectors, columns of v, by Jacobi's rotations. */
static void eigen(double *a, double *v, int64_t n) {
    enum { SWEEPS = 60 };
    for (int64_t i = 0; i < n * n; i++) v[i] = i / n == i % n;
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        double off = 0, all = 0;
        for (int64_t i = 0; i < n * n; i++) all += a[i] * a[i], off += i / n != i % n ? a[i] * a[i] : 0;
        if (off <= 1e-26 * all) return;
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++) {
                double x = a[p * n + q];
                if (x == 0) continue;
                double theta = (a[q * n + q] - a[p * n + p]) / (2 * x);
                double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
                double c = 1 / sqrt(t * t + 1), s = t * c;
                for (int64_t k = 0; k < n; k++) {
                    double y = a[k * n + p], z = a[k * n + q], f = v[k * n + p], g = v[k * n + q];
                    a[k * n + p] = c * y - s * z, a[k * n + q] = s * y + c * z;
                    v[k * n + p] = c * f - s * g, v[k * n + q] = s * f + c * g;
                }
                for (int64_t k = 0; k < n; k++) {
                    double y = a[p * n + k], z = a[q * n + k];
                    a[p * n + k] = c * y - s * z, a[q * n + k] = s * y + c * z;
                }
            }
    }
}

/* out = the sum over k of x[k] v[k][which] */
static void combine(float *out, const float *x, int64_t few, int64_t n, const double *v, int64_t which, double scale) {
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t k = 0; k < few; k++) sum += v[k * few + which] * (double)x[k * n + i];
        out[i] = (float)(sum * scale);
    }
}

/* From q (orthonormal) and z = q m: the vectors of the largest of z's singular values. */
static void finish(ThinSvd *s, const float *q, const float *z, int64_t few, double *a, double *v) {
    for (int64_t i = 0; i < few; i++)
        for (int64_t k = 0; k < few; k++) a[i * few + k] = dot(z + i * s->columns, z + k * s->columns, s->columns);
    eigen(a, v, few);
    for (int r = 0; r < s->rank; r++) {
        int64_t best = 0;
        for (int64_t i = 1; i < few; i++)
            if (a[i * few + i] > a[best * few + best]) best = i;
        double square = a[best * few + best];
        s->values[r] = square > 0 ? sqrt(square) : 0;
        combine(s->left + r * s->rows, q, few, s->rows, v, best, square > 0);
        combine(s->right + r * s->columns, z, few, s->columns, v, best, square > 0 ? 1 / s->values[r] : 0);
        a[best * few + best] = -1;
    }
}

/* A number within +-1 for each index. */
static float scattered(uint32_t index) {
    uint32_t x = index * 0x9E3779B1u;
    x ^= x >> 16, x *= 0x85EBCA6Bu, x ^= x >> 13, x *= 0xC2B2AE35u, x ^= x >> 16;
    return (float)(x * 0x1p-31 - 1);
}

bool thin_svd(ThinSvd *s, ThreadPool *pool) {
    int64_t least = s->rows < s->columns ? s->rows : s->columns;
    int64_t few = s->rank + BESIDES < least ? s->rank + BESIDES : least;
    float *q = malloc((size_t)(few * s->rows) * sizeof *q), *z = malloc((size_t)(few * s->columns) * sizeof *z);
    float *x = malloc((size_t)(few * s->columns) * sizeof *x);
    double *a = malloc((size_t)(few * few) * sizeof *a), *v = malloc((size_t)(few * few) * sizeof *v), last = 0;
    bool ok = q && z && x && a && v;
    for (int64_t i = 0; ok && i < few * s->columns; i++) x[i] = scattered((uint32_t)i);
    for (int n = 0; ok && n < MOST_ITERATIONS; n++) {
        times(pool, (Times){q, x, s->turned, few, s->columns, s->rows});
        make_orthonormal(q, few, s->rows);
        times(pool, (Times){z, q, s->m, few, s->rows, s->columns});
        double now = dot(z, z, few * s->columns);
        if (n && now - last <= 1e-7 * now) break;
        last = now;
        memcpy(x, z, (size_t)(few * s->columns) * sizeof *x);
        make_orthonormal(x, few, s->columns);
    }
    if (ok) finish(s, q, z, few, a, v);
    free(q), free(z), free(x), free(a), free(v);
    return ok;
}
