/* norm_backward.c: gradients of group norm and layer norm.
 *
 * With xh = (x - mean) / std, z = w xh + b, y = act(z), dz = dy act'(z), averages over the group or row:
 *   dx = (w dz - mean(w dz) - xh mean(w dz xh)) / std,   dw = sum dz xh,   db = sum dz
 * z is recomputed rather than kept. Sums are in f32 over blocks of pixels (GROUP_NORM_PIXELS, LAYER_NORM_ROWS), then in
 * double over blocks, in index order. */
#include "backward.h"
#include "layer_norm.h"

#include <assert.h>
#include <math.h>
#include <string.h>

typedef struct {
    Into dx, dx2;
    Tensor dy, x, x2, parts, work;
    const Weight *w, *b;
    Act act;
} GroupNorm;

/* For each channel: the mean in two floats, and rstd. */
typedef struct {
    float *high, *low, *rstd;
} Stats;

static Stats stats(const GroupNorm *g, int64_t picture, float *scratch) {
    int64_t channels = g->dy.n[2], groups = g->parts.n[2], width = channels / groups;
    Stats s = {scratch, scratch + channels, scratch + 2 * channels};
    for (int64_t c = 0; c < channels; c++) {
        const double *p = (const double *)g->parts.data + picture * g->parts.s[0] + c / width * 2;
        s.high[c] = (float)p[0];
        s.low[c] = (float)(p[0] - (double)s.high[c]);
        s.rstd[c] = (float)p[1];
    }
    return s;
}

static float *sums_of(const GroupNorm *g, int64_t picture, int64_t block) {
    return (float *)g->work.data + picture * g->work.s[0] + block * g->work.s[1];
}

/* Replaces dy by dz; sums dz and dz xh over the block. */
static void sum_block(void *arg, int64_t index, void *scratch) {
    const GroupNorm *g = arg;
    int64_t blocks = g->work.n[1], picture = index / blocks, blk = index % blocks, channels = g->dy.n[2];
    int64_t from = blk * GROUP_NORM_PIXELS, to = min64(from + GROUP_NORM_PIXELS, g->dy.n[1]);
    Stats all = stats(g, picture, scratch);
    float *s1 = sums_of(g, picture, blk), *s2 = s1 + channels;
    memset(s1, 0, (size_t)(2 * channels) * sizeof *s1);
    for (int64_t t = from; t < to; t++) {
        int64_t base = 0;
        for (int which = 0; which < (g->x2.data ? 2 : 1); which++) {
            Tensor source = which ? g->x2 : g->x;
            const float *x = at2(source, picture, t), *w = (const float *)g->w->t.data + base;
            const float *b = (const float *)g->b->t.data + base;
            const float *high = all.high + base, *low = all.low + base, *rstd = all.rstd + base;
            float *dy = at2(g->dy, picture, t) + base, *a1 = s1 + base, *a2 = s2 + base;
            int64_t n = source.n[2];
            if (g->act == ACT_SILU)
                for (int64_t c = 0; c < n; c++) {
                    float xh = ((x[c] - high[c]) - low[c]) * rstd[c], z = fma1(xh, w[c], b[c]);
                    float s = 1.0f / (1.0f + fm_exp(-z)), dz = dy[c] * (s * fma1(z, 1.0f - s, 1.0f));
                    dy[c] = dz;
                    a1[c] += dz;
                    a2[c] = fma1(dz, xh, a2[c]);
                }
            else
                for (int64_t c = 0; c < n; c++) {
                    a1[c] += dy[c];
                    a2[c] = fma1(dy[c], ((x[c] - high[c]) - low[c]) * rstd[c], a2[c]);
                }
            base += n;
        }
    }
}

/* Sums a picture's blocks; the result replaces the first block's. */
static void combine(void *arg, int64_t picture, void *scratch) {
    const GroupNorm *g = arg;
    int64_t n = 2 * g->dy.n[2];
    double *total = scratch;
    for (int64_t i = 0; i < n; i++) total[i] = 0;
    for (int64_t blk = 0; blk < g->work.n[1]; blk++) {
        const float *from = sums_of(g, picture, blk);
        for (int64_t i = 0; i < n; i++) total[i] += from[i];
    }
    float *to = sums_of(g, picture, 0);
    for (int64_t i = 0; i < n; i++) to[i] = (float)total[i];
}

static void spread_block(void *arg, int64_t index, void *scratch) {
    const GroupNorm *g = arg;
    int64_t blocks = g->work.n[1], picture = index / blocks, blk = index % blocks, channels = g->dy.n[2];
    int64_t from = blk * GROUP_NORM_PIXELS, to = min64(from + GROUP_NORM_PIXELS, g->dy.n[1]);
    int64_t width = channels / g->parts.n[2];
    Stats all = stats(g, picture, scratch);
    float *mean1 = all.rstd + channels, *mean2 = mean1 + channels;
    const float *s1 = sums_of(g, picture, 0), *s2 = s1 + channels, *weights = g->w->t.data;
    for (int64_t c = 0; c < channels; c += width) {
        double a = 0, b = 0, count = (double)(g->dy.n[1] * width);
        for (int64_t i = c; i < c + width; i++) a += (double)weights[i] * s1[i], b += (double)weights[i] * s2[i];
        for (int64_t i = c; i < c + width; i++) mean1[i] = (float)(a / count), mean2[i] = (float)(b / count);
    }
    for (int64_t t = from; t < to; t++) {
        int64_t base = 0;
        for (int which = 0; which < (g->x2.data ? 2 : 1); which++) {
            Tensor source = which ? g->x2 : g->x;
            Into into = which ? g->dx2 : g->dx;
            int64_t n = source.n[2];
            const float *x = at2(source, picture, t), *dz = at2(g->dy, picture, t) + base, *w = weights + base;
            const float *high = all.high + base, *low = all.low + base, *rstd = all.rstd + base;
            const float *m1 = mean1 + base, *m2 = mean2 + base;
            base += n;
            if (!into.t.data) continue;
            float *dx = at2(into.t, picture, t);
            if (into.add)
                for (int64_t c = 0; c < n; c++) {
                    float xh = ((x[c] - high[c]) - low[c]) * rstd[c];
                    dx[c] = fma1(rstd[c], fma1(-xh, m2[c], fma1(w[c], dz[c], -m1[c])), dx[c]);
                }
            else
                for (int64_t c = 0; c < n; c++) {
                    float xh = ((x[c] - high[c]) - low[c]) * rstd[c];
                    dx[c] = rstd[c] * fma1(-xh, m2[c], fma1(w[c], dz[c], -m1[c]));
                }
        }
    }
}

