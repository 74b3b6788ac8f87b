/* attention_backward.c: gradients of o = P v, P = softmax(s q k^T), s = 1 / sqrt(d).
 *
 *   D = rowsum(do * o),  dS = P * (do v^T - D),  dq = s dS k,  dk = s dS^T q,  dv = P^T do
 * (Dao et al. 2022, "FlashAttention", appendix B). Two loops share only each query's maximum, sum and D: one over
 * panels of queries makes dq, one over panels of keys makes dk and dv. So every sum has one owner and one order. Both
 * compute a score from the same products in the same order, so that their probabilities agree however large the score
 * is. Everything is transposed as in the forward op: a panel of 32 queries (or keys) is the right-hand side of every
 * product.
 */
#include "backward.h"

#include "exponent.h"
#include "panel.h"

#include <assert.h>
#include <math.h>
#include <string.h>

typedef struct {
    Into dq, dk, dv;
    Tensor dy, o, q, k, v;
    float *rows; /* [N,heads,T,3]: maximum of log2(e) s q k^T, 1 / sum, D */
    int64_t heads, d, queries, keys;
    float scale, scale2; /* 1 / sqrt(d); times log2(e) */
    bool causal;
} Attention;

/* panel[d][PANEL] = rows of x, zeros past the n-th */
static void load_transposed(float *panel, Tensor x, int64_t picture, int64_t row, int64_t head, int64_t d, int64_t n) {
    if (n < PANEL) memset(panel, 0, (size_t)(d * PANEL) * sizeof *panel);
    for (int64_t i = 0; i < n; i++) {
        const float *from = at2(x, picture, row + i) + head * d;
        for (int64_t c = 0; c < d; c++) panel[c * PANEL + i] = from[c];
    }
}

/* rows of x (+)= scale * panel[d][PANEL] */
static void store_transposed(Into x, const float *panel, int64_t picture, int64_t row, int64_t head, int64_t d,
                             int64_t n, float scale) {
    for (int64_t i = 0; i < n; i++) {
        float *to = at2(x.t, picture, row + i) + head * d;
        for (int64_t c = 0; c < d; c++) to[c] = fma1(panel[c * PANEL + i], scale, x.add ? to[c] : 0);
    }
}

static float *row_values(const Attention *a, int64_t picture, int64_t head, int64_t query) {
    return a->rows + ((picture * a->heads + head) * a->queries + query) * 3;
}

static void query_block(void *arg, int64_t index, void *scratch) {
    const Attention *a = arg;
    int64_t blocks = (a->queries + PANEL - 1) / PANEL, d = a->d, from = index % blocks * PANEL;
    int64_t head = index / blocks % a->heads, picture = index / blocks / a->heads, m = min64(PANEL, a->queries - from);
    int64_t keys = a->causal ? from + m : a->keys;
    float *p = scratch, *dp = p + keys * PANEL, *panel = dp + keys * PANEL, *out = panel + d * PANEL;
    float max[PANEL], inverse[PANEL], D[PANEL] = {0};
    load_transposed(panel, a->q, picture, from, head, d, m);
    K(panel_product)(keys, d, at2(a->k, picture, 0) + head * d, a->k.s[1], panel, p, PANEL, PANEL, false);
    load_transposed(panel, a->dy, picture, from, head, d, m);
    K(panel_product)(keys, d, at2(a->v, picture, 0) + head * d, a->v.s[1], panel, dp, PANEL, PANEL, false);
    for (int64_t i = 0; i < m; i++) {
        const float *dy = at2(a->dy, picture, from + i) + head * d, *o = at2(a->o, picture, from + i) + head * d;
        double s = 0;
        for (int64_t c = 0; c < d; c++) s += (double)dy[c] * o[c];
        D[i] = (float)s;
    }
    for (int64_t j = from + 1; a->causal && j < keys; j++)
        for (int64_t i = 0; from + i < j && i < PANEL; i++) p[j * PANEL + i] = -3.0e38f;
    for (int c = 0; c < PANEL; c += VW) {
        V most = splat(-3.0e38f), total = {0};
        for (int64_t j = 0; j < keys; j++) most = larger(*(V *)(p + j * PANEL + c), most);
        most *= a->scale2;
        for (int64_t j = 0; j < keys; j++) {
            V e = exp2_negative(fma_by(a->scale2, *(V *)(p + j * PANEL + c), -most));
            *(V *)(p + j * PANEL + c) = e;
            total += e;
        }
        V share = 1.0f / total, d_row = *(V *)(D + c);
        *(V *)(max + c) = most;
        *(V *)(inverse + c) = share;
        for (int64_t j = 0; j < keys; j++) {
            V *s = (V *)(p + j * PANEL + c);
            *s *= share * (*(V *)(dp + j * PANEL + c) - d_row);
        }
    }
    for (int64_t i = 0; i < m; i++) {
        float *row = row_values(a, picture, head, from + i);
        row[0] = max[i], row[1] = inverse[i], row[2] = D[i];
    }
    if (!a->dq.t.data) return;
    for (int64_t j = from + 1; a->causal && j < keys; j++) /* hidden keys have 2^-125.5, not zero */
        for (int64_t i = 0; from + i < j && i < PANEL; i++) p[j * PANEL + i] = 0;
    K(panel_product_transposed)(d, keys, at2(a->k, picture, 0) + head * d, a->k.s[1], p, out, PANEL, PANEL, false);
    store_transposed(a->dq, out, picture, from, head, d, m, a->scale);
}

