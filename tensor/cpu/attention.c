/* In sd/guide/plain.c: attention(). */
/* attention.c: o = softmax(q k^T / sqrt(d)) v, by blocks of queries, streaming over keys.
 *
 * Everything is transposed, with PANEL queries next to each other: scores S^T [keys][PANEL] = K Q^T, probabilities in
 * place of the scores, sums O^T [d][PANEL] += V^T P^T. So maxima and sums over a query's keys need no horizontal
 * operations, k and v are read where they are, P is already the panel of the second product, and a head dimension of 40
 * wastes nothing.
 *
 * For each block of keys: m' = max(m, S), P = 2^(S - m'), and the sum and O^T are multiplied by 2^(m - m') before they
 * grow (Milakov and Gimelshein 2018, "Online normalizer calculation for softmax"; Rabe and Staats 2021, "Self-attention
 * does not need O(n^2) memory"). log2(e) / sqrt(d) is folded into Q.
 *
 * attention_mixed multiplies pairs of bf16 (pair.h). K and V of a block of keys are rounded once for all its panels of
 * queries, to K [keys][d / 2] and V [keys / 2][d] words; P is rounded when it becomes the panel of the second product.
 * Maxima and sums stay f32, of the unrounded scores and probabilities. Causal attention is always f32: only text
 * encoders use it, and their error would affect every step.
 *
 * An element's bits depend on the blocks of keys, not on which queries share them. Left out: masks other than causal.
 */
#include "kernels.h"

#include "exponent.h"
#include "pair.h"
#include "panel.h"
#include "transpose.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    KEYS = ATTENTION_KEYS, /* of a block: 16 KiB of scores */
    PANELS = 8,            /* at most so many panels of queries share a block of keys */
    BLOCKS = 8,            /* at least so many blocks for a thread */
    VECTORS = PANEL / VW,
    SOON = 8, /* rows of keys that are prefetched ahead */
};

typedef struct {
    Tensor o, q, k, v;
    int64_t heads, panels, blocks; /* panels of queries in a block; blocks of a head */
    bool causal;
} Attention;

typedef struct {
    float max[PANEL], sum[PANEL];
} Running;

/* Prefetches a head's numbers of a row: rows are so far apart that the processor does not see them coming. */
static inline void soon(const float *row, int64_t d) {
    for (int64_t c = 0; c < d; c += 64 / 4) __builtin_prefetch(row + c, 0, 2);
}

/* The next block's keys, for the first panel of queries to prefetch, and its values, for the second. */
static Ahead next_block(const Attention *a, const float *k, const float *v, int64_t panel, int64_t left) {
    if (left <= 0 || panel > 1) return (Ahead){0};
    int64_t ld = panel ? a->v.s[1] : a->k.s[1];
    return ahead_rows((panel ? v : k) + KEYS * ld, min64(left, KEYS), ld * (int64_t)sizeof *k);
}

/* panel[d][PANEL] = scale * queries, zeros past the m-th. Squares are transposed in registers; the last one of a row
 * overlaps the one before if d is not a multiple of VW. */
static void transpose_queries(float *panel, const float *q, int64_t ldq, int64_t m, int64_t d, float scale) {
    int64_t i = 0;
    if (m < PANEL) memset(panel, 0, (size_t)(d * PANEL) * sizeof *panel);
    for (; d >= VW && i + VW <= m; i += VW) {
        for (int64_t r = i + VW; r < i + 2 * VW && r < m; r++) soon(q + r * ldq, d);
        for (int64_t c = 0; c < d; c += VW) {
            int64_t at = min64(c, d - VW);
            transpose_square(panel + at * PANEL + i, PANEL, q + i * ldq + at, ldq, splat(scale));
        }
    }
    for (; i < m; i++)
        for (int64_t c = 0; c < d; c++) panel[c * PANEL + i] = q[i * ldq + c] * scale;
}

/* The same as a panel of pairs. */
static void transpose_queries_to_pairs(uint32_t *panel, const float *q, int64_t ldq, int64_t m, int64_t d,
                                       float scale) {
    int64_t words = (d + 1) / 2, i = 0;
    if (m < PANEL) memset(panel, 0, (size_t)(words * PANEL) * sizeof *panel);
    for (; d >= 2 * VW && d % 2 == 0 && i + VW <= m; i += VW) {
        for (int64_t r = i + VW; r < i + 2 * VW && r < m; r++) soon(q + r * ldq, d);
        for (int64_t c = 0; c < words; c += VW) {
            uint32_t rows[VW * VW];
            int64_t at = min64(c, words - VW);
            for (int64_t r = 0; r < VW; r++) {
                float line[2 * VW];
                const float *from = q + (i + r) * ldq + 2 * at;
                for (int64_t e = 0; e < 2 * VW; e++) line[e] = from[e] * scale;
                pair_row(rows + r * VW, line, 2 * VW);
            }
            transpose_words(panel + at * PANEL + i, PANEL, rows, VW);
        }
    }
    for (; i < m; i++)
        for (int64_t c = 0; c < words; c++) {
            float line[2] = {q[i * ldq + 2 * c] * scale, 2 * c + 1 < d ? q[i * ldq + 2 * c + 1] * scale : 0};
            pair_row(panel + c * PANEL + i, line, 2);
        }
}

