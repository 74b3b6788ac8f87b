/* overlay_oft.c: rotations of a weight's outputs. OFT: in blocks of s outputs, W'[o] = sum over n of R[n,o] W[n] in o's
 * block (Qiu et al. 2023, as the webui's network_oft.py has it). BOFT: stages of such blocks, each over another order
 * of the outputs, as a butterfly (Liu et al. 2023). R = (I + Q)(I - Q)^-1 with Q = B - B', B what the file holds;
 * "oft_diag" is R itself. Then each output is multiplied by `rescale`.
 *
 * PEFT's OFT rotates inputs: W' = W R' in blocks of columns (of a convolution inputs and taps), Q by its upper
 * triangle, and R = (I - Q)(I + Q)^-1, or I + 2 Q + 2 Q^2 + ... + Q^(terms - 1), the other way round
 * (tuners/oft/layer.py). One block in the file may stand for all. */
#include "overlay_internal.h"
#include "tensor/sizes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const FileTensor *blocks_of(const NetworkModule *m) {
    return m->part[NET_OFT] ? m->part[NET_OFT] : m->part[NET_OFT_DIAG];
}

static bool rescale_fits(const NetworkModule *m, int64_t rows) {
    return !m->part[NET_RESCALE] || file_tensor_count(m->part[NET_RESCALE]) == rows;
}

bool oft_fits(const Network *n, const NetworkModule *m, int64_t rows, int64_t columns, int64_t taps) {
    (void)n, (void)columns, (void)taps;
    const FileTensor *t = blocks_of(m);
    return t->n[1] <= OVERLAY_MOST_RANK && t->n[0] <= rows && t->n[0] * t->n[1] == rows && rescale_fits(m, rows);
}

bool boft_fits(const Network *n, const NetworkModule *m, int64_t rows, int64_t columns, int64_t taps) {
    (void)n, (void)columns, (void)taps;
    const FileTensor *t = blocks_of(m);
    int64_t half = t->n[3] / 2, stages = t->n[0];
    if (t->n[3] > OVERLAY_MOST_RANK || t->n[3] % 2 || stages > 16 || t->n[1] > rows || t->n[1] * t->n[3] != rows)
        return false;
    return rows % (2 * half << (stages - 1)) == 0 && rows <= OVERLAY_MOST_COLUMNS / 4 && rescale_fits(m, rows);
}

/* --- rotations --- */

/* out = (I + q)(I - q)^-1 for a skew-symmetric q [s][s]: (I - q)' out' = (I + q)', by elimination with
 * pivots; I - q is never singular. a, b: [s][s], scratch. */
static void cayley(const double *q, int64_t s, double *a, double *b, float *out) {
    for (int64_t i = 0; i < s; i++)
        for (int64_t k = 0; k < s; k++) {
            a[i * s + k] = (i == k) - q[k * s + i]; /* (I - q)', */
            b[i * s + k] = (i == k) + q[k * s + i]; /* (I + q)' */
        }
    for (int64_t i = 0; i < s; i++) {
        int64_t pivot = i;
        for (int64_t k = i + 1; k < s; k++)
            if (fabs(a[k * s + i]) > fabs(a[pivot * s + i])) pivot = k;
        for (int64_t k = 0; pivot != i && k < s; k++) {
            double x = a[i * s + k], y = b[i * s + k];
            a[i * s + k] = a[pivot * s + k], a[pivot * s + k] = x;
            b[i * s + k] = b[pivot * s + k], b[pivot * s + k] = y;
        }
        double by = 1 / a[i * s + i];
        for (int64_t k = 0; k < s; k++) a[i * s + k] *= by, b[i * s + k] *= by;
        for (int64_t r = 0; r < s; r++) {
            double x = a[r * s + i];
            for (int64_t k = 0; r != i && x != 0 && k < s; k++)
                a[r * s + k] -= x * a[i * s + k], b[r * s + k] -= x * b[i * s + k];
        }
    }
    for (int64_t i = 0; i < s; i++)
        for (int64_t k = 0; k < s; k++) out[i * s + k] = (float)b[k * s + i];
}

/* How much Q is shrunk so that its norm stays within alpha times the outputs. */
static double constraint(const Delta *d, const float *b, int64_t blocks, int64_t s) {
    double alpha = d->module->alpha, norm = 0;
    if (isnan(alpha) || alpha == 0) return 1;
    for (int64_t k = 0; k < blocks; k++)
        for (int64_t i = 0; i < s; i++)
            for (int64_t j = 0; j < s; j++) {
                double q = (double)b[(k * s + i) * s + j] - (double)b[(k * s + j) * s + i];
                norm += q * q;
            }
    norm = sqrt(norm);
    return (fmin(norm, alpha * (double)d->rows) + 1e-8) / (norm + 1e-8);
}

