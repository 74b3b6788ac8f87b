/* attention.c: o = softmax(q k^T / sqrt(d)) v, by blocks of queries, keys streaming past.
 *
 * Everything lies turned, with PANEL queries side by side: scores S^T [keys][PANEL] = K Q^T, probabilities in their
 * place, sums O^T [d][PANEL] += V^T P^T. So a query's maximum and sum are vertical, k and v are read where they lie,
 * P is the panel of the second product as it is, and a head dimension of 40 wastes nothing.
 *
 * Of a block of keys: m' = max(m, S), P = 2^(S - m'), sum and O^T times 2^(m - m') before they grow (Milakov and
 * Gimelshein 2018, "Online normalizer calculation for softmax"; Rabe and Staats 2021, "Self-attention does not need
 * O(n^2) memory"). log2(e) / sqrt(d) is folded into Q.
 *
 * How the work is cut depends on the layer only. Left out: a mask other than causal. */
#include "kernels.h"

#include "exponent.h"
#include "panel.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    KEYS = 128, /* at once: scores of 16 KiB */
    PANELS = 4, /* most panels of queries that share a block of keys */
    VECTORS = PANEL / VW,
};

typedef struct {
    Tensor o, q, k, v;
    int64_t heads, panels, blocks; /* panels of queries in a block; blocks of a head */
    bool causal;
} Attention;

typedef struct {
    float max[PANEL], sum[PANEL];
} Running;

/* panel[d][PANEL] = scale * queries, zeros for those past m */
static void turn_queries(float *panel, const float *q, int64_t ldq, int64_t m, int64_t d, float scale) {
    if (m < PANEL) memset(panel, 0, (size_t)(d * PANEL) * sizeof *panel);
    for (int64_t i = 0; i < m; i++)
        for (int64_t c = 0; c < d; c++) panel[c * PANEL + i] = q[i * ldq + c] * scale;
}

/* Scores to probabilities in place; out^T[d] and the sum so far to the new maximum. */
static void soften(float *scores, int64_t keys, Running *run, float *out, int64_t d) {
    V max[VECTORS], sum[VECTORS];
    bool moved = false;
    for (int c = 0; c < VECTORS; c++) max[c] = *(V *)(run->max + c * VW);
    for (int64_t j = 0; j < keys; j++)
        for (int c = 0; c < VECTORS; c++) max[c] = larger(*(V *)(scores + j * PANEL + c * VW), max[c]);
    for (int c = 0; c < VECTORS; c++) {
        V *old = (V *)(run->max + c * VW), *so_far = (V *)(run->sum + c * VW);
        moved |= memcmp(old, &max[c], sizeof max[c]) != 0;
        V shrink = exp2_negative(*old - max[c]);
        *old = shrink;
        sum[c] = *so_far * shrink;
    }
    if (moved)
        for (int64_t i = 0; i < d; i++)
            for (int c = 0; c < VECTORS; c++) *(V *)(out + i * PANEL + c * VW) *= *(V *)(run->max + c * VW);
    for (int c = 0; c < VECTORS; c++) {
        for (int64_t j = 0; j < keys; j++) {
            V *s = (V *)(scores + j * PANEL + c * VW);
            V e = exp2_negative(*s - max[c]);
            *s = e;
            sum[c] += e;
        }
        *(V *)(run->max + c * VW) = max[c];
        *(V *)(run->sum + c * VW) = sum[c];
    }
}

static void block(void *arg, int64_t index, void *scratch) {
    const Attention *a = arg;
    int64_t d = a->q.n[2] / a->heads, keys = a->k.n[1], queries = a->q.n[1];
    int64_t from = index % a->blocks * a->panels * PANEL, m = min64(a->panels * PANEL, queries - from);
    int64_t head = index / a->blocks % a->heads, picture = index / a->blocks / a->heads;
    float *scores = scratch, *turned = scores + KEYS * PANEL, *out = turned + a->panels * d * PANEL;
    Running run[PANELS];
    float scale = 1.44269504f / sqrtf((float)d);
    memset(out, 0, (size_t)(a->panels * d * PANEL) * sizeof *out);
    for (int64_t i = 0; i < m; i += PANEL) {
        turn_queries(turned + i * d, at2(a->q, picture, from + i) + head * d, a->q.s[1], min64(PANEL, m - i), d, scale);
        for (int j = 0; j < PANEL; j++) run[i / PANEL].max[j] = -3.0e38f, run[i / PANEL].sum[j] = 0;
    }
    for (int64_t at = 0; at < keys; at += KEYS) {
        const float *k = at2(a->k, picture, at) + head * d, *v = at2(a->v, picture, at) + head * d;
        for (int64_t i = 0; i < m; i += PANEL) {
            int64_t n = min64(KEYS, keys - at), last = from + min64(i + PANEL, m) - 1;
            if (a->causal) n = min64(n, last + 1 - at);
            if (n <= 0) continue;
            K(panel_product)(n, d, k, a->k.s[1], turned + i * d, scores, PANEL, PANEL, false);
            for (int64_t j = 0; a->causal && j < n; j++) /* key at + j is hidden from queries before it */
                for (int64_t c = 0; c < PANEL && from + i + c < at + j; c++) scores[j * PANEL + c] = -3.0e38f;
            soften(scores, n, &run[i / PANEL], out + i * d, d);
            K(panel_product_turned)(d, n, v, a->v.s[1], scores, out + i * d, PANEL, PANEL, true);
        }
    }
    for (int64_t i = 0; i < m; i++) {
        const float *column = out + i / PANEL * PANEL * d + i % PANEL;
        float *o = at2(a->o, picture, from + i) + head * d, inverse = 1.0f / run[i / PANEL].sum[i % PANEL];
        for (int64_t c = 0; c < d; c++) o[c] = column[c * PANEL] * inverse;
    }
}

void K(attention)(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal) {
    Attention a = {.o = o, .q = q, .k = k, .v = v, .heads = heads, .causal = causal};
    int64_t all = (q.n[1] + PANEL - 1) / PANEL, d = q.n[2] / heads;
    a.panels = all >= 8 * PANELS ? PANELS : all >= 16 ? 2 : 1;
    assert((size_t)((KEYS + 2 * a.panels * d) * PANEL * 4) <= SCRATCH_BYTES);
    (void)d;
    a.blocks = (all + a.panels - 1) / a.panels;
    device_run(c->dev, q.n[0] * heads * a.blocks, block, &a);
}
