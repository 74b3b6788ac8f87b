/* blas.c: products by OpenBLAS, as a reference and for machines on which our kernels are slower.
 *
 * The same blocks as in linear.c and conv2d.c, with its single-threaded sgemm in place of our kernel. The table takes
 * all other ops from the instruction set it is compiled for. It reads weights as they are in the file and prepares
 * none; a weight that another table has prepared goes to that table's kernels. Attention computes whole rows of scores
 * for a block of queries. */
#include "backward.h"

const Ops *K(blas_table)(void); /* NULL: built without OpenBLAS, or it is not there */

#ifdef SDC_OPENBLAS
#include "tensor/blas_library.h"
#include "fma.h"
#include "gather.h"
#include "table.h"
#include "widen.h"

#include <assert.h>
#include <math.h>

enum { ROWS = 256, DEPTH = 768, OUTPUTS = 320, QUERIES = 64, SCORES = 2 << 20 };

/* y[M,N] (+)= x[M,K] w[N,K]^T; w in its own type, from number `first` on, rows `ldw` apart; weights that are not F32
 * are widened into scratch. */
static void product(void *scratch, int64_t m, int64_t n, int64_t k, const float *x, int64_t ldx, const void *w,
                    int64_t first, DType dtype, int64_t ldw, float *y, int64_t ldy, bool accumulate) {
    const float *wide = scratch;
    if (dtype == F32) wide = (const float *)w + first;
    else {
        for (int64_t i = 0; i < n; i++) widen((float *)scratch + i * k, w, dtype, first + i * ldw, k);
        ldw = k;
    }
    blas_sgemm()(BLAS_ROWS, BLAS_PLAIN, BLAS_TRANSPOSED, (int)m, (int)n, (int)k, 1.0f, x, (int)ldx, wide, (int)ldw,
                 accumulate ? 1.0f : 0.0f, y, (int)ldy);
}

/* --- linear and convolution --- */

typedef struct {
    Tensor y, x, x2, w; /* x2.data NULL: none */
    Gather gather;
    CpuFinish finish;
    int64_t columns, row_blocks;
} Product;

static void linear_block(void *arg, int64_t index, void *scratch) {
    const Product *l = arg;
    int64_t row = index % l->row_blocks * ROWS, column = index / l->row_blocks * l->columns;
    int64_t m = min64(ROWS, l->y.n[1] - row), n = min64(l->columns, l->y.n[2] - column), done = 0;
    for (int source = 0; source < (l->x2.data ? 2 : 1); source++) {
        Tensor x = source ? l->x2 : l->x;
        int64_t piece = part_size(x.n[2], DEPTH, 16);
        for (int64_t k = 0; k < x.n[2]; k += piece) {
            int64_t kk = min64(piece, x.n[2] - k);
            for (int64_t p = 0; p < l->y.n[0]; p++)
                product(scratch, m, n, kk, at2(x, p, row) + k, x.s[1], l->w.data, column * l->w.n[1] + done, l->w.dtype,
                        l->w.n[1], at2(l->y, p, row) + column, l->y.s[1], l->finish.in_place || done > 0);
            done += kk;
        }
    }
    for (int64_t p = 0; p < l->y.n[0]; p++)
        K(finish)(&l->finish, at2(l->y, p, row) + column, l->y.s[1], p, row, m, column, n);
}

static void conv_block(void *arg, int64_t index, void *scratch) {
    const Product *l = arg;
    int64_t row = index % l->row_blocks * ROWS, column = index / l->row_blocks * l->columns;
    int64_t m = min64(ROWS, l->y.n[1] - row), n = min64(l->columns, l->y.n[2] - column);
    int64_t all_taps = l->w.n[1] * l->w.n[2], all_channels = l->w.n[3];
    int64_t channels = min64(part_size(all_channels, DEPTH, 16), all_channels);
    int64_t taps = channels == all_channels ? part_size(all_taps, DEPTH / channels, 1) : 1;
    float *pixels = scratch, *rest = pixels + ROWS * DEPTH;
    bool started = l->finish.in_place;
    for (int64_t t = 0; t < all_taps; t += taps)
        for (int64_t k = 0; k < all_channels; k += channels, started = true) {
            int64_t tt = min64(taps, all_taps - t), kk = min64(channels, all_channels - k);
            for (int64_t p = 0; p < l->y.n[0]; p++) {
                K(gather)(&l->gather, pixels, p, row, m, t, tt, k, kk);
                product(rest, m, n, tt * kk, pixels, tt * kk, l->w.data, (column * all_taps + t) * all_channels + k,
                        l->w.dtype, all_taps * all_channels, at2(l->y, p, row) + column, l->y.s[1], started);
            }
        }
    for (int64_t p = 0; p < l->y.n[0]; p++)
        K(finish)(&l->finish, at2(l->y, p, row) + column, l->y.s[1], p, row, m, column, n);
}