bool oft_prepare(Delta *d) {
    const FileTensor *t = blocks_of(d->module);
    int64_t s = t->n[t->nd - 1], count = file_tensor_count(t), blocks = count / (s * s);
    float *r = malloc(size_of((uint64_t)count * sizeof *r));
    double *work = d->module->part[NET_OFT] ? malloc(size_of(3 * (uint64_t)(s * s) * sizeof *work)) : NULL;
    if (!r || (d->module->part[NET_OFT] && !work)) return free(r), free(work), false;
    file_tensor_f32(d->network->file, t, r);
    double factor = work ? constraint(d, r, blocks, s) : 1;
    for (int64_t k = 0; work && k < blocks; k++) {
        float *b = r + k * s * s;
        for (int64_t i = 0; i < s; i++)
            for (int64_t j = 0; j < s; j++) work[i * s + j] = factor * ((double)b[i * s + j] - (double)b[j * s + i]);
        cayley(work, s, work + s * s, work + 2 * s * s, b);
    }
    free(work);
    d->rotations = r;
    return true;
}

/* --- a row as a sum of rows --- */

/* Where element x of the outputs stands in a stage's order: "(c g k) -> (c k g)", g 2, k `half`. */
static int64_t place(int64_t x, int64_t half) {
    int64_t k = x % half, g = x / half % 2, c = x / half / 2;
    return (c * half + k) * 2 + g;
}

/* factors[rows]: of the rows of which row o is the sum; `other`: as many of scratch. */
static void boft_factors(const Delta *d, int64_t o, double *factors, double *other) {
    const FileTensor *t = blocks_of(d->module);
    int64_t b = t->n[3], blocks = t->n[1];
    memset(factors, 0, (size_t)d->rows * sizeof *factors);
    factors[o] = 1;
    for (int64_t stage = t->n[0] - 1; stage >= 0; stage--) {
        const float *r = d->rotations + stage * blocks * b * b;
        int64_t half = (b / 2) << stage;
        memset(other, 0, (size_t)d->rows * sizeof *other);
        for (int64_t x = 0; x < d->rows; x++) {
            int64_t at = place(x, half), block = at / b, i = at % b;
            for (int64_t j = 0; factors[x] != 0 && j < b; j++)
                other[block * b + j] += factors[x] * (double)r[(block * b + i) * b + j];
        }
        for (int64_t x = 0; x < d->rows; x++) factors[x] = other[place(x, half)];
    }
}

static void add_row(Change *c, int64_t source, const float *factors, float *row, Room room) {
    const Delta *d = c->d;
    bool any = false;
    for (int64_t r = 0; r < c->rows; r++) any |= factors[r] != 0;
    if (!any) return;
    c->other_rows(c->before, c->source, d->first + source, 1, row, room);
    for (int64_t r = 0; r < c->rows; r++)
        for (int64_t k = 0; factors[r] != 0 && k < d->columns; k++) c->extra[r * d->columns + k] += factors[r] * row[k];
}

/* extra[rows][columns]: the rotated rows. */
void oft_begin(Change *c) {
    const Delta *d = c->d;
    const FileTensor *t = blocks_of(d->module);
    bool butterfly = d->module->kind == NETWORK_BOFT;
    int64_t s = t->n[t->nd - 1], end = c->first + c->rows;
    c->extra = room_take(&c->room, c->rows * d->columns);
    memset(c->extra, 0, (size_t)(c->rows * d->columns) * sizeof *c->extra);
    Room room = c->room;
    float *row = room_take(&room, c->source->columns), *factors = room_take(&room, OVERLAY_ROWS);
    if (butterfly) {
        double *all = room_take_doubles(&room, d->rows), *other = room_take_doubles(&room, d->rows);
        for (int64_t r = 0; r < c->rows; r++) { /* one row at a time: each is a sum of few */
            boft_factors(d, c->first + r, all, other);
            for (int64_t n = 0; n < d->rows; n++) {
                memset(factors, 0, OVERLAY_ROWS * sizeof *factors);
                factors[r] = (float)all[n];
                add_row(c, n, factors, row, room);
            }
        }
    } else
        for (int64_t n = c->first / s * s; n < (end + s - 1) / s * s; n++) {
            for (int64_t r = 0; r < c->rows; r++) {
                int64_t o = c->first + r;
                factors[r] = o / s == n / s ? d->rotations[n * s + o % s] : 0;
            }
            add_row(c, n, factors, row, room);
        }
    if (!d->module->part[NET_RESCALE]) return;
    file_tensor_read(d->network->file, d->module->part[NET_RESCALE], c->first, c->rows, F32, factors);
    for (int64_t r = 0; r < c->rows; r++)
        for (int64_t k = 0; k < d->columns; k++) c->extra[r * d->columns + k] *= factors[r];
}

