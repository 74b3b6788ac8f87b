/* attention.c: o = softmax(q k^T / sqrt(d)) v, for one picture, head and block of queries at a time.
 *
 * A block's scores, [queries][S], live in the thread's scratch, never in memory for all heads at once. The block's
 * height depends on S only. Rows are scaled while they are exponentiated, and normalised after the second product. */
#include "kernels.h"

#include "../fmath.h"

#include <assert.h>
#include <math.h>

enum { GEMM_ROOM = 2 << 20, MOST_QUERIES = 64 }; /* bytes left to the product; rows of a block */

typedef struct {
    Tensor o, q, k, v;
    int64_t heads, queries, blocks;
    bool causal;
} Attention;

/* s[0..n) = exp(scale * (s - max)), zeros up to `all`; returns the sum. */
static float exponentiate(float *s, int64_t n, int64_t all, float scale) {
    float max = s[0];
    for (int64_t j = 1; j < n; j++) max = s[j] > max ? s[j] : max;
    for (int64_t j = 0; j < n; j++) s[j] = fm_exp((s[j] - max) * scale);
    for (int64_t j = n; j < all; j++) s[j] = 0.0f;
    V sum = {0};
    int64_t whole = n / VW * VW;
    for (int64_t j = 0; j < whole; j += VW) sum += *(const V *)(s + j);
    float total = 0;
    for (int i = 0; i < VW; i++) total += sum[i];
    for (int64_t j = whole; j < n; j++) total += s[j];
    return total;
}

static void block(void *arg, int64_t index, void *scratch) {
    const Attention *a = arg;
    int64_t d = a->q.n[2] / a->heads, keys = a->k.n[1];
    int64_t from = index % a->blocks * a->queries, m = min64(a->queries, a->q.n[1] - from);
    int64_t head = index / a->blocks % a->heads, picture = index / a->blocks / a->heads;
    float *scores = (float *)((char *)scratch + GEMM_ROOM);
    const float *k = at2(a->k, picture, 0) + head * d, *v = at2(a->v, picture, 0) + head * d;
    float *o = at2(a->o, picture, from) + head * d;
    Block w = {k, F32, a->k.s[1]};
    K(gemm)(scratch, m, keys, d, at2(a->q, picture, from) + head * d, a->q.s[1], w, scores, keys, false);
    float scale = 1.0f / sqrtf((float)d), sums[MOST_QUERIES];
    for (int64_t i = 0; i < m; i++)
        sums[i] = exponentiate(scores + i * keys, a->causal ? from + i + 1 : keys, keys, scale);
    K(gemm_nn)(scratch, m, d, keys, scores, keys, v, a->v.s[1], o, a->o.s[1]);
    for (int64_t i = 0; i < m; i++) {
        float inverse = 1.0f / sums[i];
        for (int64_t j = 0; j < d; j++) o[i * a->o.s[1] + j] *= inverse;
    }
}

void K(attention)(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal) {
    Attention a = {.o = o, .q = q, .k = k, .v = v, .heads = heads, .causal = causal};
    a.queries = min64(MOST_QUERIES, (SCRATCH_BYTES - GEMM_ROOM) / 4 / k.n[1]);
    assert(a.queries >= 1); /* S <= 1.5 Mi: the pipelines refuse larger pictures */
    a.blocks = (q.n[1] + a.queries - 1) / a.queries;
    device_run(c->dev, q.n[0] * heads * a.blocks, block, &a);
}
