/* winograd_backward.c: dW of 3x3 convolutions of stride 1 in the transformed domain, with a quarter of the
 * multiplications.
 *
 * The forward op is Y = A^T [(G g G^T) * (B^T d B)] A (winograd_tile.h), so
 *     dg = G^T [sum over tiles of (A dY A^T) * (B^T d B)] G.
 *
 *  - The inputs and gradients of all tiles are transformed, to [36][tiles][I] and to panels [36][O/32][tiles][32].
 *  - 36 products with the tiles as the inner dimension give the sums [36][I][O].
 *  - The sums are transformed back and added to dW.
 *
 * A sum runs over tiles in order, whichever thread computes it. Tiles go in chunks of DW_TILES, which bounds the
 * memory.
 */
#include "backward.h"

#include "panel.h"
#include "pixels.h"
#include "winograd_tile.h"

#include <string.h>

enum { AT_ONCE = 16 /* tiles per work item */ };

typedef struct {
    Tensor dy, x;
    Conv2d g;
    float *dw, *v, *m, *u;
    int64_t rows, columns;   /* of tiles, per picture */
    int64_t first, count;    /* of the chunk */
    int64_t inputs, outputs; /* channels, rounded up */
    bool more;               /* this is not the first chunk */
} Back;

/* A y for four rows, `step` vectors apart. */
static inline __attribute__((always_inline)) void spread(const V *in, int step, V *out) {
    V y0 = in[0], y1 = in[step], y2 = in[2 * step], y3 = in[3 * step];
    V even_a = fma_by(WINO_DA * WINO_A2, y2, WINO_DA * y0);
    V odd_a = fma_by(WINO_DA * WINO_A * WINO_A2, y3, (WINO_DA * WINO_A) * y1);
    V even_b = fma_by(WINO_DB * WINO_B2, y2, WINO_DB * y0);
    V odd_b = fma_by(WINO_DB * WINO_B * WINO_B2, y3, (WINO_DB * WINO_B) * y1);
    out[0] = WINO_D0 * y0;
    out[1] = even_a + odd_a;
    out[2] = even_a - odd_a;
    out[3] = even_b + odd_b;
    out[4] = even_b - odd_b;
    out[5] = y3;
}

/* G^T u for six rows. */
static inline __attribute__((always_inline)) void collect(const V *in, int step, V *out) {
    V sum_a = in[step] + in[2 * step], sum_b = in[3 * step] + in[4 * step];
    out[0] = in[0] + sum_a + sum_b;
    out[1] = fma_by(WINO_B, in[3 * step] - in[4 * step], WINO_A * (in[step] - in[2 * step]));
    out[2] = fma_by(WINO_A2, sum_a, fma_by(WINO_B2, sum_b, in[5 * step]));
}

static V load(const float *from, int64_t n) {
    if (from && n >= VW) return *(const V *)from;
    V v = {0};
    for (int64_t i = 0; from && i < n; i++) v[i] = from[i];
    return v;
}

static void transform_x(const Back *b, int64_t tile, int64_t picture, int64_t row, int64_t column) {
    const float *p[WINO_POINTS];
    static const float ZEROS[VW] = {0};
    int64_t channels = b->x.n[3], plane = b->count * b->inputs, whole = channels / VW * VW;
    bool outside[WINO_POINTS];
    for (int k = 0; k < WINO_POINTS; k++) {
        int64_t y = nearest_source(row + k / WINO_IN - b->g.pad_top, b->x.n[1], b->g.up_h);
        int64_t x = nearest_source(column + k % WINO_IN - b->g.pad_left, b->x.n[2], b->g.up_w);
        outside[k] = y < 0 || x < 0;
        p[k] = outside[k] ? NULL : at3(b->x, picture, y, x);
    }
    float *to = b->v + tile * b->inputs;
    for (int64_t c = 0; c < b->inputs; c += VW) {
        const float *at[WINO_POINTS];
        float edge[WINO_POINTS][VW];
        for (int k = 0; k < WINO_POINTS; k++) {
            at[k] = outside[k] ? ZEROS : p[k] + c;
            if (c < whole || outside[k]) continue;
            *(V *)edge[k] = load(p[k] + c, channels - c);
            at[k] = edge[k];
        }
        wino_transform_in(false, at, 0, to + c, plane);
    }
}

