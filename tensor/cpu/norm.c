/* In sd/guide/plain.c: group_norm(), layer_norm(). */
/* norm.c: group norm and layer norm.
 *
 * Sums are over d = x - m with m close to the mean (the mean of the block or row, in f32), so that mean = m + sum(d)/n
 * and M2 = sum(d^2) - sum(d)^2/n stay accurate if the mean is large. Group norm sums over fixed blocks of pixels,
 * channel by channel, in f32 (at most GROUP_NORM_PIXELS terms), then over blocks in double, in index order (Chan et al.
 * 1979, "Updating formulae and a pairwise algorithm for computing sample variances"), so that the result depends
 * neither on threads nor on the batch. */
#include "layer_norm.h"

#include <math.h>
#include <string.h>

typedef struct {
    Tensor y, x, x2;
    Tensor parts; /* [N,blocks,groups,2]: mean and M2 of one block's group */
    Tensor stats; /* [N,groups,2]: mean and 1/sqrt(var + eps) of a whole group */
    const float *w, *b;
    int64_t channels, groups;
    Act act;
} GroupNorm;

static int64_t blocks_of(const GroupNorm *g) { return (g->x.n[1] + GROUP_NORM_PIXELS - 1) / GROUP_NORM_PIXELS; }

static double *part(Tensor parts, int64_t picture, int64_t block, int64_t group) {
    return (double *)parts.data + picture * parts.s[0] + block * parts.s[1] + group * parts.s[2];
}

/* A pixel's channels come from one or two tensors. */
static const float *source(const GroupNorm *g, int which, int64_t picture, int64_t pixel) {
    return at2(which ? g->x2 : g->x, picture, pixel);
}

static void sum_block(void *arg, int64_t index, void *scratch) {
    const GroupNorm *g = arg;
    int64_t picture = index / blocks_of(g), blk = index % blocks_of(g);
    int64_t from = blk * GROUP_NORM_PIXELS, to = min64(from + GROUP_NORM_PIXELS, g->x.n[1]);
    int64_t channels = g->channels;
    float *mean = scratch, *s1 = mean + channels, *s2 = s1 + channels;
    float inverse = 1.0f / (float)(to - from);
    int64_t base = 0;
    for (int which = 0; which < (g->x2.data ? 2 : 1); which++) {
        int64_t n = which ? g->x2.n[2] : g->x.n[2];
        float *m = mean + base, *a = s1 + base, *b = s2 + base;
        memset(m, 0, (size_t)n * sizeof *m);
        memset(a, 0, (size_t)n * sizeof *a);
        memset(b, 0, (size_t)n * sizeof *b);
        for (int64_t t = from; t < to; t++) {
            const float *x = source(g, which, picture, t);
            for (int64_t c = 0; c < n; c++) m[c] += x[c];
        }
        for (int64_t c = 0; c < n; c++) m[c] *= inverse;
        for (int64_t t = from; t < to; t++) {
            const float *x = source(g, which, picture, t);
            for (int64_t c = 0; c < n; c++) {
                float d = x[c] - m[c];
                a[c] += d;
                b[c] = fma1(d, d, b[c]);
            }
        }
        base += n;
    }
    int64_t width = channels / g->groups;
    double count = (double)(to - from);
    for (int64_t k = 0; k < g->groups; k++) {
        double total = 0, squares = 0;
        for (int64_t c = k * width; c < (k + 1) * width; c++) total += mean[c] + s1[c] / count;
        double group_mean = total / (double)width;
        for (int64_t c = k * width; c < (k + 1) * width; c++) {
            double d = mean[c] + s1[c] / count - group_mean;
            squares += s2[c] - (double)s1[c] * s1[c] / count + count * d * d;
        }
        double *out = part(g->parts, picture, blk, k);
        out[0] = group_mean;
        out[1] = squares;
    }
}

void K(group_stats)(Ctx *c, Tensor stats, Tensor parts, int64_t pixels, int64_t width, float eps) {
    (void)c;
    for (int64_t i = 0; i < parts.n[0] * parts.n[2]; i++) {
        int64_t picture = i / parts.n[2], group = i % parts.n[2];
        double n = 0, mean = 0, m2 = 0;
        for (int64_t blk = 0; blk < parts.n[1]; blk++) {
            const double *p = part(parts, picture, blk, group);
            double k = (double)(min64(GROUP_NORM_PIXELS, pixels - blk * GROUP_NORM_PIXELS) * width);
            double d = p[0] - mean;
            m2 += p[1] + d * d * n * k / (n + k);
            mean += d * k / (n + k);
            n += k;
        }
        double *out = (double *)stats.data + picture * stats.s[0] + group * stats.s[1];
        out[0] = mean;
        out[1] = 1.0 / sqrt(m2 / n + (double)eps);
    }
}