static void key_block(void *arg, int64_t index, void *scratch) {
    const Attention *a = arg;
    int64_t blocks = (a->keys + PANEL - 1) / PANEL, d = a->d, from = index % blocks * PANEL;
    int64_t head = index / blocks % a->heads, picture = index / blocks / a->heads, m = min64(PANEL, a->keys - from);
    int64_t first = a->causal ? from : 0, queries = a->queries - first; /* earlier queries do not see these keys */
    float *p = scratch, *dp = p + queries * PANEL, *panel = dp + queries * PANEL, *out = panel + d * PANEL;
    load_transposed(panel, a->k, picture, from, head, d, m);
    K(panel_product)(queries, d, at2(a->q, picture, first) + head * d, a->q.s[1], panel, p, PANEL, PANEL, false);
    load_transposed(panel, a->v, picture, from, head, d, m);
    K(panel_product)(queries, d, at2(a->dy, picture, first) + head * d, a->dy.s[1], panel, dp, PANEL, PANEL, false);
    for (int64_t j = 0; j < queries; j++) {
        const float *row = row_values(a, picture, head, first + j);
        float *pj = p + j * PANEL, *dpj = dp + j * PANEL;
        for (int c = 0; c < PANEL; c += VW) {
            V e = exp2_negative(fma_to(*(V *)(pj + c), splat(a->scale2), -row[0])) * row[1];
            *(V *)(pj + c) = e;
            *(V *)(dpj + c) = e * (*(V *)(dpj + c) - row[2]);
        }
        for (int64_t i = j + 1; a->causal && i < PANEL; i++) pj[i] = dpj[i] = 0;
    }
    if (a->dv.t.data) {
        K(panel_product_transposed)
        (d, queries, at2(a->dy, picture, first) + head * d, a->dy.s[1], p, out, PANEL, PANEL, false);
        store_transposed(a->dv, out, picture, from, head, d, m, 1.0f);
    }
    if (a->dk.t.data) {
        K(panel_product_transposed)
        (d, queries, at2(a->q, picture, first) + head * d, a->q.s[1], dp, out, PANEL, PANEL, false);
        store_transposed(a->dk, out, picture, from, head, d, m, a->scale);
    }
}

void K(attention_backward)(Ctx *c, Into dq, Into dk, Into dv, Tensor dy, Tensor o, Tensor q, Tensor k, Tensor v,
                           Tensor work, int heads, bool causal) {
    Attention a = {.dq = dq, .dk = dk, .dv = dv, .dy = dy, .o = o, .q = q, .k = k, .v = v, .rows = work.data};
    a.heads = heads;
    a.d = q.n[2] / heads;
    a.queries = q.n[1];
    a.keys = k.n[1];
    a.causal = causal;
    a.scale = 1.0f / sqrtf((float)a.d);
    a.scale2 = 1.44269504f * a.scale;
    int64_t most = a.keys > a.queries ? a.keys : a.queries;
    assert((size_t)(2 * (most + a.d) * PANEL * 4) <= SCRATCH_BYTES); /* sequences up to 32,000 */
    (void)most;
    pool_run(c->pool, q.n[0] * heads * ((a.queries + PANEL - 1) / PANEL), query_block, &a);
    pool_run(c->pool, q.n[0] * heads * ((a.keys + PANEL - 1) / PANEL), key_block, &a);
}
