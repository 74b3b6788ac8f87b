#include "optimiser.h"

#include "tensor/q8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 15 }; /* floats of a work item; fixed, so that sums have one order */

static int64_t padded(int64_t floats) { return (floats + 15) / 16 * 16; }
static int64_t pieces(const Parameters *p) { return (p->floats + PIECE - 1) / PIECE; }

static void widen_all(float *out, Tensor t) {
    int64_t n = tensor_count(t);
    const uint16_t *h = t.data;
    if (t.dtype == F32) memcpy(out, t.data, (size_t)n * sizeof *out);
    else if (t.dtype == Q8_0)
        for (int64_t i = 0; i < n; i++) out[i] = q8_number(t.data, i);
    else
        for (int64_t i = 0; i < n; i++) out[i] = t.dtype == F16 ? f16_to_f32(h[i]) : bf16_to_f32(h[i]);
}

static float *zeros(int64_t floats) {
    float *p = aligned_alloc(64, (size_t)floats * sizeof *p);
    if (p) memset(p, 0, (size_t)floats * sizeof *p);
    return p;
}

/* A second copy of all weights pays for small models. A large model's are read where they are, which makes its products
 * about 1 % slower. */
static bool worth_preparing(const Parameters *p) {
    int64_t floats = 0;
    for (int64_t i = 0; i < p->count; i++) floats += tensor_count(p->w[i]->t);
    return floats <= 64 << 20;
}

static bool lay_out(Parameters *p, const Ops *ops) {
    size_t bytes = 0;
    bool prepares = ops->prepared_bytes && worth_preparing(p);
    for (int64_t i = 0; i < p->count; i++) {
        const Weight *w = p->w[i];
        size_t n = prepares ? ops->prepared_bytes(w, F32) : 0;
        p->at[i] = p->floats;
        p->floats += padded(tensor_count(w->t));
        p->prepared_at[i] = n ? bytes : SIZE_MAX;
        bytes += (n + 63) & ~(size_t)63;
    }
    if (bytes) p->prepared = aligned_alloc(64, bytes);
    return !bytes || p->prepared;
}

bool parameters_init(Parameters *p, WeightList *const *lists, int count, bool ema, const Ops *ops, Error *e) {
    *p = (Parameters){0};
    for (int l = 0; l < count; l++) p->count += lists[l]->count;
    p->w = calloc((size_t)p->count, sizeof(Weight *));
    p->at = calloc((size_t)p->count, sizeof *p->at);
    p->prepared_at = calloc((size_t)p->count, sizeof *p->prepared_at);
    bool ok = p->w && p->at && p->prepared_at;
    int64_t n = 0;
    for (int l = 0; ok && l < count; l++)
        for (int64_t i = 0; i < lists[l]->count; i++) p->w[n++] = lists[l]->w[i];
    ok = ok && lay_out(p, ops);
    if (ok) {
        p->values = zeros(p->floats);
        p->grads = zeros(p->floats);
        p->m = zeros(p->floats);
        p->v = zeros(p->floats);
        p->sums = calloc((size_t)pieces(p), sizeof *p->sums);
        if (ema) p->ema = zeros(p->floats);
    }
    if (!ok || !p->values || !p->grads || !p->m || !p->v || !p->sums || (ema && !p->ema)) {
        parameters_free(p);
        return error_set(e, ERR_MEMORY, "out of memory for the training state");
    }
    for (int64_t i = 0; i < p->count; i++) {
        Weight *w = p->w[i];
        widen_all(p->values + p->at[i], w->t);
        w->t = tensor_view(p->values + p->at[i], F32, w->t.nd, w->t.n);
        w->grad = p->grads + p->at[i];
    }
    if (ema) memcpy(p->ema, p->values, (size_t)p->floats * sizeof *p->ema);
    return true;
}

void parameters_free(Parameters *p) {
    free(p->w);
    free(p->at);
    free(p->prepared_at);
    free(p->values);
    free(p->grads);
    free(p->m);
    free(p->v);
    free(p->ema);
    free(p->sums);
    free(p->prepared);
    *p = (Parameters){0};
}