static void transform_dy(const Back *b, int64_t tile, int64_t picture, int64_t row, int64_t column) {
    int64_t channels = b->dy.n[3], plane = b->count * b->outputs;
    for (int64_t c = 0; c < b->outputs; c += VW) {
        V columns[WINO_OUT][WINO_IN]; /* [column][point]: A dY */
        float *to = b->m + (c / PANEL * b->count + tile) * PANEL + c % PANEL;
        for (int j = 0; j < WINO_OUT; j++) {
            V y[WINO_OUT];
            for (int i = 0; i < WINO_OUT; i++) {
                bool inside = row + i < b->dy.n[1] && column + j < b->dy.n[2] && c < channels;
                y[i] = load(inside ? at3(b->dy, picture, row + i, column + j) + c : NULL, channels - c);
            }
            spread(y, 1, columns[j]);
        }
        for (int r = 0; r < WINO_IN; r++) {
            V m[WINO_IN];
            spread(&columns[0][r], WINO_IN, m);
            for (int i = 0; i < WINO_IN; i++) *(V *)(to + (r * WINO_IN + i) * plane) = m[i];
        }
    }
}

static void transform(void *arg, int64_t index, void *scratch) {
    (void)scratch;
    const Back *b = arg;
    for (int64_t i = index * AT_ONCE; i < min64((index + 1) * AT_ONCE, b->count); i++) {
        int64_t tile = b->first + i, picture = tile / (b->rows * b->columns), at = tile % (b->rows * b->columns);
        int64_t row = at / b->columns * WINO_OUT, column = at % b->columns * WINO_OUT;
        transform_x(b, i, picture, row, column);
        transform_dy(b, i, picture, row, column);
    }
}

static void multiply(void *arg, int64_t index, void *scratch) {
    (void)scratch;
    const Back *b = arg;
    int64_t panels = b->outputs / PANEL, point = index / panels, panel = index % panels;
    const float *v = b->v + point * b->count * b->inputs;
    const float *m = b->m + (point * b->outputs + panel * PANEL) * b->count;
    float *u = b->u + point * b->inputs * b->outputs + panel * PANEL;
    K(panel_product_transposed)(b->inputs, b->count, v, b->inputs, m, u, b->outputs, PANEL, b->more);
}

/* One vector of outputs, for all inputs. */
static void transform_back(void *arg, int64_t index, void *scratch) {
    (void)scratch;
    const Back *b = arg;
    int64_t o = index * VW, channels = b->x.n[3], n = min64(VW, b->dy.n[3] - o), plane = b->inputs * b->outputs;
    for (int64_t c = 0; c < channels; c++) {
        V columns[WINO_IN][3], g[3];
        const float *u = b->u + c * b->outputs + o;
        for (int i = 0; i < WINO_IN; i++) {
            V points[WINO_IN];
            for (int r = 0; r < WINO_IN; r++) points[r] = *(const V *)(u + (r * WINO_IN + i) * plane);
            collect(points, 1, columns[i]);
        }
        for (int r = 0; r < 3; r++) {
            collect(&columns[0][r], 3, g);
            for (int i = 0; i < 3; i++) {
                float line[VW];
                *(V *)line = g[i];
                for (int64_t k = 0; k < n; k++) b->dw[((o + k) * 9 + r * 3 + i) * channels + c] += line[k];
            }
        }
    }
}

void K(winograd_dw)(Ctx *ctx, const Weight *w, Tensor dy, Tensor x, Conv2d g, Tensor work) {
    Back b = {.dy = dy, .x = x, .g = g, .dw = w->grad};
    b.rows = (dy.n[1] + WINO_OUT - 1) / WINO_OUT;
    b.columns = (dy.n[2] + WINO_OUT - 1) / WINO_OUT;
    b.inputs = (x.n[3] + 15) / 16 * 16;
    b.outputs = (dy.n[3] + PANEL - 1) / PANEL * PANEL;
    int64_t tiles = dy.n[0] * b.rows * b.columns, most = min64(tiles, DW_TILES);
    b.v = work.data;
    b.m = b.v + WINO_POINTS * most * b.inputs;
    b.u = b.m + WINO_POINTS * most * b.outputs;
    for (; b.first < tiles; b.first += most, b.more = true) {
        b.count = min64(most, tiles - b.first);
        pool_run(ctx->pool, (b.count + AT_ONCE - 1) / AT_ONCE, transform, &b);
        pool_run(ctx->pool, WINO_POINTS * (b.outputs / PANEL), multiply, &b);
    }
    pool_run(ctx->pool, (dy.n[3] + VW - 1) / VW, transform_back, &b);
}