/* Outputs of m queries: o = columns of out[d][PANEL], each divided by its sum. */
static void transpose_outputs(float *o, int64_t ldo, const float *out, const float *sum, int64_t m, int64_t d) {
    int64_t i = 0;
    for (; d >= VW && i + VW <= m; i += VW) {
        V inverse = 1.0f / *(const V *)(sum + i);
        for (int64_t c = 0; c < d; c += VW) {
            int64_t at = min64(c, d - VW);
            transpose_square(o + i * ldo + at, ldo, out + at * PANEL + i, PANEL, inverse);
        }
    }
    for (; i < m; i++) {
        float inverse = 1.0f / sum[i];
        for (int64_t c = 0; c < d; c++) o[i * ldo + c] = out[c * PANEL + i] * inverse;
    }
}

/* Turns scores into probabilities in place, and rescales out^T[d] and the running sum to the new maximum. pairs: the
 * probabilities become the panel [keys / 2][PANEL] of words. */
static inline __attribute__((always_inline)) void soften(const bool pairs, float *scores, int64_t keys, Running *run,
                                                         float *out, int64_t d) {
    V max[VECTORS], sum[VECTORS];
    bool moved = false;
    for (int c = 0; c < VECTORS; c++) {
        V a = *(V *)(run->max + c * VW), b = a; /* two chains hide the latency of one */
        const float *s = scores + c * VW;
        int64_t j = 0;
        for (; j + 2 <= keys; j += 2, s += 2 * PANEL) a = larger(*(V *)s, a), b = larger(*(V *)(s + PANEL), b);
        if (j < keys) a = larger(*(V *)s, a);
        max[c] = larger(a, b);
    }
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
    for (int64_t j = 0; j < keys; j += 2) {
        bool both = j + 1 < keys;
        float *even = scores + j * PANEL, *odd = both ? even + PANEL : even;
#pragma GCC unroll 4
        for (int c = 0; c < VECTORS; c += 2) {
            float *e = even + c * VW, *o = odd + c * VW;
            V p[] = {*(V *)e - max[c], *(V *)o - max[c], *(V *)(e + VW) - max[c + 1], *(V *)(o + VW) - max[c + 1]};
            exp2_by(p, 4, pairs);
            if (!both) p[1] = p[3] = (V){0};
            sum[c] += p[0] + p[1];
            sum[c + 1] += p[2] + p[3];
            if (pairs) { /* row j / 2 has been read already */
                *(VU *)(scores + j / 2 * PANEL + c * VW) = pair_of(p[0], p[1]);
                *(VU *)(scores + j / 2 * PANEL + (c + 1) * VW) = pair_of(p[2], p[3]);
                continue;
            }
            if (both) *(V *)o = p[1], *(V *)(o + VW) = p[3];
            *(V *)e = p[0];
            *(V *)(e + VW) = p[2];
        }
    }
    for (int c = 0; c < VECTORS; c++) {
        *(V *)(run->max + c * VW) = max[c];
        *(V *)(run->sum + c * VW) = sum[c];
    }
}

/* A block's scratch memory; sizes in words. */
typedef struct {
    float *scores, *out;
    void *queries;   /* transposed: [panels][d or d / 2][PANEL] */
    uint32_t *k, *v; /* rounded keys and values */
    int64_t query;   /* words per panel of queries */
} Scratch;

/* The bytes of scratch_of. */
static int64_t scratch_bytes(int64_t panels, int64_t d, bool pairs) {
    int64_t query = pairs ? (d + 1) / 2 : d, rounded = pairs ? KEYS * ((d + 1) / 2) + KEYS / 2 * d : 0;
    return 4 * (KEYS * PANEL + panels * (query + d) * PANEL + rounded);
}

static Scratch scratch_of(const Attention *a, void *scratch, int64_t d, bool pairs) {
    Scratch r = {.scores = scratch, .query = (pairs ? (d + 1) / 2 : d) * PANEL};
    r.queries = r.scores + KEYS * PANEL;
    r.out = (float *)r.queries + a->panels * r.query;
    r.k = (uint32_t *)r.out + a->panels * d * PANEL;
    r.v = r.k + KEYS * ((d + 1) / 2);
    return r;
}