static void run(Ctx *c, Product *l, void (*block)(void *, int64_t, void *)) {
    l->row_blocks = (l->y.n[1] + ROWS - 1) / ROWS;
    l->columns = part_size(l->y.n[2], l->row_blocks > 4 ? OUTPUTS : 128, 16);
    pool_run(c->pool, l->row_blocks * ((l->y.n[2] + l->columns - 1) / l->columns), block, l);
}

static void linear(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue e) {
    if (!w->t.data || e.act == ACT_GEGLU) {
        K(linear)(c, y, x, x2, w, b, e);
        return;
    }
    Product l = {.y = y, .x = x, .w = w->t, .finish = finish_of(y, b, e)};
    if (x2) l.x2 = *x2;
    run(c, &l, linear_block);
}

static void conv2d(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, Conv2d g, Epilogue e) {
    if (!w->t.data) {
        K(conv2d)(c, y, x, w, b, g, e);
        return;
    }
    Product l = {.y = tensor_tokens(y), .w = w->t, .finish = finish_of(y, b, e)};
    l.gather = (Gather){.x = x, .g = g, .kernel_width = w->t.n[2], .width = y.n[2]};
    run(c, &l, conv_block);
}

/* --- attention --- */

typedef struct {
    Tensor o, q, k, v;
    int64_t heads, queries, blocks;
    bool causal;
} Attention;

/* s[0..n) = exp(scale * (s - max)), zeros up to `all`; returns the sum. */
static float exponentiate(float *s, int64_t n, int64_t all, float scale) {
    float max = s[0];
    double total = 0;
    for (int64_t j = 1; j < n; j++) max = s[j] > max ? s[j] : max;
    for (int64_t j = 0; j < n; j++) s[j] = fm_exp((s[j] - max) * scale);
    for (int64_t j = n; j < all; j++) s[j] = 0.0f;
    for (int64_t j = 0; j < n; j++) total += s[j];
    return (float)total;
}

static void attention_block(void *arg, int64_t index, void *scratch) {
    const Attention *a = arg;
    int64_t d = a->q.n[2] / a->heads, keys = a->k.n[1];
    int64_t from = index % a->blocks * a->queries, m = min64(a->queries, a->q.n[1] - from);
    int64_t head = index / a->blocks % a->heads, picture = index / a->blocks / a->heads;
    float *scores = (float *)((char *)scratch + SCORES), sums[QUERIES], *o = at2(a->o, picture, from) + head * d;
    product(scratch, m, keys, d, at2(a->q, picture, from) + head * d, a->q.s[1], at2(a->k, picture, 0) + head * d, 0,
            F32, a->k.s[1], scores, keys, false);
    float scale = 1.0f / sqrtf((float)d);
    for (int64_t i = 0; i < m; i++)
        sums[i] = exponentiate(scores + i * keys, a->causal ? from + i + 1 : keys, keys, scale);
    blas_sgemm()(BLAS_ROWS, BLAS_PLAIN, BLAS_PLAIN, (int)m, (int)d, (int)keys, 1.0f, scores, (int)keys,
                 at2(a->v, picture, 0) + head * d, (int)a->v.s[1], 0.0f, o, (int)a->o.s[1]);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < d; j++) o[i * a->o.s[1] + j] /= sums[i];
}

static void attention(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal) {
    Attention a = {.o = o, .q = q, .k = k, .v = v, .heads = heads, .causal = causal};
    a.queries = min64(QUERIES, (SCRATCH_BYTES - SCORES) / 4 / k.n[1]);
    assert(a.queries >= 1); /* S <= 1.5 Mi: the pipelines refuse larger pictures */
    a.blocks = (q.n[1] + a.queries - 1) / a.queries;
    pool_run(c->pool, q.n[0] * heads * a.blocks, attention_block, &a);
}

const Ops *K(blas_table)(void) {
    static const Ops OPS = {
        .name = "openblas",
        .linear = linear,
        .conv2d = conv2d,
        .attention = attention,
        POINTWISE_AND_NORMS,
        .backward = &K(backward_table),
    };
    return blas_load() ? &OPS : NULL;
}

#else

const Ops *K(blas_table)(void) { return NULL; }

#endif