/* Adds [count][2][C], sums of dz and then of dz xh, to b->grad and w->grad, in order. */
static void add_weights(const Weight *w, const Weight *b, const float *sums, int64_t count, int64_t step) {
    int64_t channels = w->t.n[0];
    for (int64_t c = 0; c < channels; c++) {
        double db = 0, dw = 0;
        for (int64_t i = 0; i < count; i++) db += sums[i * step + c], dw += sums[i * step + channels + c];
        if (b->grad) b->grad[c] += (float)db;
        if (w->grad) w->grad[c] += (float)dw;
    }
}

void K(group_norm_backward)(Ctx *c, Into dx, const Into *dx2, Tensor dy, Tensor x, const Tensor *x2, const Weight *w,
                            const Weight *b, Tensor parts, Tensor work, Act act) {
    GroupNorm g = {.dx = dx, .dy = dy, .x = x, .parts = parts, .work = work, .w = w, .b = b, .act = act};
    assert(act == ACT_NONE || act == ACT_SILU);
    if (x2) g.x2 = *x2, g.dx2 = *dx2;
    pool_run(c->pool, work.n[0] * work.n[1], sum_block, &g);
    pool_run(c->pool, work.n[0], combine, &g);
    if (w->grad || b->grad) add_weights(w, b, work.data, work.n[0], work.s[0]);
    if (dx.t.data || g.dx2.t.data) pool_run(c->pool, work.n[0] * work.n[1], spread_block, &g);
}

/* --- layer norm --- */

typedef struct {
    Into dx;
    Tensor dy, x, work;
    const float *w;
    float eps;
} LayerNorm;

static void layer_rows(void *arg, int64_t index, void *scratch) {
    const LayerNorm *l = arg;
    int64_t blocks = (l->x.n[1] + LAYER_NORM_ROWS - 1) / LAYER_NORM_ROWS, n = l->x.n[2], whole = n / LANES * LANES;
    int64_t picture = index / blocks, from = index % blocks * LAYER_NORM_ROWS;
    float *s1 = (float *)l->work.data + index * l->work.s[0], *s2 = s1 + n, *xh = scratch, *g = xh + n;
    memset(s1, 0, (size_t)(2 * n) * sizeof *s1);
    for (int64_t t = from; t < min64(from + LAYER_NORM_ROWS, l->x.n[1]); t++) {
        const float *x = at2(l->x, picture, t), *dy = at2(l->dy, picture, t);
        const RowStatistics r = row_statistics(x, n, l->eps);
        float rstd = r.rstd;
        for (int64_t c = 0; c < n; c++) {
            xh[c] = ((x[c] - r.mean) - r.rest) * rstd;
            g[c] = dy[c] * l->w[c];
            s1[c] += dy[c];
            s2[c] = fma1(dy[c], xh[c], s2[c]);
        }
        if (!l->dx.t.data) continue;
        V g1[LANE_VECTORS] = {0}, g2[LANE_VECTORS] = {0};
        for (int64_t c = 0; c < whole; c += LANES)
            for (int v = 0; v < LANE_VECTORS; v++) {
                V at = *(const V *)(g + c + v * VW);
                g1[v] += at;
                g2[v] = fma_v(at, *(const V *)(xh + c + v * VW), g2[v]);
            }
        double w1 = sum_of_lanes(g1), w2 = sum_of_lanes(g2);
        for (int64_t c = whole; c < n; c++) w1 += g[c], w2 += (double)g[c] * xh[c];
        float m1 = (float)(w1 / (double)n), m2 = (float)(w2 / (double)n), *dx = at2(l->dx.t, picture, t);
        if (l->dx.add)
            for (int64_t c = 0; c < n; c++) dx[c] = fma1(rstd, fma1(-xh[c], m2, g[c] - m1), dx[c]);
        else
            for (int64_t c = 0; c < n; c++) dx[c] = rstd * fma1(-xh[c], m2, g[c] - m1);
    }
}

void K(layer_norm_backward)(Ctx *c, Into dx, Tensor dy, Tensor x, const Weight *w, const Weight *b, Tensor work,
                            float eps) {
    LayerNorm l = {.dx = dx, .dy = dy, .x = x, .work = work, .w = w->t.data, .eps = eps};
    pool_run(c->pool, work.n[0], layer_rows, &l);
    if (w->grad || b->grad) add_weights(w, b, work.data, work.n[0], work.s[0]);
}