void oft_tile(const Change *c, int64_t column, int64_t columns, float *out) {
    for (int64_t r = 0; r < c->rows; r++)
        for (int64_t k = 0; k < columns; k++)
            out[r * TILE + k] = c->extra[r * c->d->columns + column + k] - c->w[r * c->stride + column + k];
}

/* --- PEFT's --- */

bool oft_inputs_fits(const Network *n, const NetworkModule *m, int64_t rows, int64_t columns, int64_t taps) {
    (void)n, (void)rows, (void)taps;
    int64_t s = network_oft_side(m), blocks = m->part[NET_OFT_R]->n[0];
    return s <= OVERLAY_MOST_RANK && columns % s == 0 && (blocks == 1 || blocks == columns / s);
}

/* out = a b, [s][s] */
static void multiply(const double *a, const double *b, int64_t s, double *out) {
    memset(out, 0, (size_t)(s * s) * sizeof *out);
    for (int64_t i = 0; i < s; i++)
        for (int64_t j = 0; j < s; j++)
            for (int64_t k = 0; a[i * s + j] != 0 && k < s; k++) out[i * s + k] += a[i * s + j] * b[j * s + k];
}

/* The series; power, next: scratch. */
static void series(const double *q, int64_t s, int terms, double *power, double *next, float *out) {
    for (int64_t i = 0; i < s * s; i++) out[i] = i % (s + 1) ? 0 : 1, power[i] = q[i];
    if (terms == 3) terms = 4; /* as PEFT has it */
    for (int n = 1; n < terms; n++) {
        double factor = n + 1 < terms || n == 1 ? 2 : 1; /* the last counts once, but of two terms */
        if (n > 1) multiply(power, q, s, next), memcpy(power, next, (size_t)(s * s) * sizeof *power);
        for (int64_t i = 0; i < s * s; i++) out[i] = (float)((double)out[i] + factor * power[i]);
    }
}

bool oft_inputs_prepare(Delta *d) {
    const FileTensor *t = d->module->part[NET_OFT_R];
    int64_t s = network_oft_side(d->module), blocks = t->n[0];
    float *r = malloc(size_of((uint64_t)(blocks * s * s) * sizeof *r)),
          *upper = malloc(size_of((uint64_t)t->n[1] * sizeof *upper));
    double *work = malloc(size_of(3 * (uint64_t)(s * s) * sizeof *work));
    bool ok = r && upper && work;
    for (int64_t k = 0; ok && k < blocks; k++) {
        int exact = !d->module->terms;
        const float *at = upper;
        file_tensor_read(d->network->file, t, k * t->n[1], t->n[1], F32, upper);
        for (int64_t i = 0; i < s; i++) {
            work[i * s + i] = 0;
            for (int64_t j = i + 1; j < s; j++, at++) { /* (I - Q)(I + Q)^-1 is cayley of -Q */
                work[i * s + j] = exact ? -(double)*at : (double)*at;
                work[j * s + i] = -work[i * s + j];
            }
        }
        if (exact) cayley(work, s, work + s * s, work + 2 * s * s, r + k * s * s);
        else series(work, s, d->module->terms, work + s * s, work + 2 * s * s, r + k * s * s);
    }
    free(upper), free(work);
    if (!ok) return free(r), false;
    d->rotations = r;
    return true;
}

/* extra[rows][columns]: the rotated numbers. */
void oft_inputs_begin(Change *c) {
    const Delta *d = c->d;
    int64_t s = network_oft_side(d->module), blocks = d->module->part[NET_OFT_R]->n[0];
    c->extra = room_take(&c->room, c->rows * d->columns);
    for (int64_t r = 0; r < c->rows; r++)
        for (int64_t k = 0; k < d->columns; k++) {
            const float *row = d->rotations + ((blocks > 1 ? k / s : 0) * s + k % s) * s;
            const float *w = c->w + r * c->stride + k / s * s;
            double sum = 0;
            for (int64_t j = 0; j < s; j++) sum += (double)row[j] * (double)w[j];
            c->extra[r * d->columns + k] = (float)sum;
        }
}