static inline __attribute__((always_inline)) void block_of(const bool pairs, const Attention *a, int64_t index,
                                                           void *scratch) {
    int64_t d = a->q.n[2] / a->heads, keys = a->k.n[1], queries = a->q.n[1], half = (d + 1) / 2;
    int64_t from = index % a->blocks * a->panels * PANEL, m = min64(a->panels * PANEL, queries - from);
    int64_t head = index / a->blocks % a->heads, picture = index / a->blocks / a->heads;
    Scratch r = scratch_of(a, scratch, d, pairs);
    Running run[PANELS];
    float scale = 1.44269504f / sqrtf((float)d);
    memset(r.out, 0, (size_t)(a->panels * d * PANEL) * sizeof *r.out);
    for (int64_t i = 0; i < m; i += PANEL) {
        const float *q = at2(a->q, picture, from + i) + head * d;
        float *panel = (float *)r.queries + i / PANEL * r.query;
        if (pairs) transpose_queries_to_pairs((uint32_t *)panel, q, a->q.s[1], min64(PANEL, m - i), d, scale);
        else transpose_queries(panel, q, a->q.s[1], min64(PANEL, m - i), d, scale);
        for (int j = 0; j < PANEL; j++) run[i / PANEL].max[j] = -3.0e38f, run[i / PANEL].sum[j] = 0;
    }
    for (int64_t at = 0; at < keys; at += KEYS) {
        const float *k = at2(a->k, picture, at) + head * d, *v = at2(a->v, picture, at) + head * d;
        int64_t all = min64(KEYS, keys - at);
        for (int64_t j = 0; pairs && j < all; j++) {
            if (at == 0) soon(k + min64(j + SOON, all - 1) * a->k.s[1], d), soon(v + j * a->v.s[1], d);
            pair_row(r.k + j * half, k + j * a->k.s[1], d);
        }
        if (pairs) pair_rows(r.v, v, a->v.s[1], all, d);
        for (int64_t i = 0; i < m; i += PANEL) {
            int64_t n = all, last = from + min64(i + PANEL, m) - 1;
            if (a->causal) n = min64(n, last + 1 - at);
            if (n <= 0) continue;
            Ahead next = next_block(a, k, v, i / PANEL, keys - at - KEYS);
            const float *q = (const float *)r.queries + i / PANEL * r.query;
            float *out = r.out + i * d;
            if (pairs)
                K(pair_product_then)(n, half, r.k, half, (const uint32_t *)q, r.scores, PANEL, PANEL, false, next);
            else K(panel_product_then)(n, d, k, a->k.s[1], q, r.scores, PANEL, PANEL, false, next);
            for (int64_t j = 0; a->causal && j < n; j++) /* key at + j is hidden from queries before it */
                for (int64_t c = 0; c < PANEL && from + i + c < at + j; c++) r.scores[j * PANEL + c] = -3.0e38f;
            soften(pairs, r.scores, n, &run[i / PANEL], out, d);
            const uint32_t *p = (const uint32_t *)r.scores;
            if (pairs) K(pair_product_transposed)(d, (n + 1) / 2, r.v, d, p, out, PANEL, PANEL, true);
            else K(panel_product_transposed)(d, n, v, a->v.s[1], r.scores, out, PANEL, PANEL, true);
        }
    }
    for (int64_t i = 0; i < m; i += PANEL)
        transpose_outputs(at2(a->o, picture, from + i) + head * d, a->o.s[1], r.out + i * d, run[i / PANEL].sum,
                          min64(PANEL, m - i), d);
}

static void block(void *arg, int64_t index, void *scratch) { block_of(false, arg, index, scratch); }

/* Panels share as many keys as leave every thread several blocks, and as there is scratch for. */
static void run_blocks(Ctx *c, Attention *a, void (*fn)(void *, int64_t, void *), bool pairs) {
    int64_t all = (a->q.n[1] + PANEL - 1) / PANEL, heads = a->q.n[0] * a->heads, d = a->q.n[2] / a->heads;
    int64_t scratch = (int64_t)pool_scratch(c->pool);
    for (int64_t most = PANELS;; most /= 2) {
        a->panels = part_size(all, most, 1);
        a->blocks = (all + a->panels - 1) / a->panels;
        bool fits = scratch_bytes(a->panels, d, pairs) <= scratch;
        if ((fits && heads * a->blocks >= BLOCKS * pool_threads(c->pool)) || most == 1) break;
    }
    assert(scratch_bytes(a->panels, d, pairs) <= scratch);
    pool_run(c->pool, heads * a->blocks, fn, a);
}

void K(attention)(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal) {
    run_blocks(c, &(Attention){.o = o, .q = q, .k = k, .v = v, .heads = heads, .causal = causal}, block, false);
}

#if !defined SDC_SMALL
static void block_mixed(void *arg, int64_t index, void *scratch) { block_of(true, arg, index, scratch); }

void K(attention_mixed)(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal) {
    run_blocks(c, &(Attention){.o = o, .q = q, .k = k, .v = v, .heads = heads, .causal = causal},
               causal ? block : block_mixed, !causal);
}
#endif