typedef struct {
    Parameters *p;
    const Ops *ops;
    const AdamW *o;
    float first, second; /* 1 / (1 - b^t) of both moments */
} Job;

static void prepare_one(void *arg, int64_t i, void *scratch) {
    (void)scratch;
    const Job *j = arg;
    Weight *w = j->p->w[i];
    w->version++;
    if (j->p->prepared_at[i] == SIZE_MAX) return;
    j->ops->prepare(w, F32, w->t.data, false, j->p->prepared + j->p->prepared_at[i]);
}

void parameters_changed(Parameters *p, const Ops *ops, ThreadPool *pool) {
    Job j = {.p = p, .ops = ops};
    pool_run(pool, p->count, prepare_one, &j);
}

static int64_t end_of(const Parameters *p, int64_t i) {
    return (i + 1) * PIECE < p->floats ? (i + 1) * PIECE : p->floats;
}

static void zero_piece(void *arg, int64_t i, void *scratch) {
    (void)scratch;
    const Job *j = arg;
    memset(j->p->grads + i * PIECE, 0, (size_t)(end_of(j->p, i) - i * PIECE) * sizeof(float));
}

void parameters_zero(Parameters *p, ThreadPool *pool) {
    Job j = {.p = p};
    pool_run(pool, pieces(p), zero_piece, &j);
}

static void sum_piece(void *arg, int64_t i, void *scratch) {
    (void)scratch;
    const Job *j = arg;
    double lanes[8] = {0};
    int64_t k = i * PIECE, end = end_of(j->p, i); /* both multiples of 16 */
    for (; k < end; k += 8)
        for (int l = 0; l < 8; l++) lanes[l] += (double)j->p->grads[k + l] * j->p->grads[k + l];
    j->p->sums[i] = 0;
    for (int l = 0; l < 8; l++) j->p->sums[i] += lanes[l];
}

double parameters_norm(Parameters *p, ThreadPool *pool) {
    Job j = {.p = p};
    double total = 0;
    pool_run(pool, pieces(p), sum_piece, &j);
    for (int64_t i = 0; i < pieces(p); i++) total += p->sums[i];
    return sqrt(total);
}

static void step_piece(void *arg, int64_t i, void *scratch) {
    (void)scratch;
    const Job *j = arg;
    const AdamW *o = j->o;
    float *w = j->p->values, *m = j->p->m, *v = j->p->v, *ema = j->p->ema;
    const float *g = j->p->grads;
    const float scale = (float)o->scale, b1 = (float)o->beta1, b2 = (float)o->beta2, c1 = (float)(1 - o->beta1);
    const float c2 = (float)(1 - o->beta2), keep = (float)(1 - o->lr * o->decay), rate = (float)o->lr * j->first;
    const float root = sqrtf(j->second), eps = (float)o->eps, slow = (float)o->ema, fast = (float)(1 - o->ema);
    for (int64_t k = i * PIECE, end = end_of(j->p, i); k < end; k++) {
        float d = g[k] * scale;
        m[k] = b1 * m[k] + c1 * d;
        v[k] = b2 * v[k] + c2 * d * d;
        w[k] = keep * w[k] - rate * m[k] / (sqrtf(v[k]) * root + eps);
    }
    if (!ema) return;
    for (int64_t k = i * PIECE, end = end_of(j->p, i); k < end; k++) ema[k] = slow * ema[k] + fast * w[k];
}

/* b^n by squaring: libm's pow has other bits on other machines. */
static double power(double b, int64_t n) {
    double p = 1;
    for (; n; n >>= 1, b *= b)
        if (n & 1) p *= b;
    return p;
}

void adamw_step(Parameters *p, ThreadPool *pool, const AdamW *o, int64_t step) {
    Job j = {.p = p, .o = o};
    j.first = (float)(1 / (1 - power(o->beta1, step)));
    j.second = (float)(1 / (1 - power(o->beta2, step)));
    pool_run(pool, pieces(p), step_piece, &j);
}