static void normalise_block(void *arg, int64_t index, void *scratch) {
    const GroupNorm *g = arg;
    int64_t picture = index / blocks_of(g), blk = index % blocks_of(g);
    int64_t from = blk * GROUP_NORM_PIXELS, to = min64(from + GROUP_NORM_PIXELS, g->x.n[1]);
    int64_t channels = g->channels, width = channels / g->groups;
    /* y = ((x - high) - low) * scale + b: the mean in two floats, so that a large one costs no accuracy */
    float *high = scratch, *low = high + channels, *scale = low + channels;
    for (int64_t c = 0; c < channels; c++) {
        const double *p = (double *)g->stats.data + picture * g->stats.s[0] + c / width * g->stats.s[1];
        high[c] = (float)p[0];
        low[c] = (float)(p[0] - (double)high[c]);
        scale[c] = (float)(p[1] * (double)g->w[c]);
    }
    for (int64_t t = from; t < to; t++) {
        float *y = at2(g->y, picture, t);
        int64_t base = 0;
        for (int which = 0; which < (g->x2.data ? 2 : 1); which++) {
            const float *x = source(g, which, picture, t);
            int64_t n = which ? g->x2.n[2] : g->x.n[2];
            const float *h = high + base, *l = low + base, *s = scale + base, *b = g->b + base;
            float *out = y + base; /* may be x, so compilers would not vectorise this */
            int64_t c = 0;
            for (; c + VW <= n; c += VW)
                *(V *)(out + c) = fma_v((*(const V *)(x + c) - *(const V *)(h + c)) - *(const V *)(l + c),
                                        *(const V *)(s + c), *(const V *)(b + c));
            for (; c < n; c++) out[c] = fma1((x[c] - h[c]) - l[c], s[c], b[c]);
            base += n;
        }
        K(activate)(y, channels, g->act);
    }
}

static GroupNorm group_norm_of(Tensor x, const Tensor *x2, int64_t groups) {
    GroupNorm g = {.x = x, .channels = x.n[2] + (x2 ? x2->n[2] : 0), .groups = groups};
    if (x2) g.x2 = *x2;
    return g;
}

void K(group_sums)(Ctx *c, Tensor parts, Tensor x, const Tensor *x2) {
    GroupNorm g = group_norm_of(x, x2, parts.n[2]);
    g.parts = parts;
    pool_run(c->pool, x.n[0] * blocks_of(&g), sum_block, &g);
}

void K(group_apply)(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Tensor stats,
                    Act act) {
    GroupNorm g = group_norm_of(x, x2, stats.n[1]);
    g.y = y, g.stats = stats, g.w = w->t.data, g.b = b->t.data, g.act = act;
    pool_run(c->pool, x.n[0] * blocks_of(&g), normalise_block, &g);
}

void K(group_norm)(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Tensor parts,
                   float eps, Act act) {
    /* a group's statistics overwrite its first block's parts, once all have been read */
    Tensor stats = {.data = parts.data, .dtype = F64, .nd = 3};
    stats.n[0] = parts.n[0], stats.n[1] = parts.n[2], stats.n[2] = 2;
    stats.s[0] = parts.s[0], stats.s[1] = 2, stats.s[2] = 1;
    K(group_sums)(c, parts, x, x2);
    K(group_stats)(c, stats, parts, x.n[1], y.n[2] / parts.n[2], eps);
    K(group_apply)(c, y, x, x2, w, b, stats, act);
}

typedef struct {
    Tensor y, x;
    const float *w, *b;
    float eps;
} LayerNorm;

enum { ROWS = 32 };

static void layer_rows(void *arg, int64_t index, void *scratch) {
    const LayerNorm *l = arg;
    (void)scratch;
    int64_t blocks = (l->x.n[1] + ROWS - 1) / ROWS, picture = index / blocks, from = index % blocks * ROWS;
    int64_t n = l->x.n[2], whole = n / VW * VW;
    for (int64_t t = from; t < min64(from + ROWS, l->x.n[1]); t++) {
        const float *x = at2(l->x, picture, t);
        float *y = at2(l->y, picture, t);
        const RowStatistics r = row_statistics(x, n, l->eps);
        for (int64_t c = 0; c < whole; c += VW)
            *(V *)(y + c) = fma_v(((*(const V *)(x + c) - r.mean) - r.rest) * r.rstd, *(const V *)(l->w + c),
                                  *(const V *)(l->b + c));
        for (int64_t c = whole; c < n; c++) y[c] = fma1(((x[c] - r.mean) - r.rest) * r.rstd, l->w[c], l->b[c]);
    }
}

void K(layer_norm)(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, float eps) {
    LayerNorm l = {y, x, w->t.data, b->t.data, eps};
    pool_run(c->pool, x.n[0] * ((x.n[1] + ROWS - 1) / ROWS), layer_rows, &l);
}
