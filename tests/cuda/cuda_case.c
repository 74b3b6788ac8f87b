/* cuda_case.c: see cuda_case.h. */
#include "cuda_case.h"

#include "tests/harness/on_gpu.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 64 };

/* A tensor of the arena with `gap` elements after each row and picture, all NaN. */
static Tensor spread(Ctx *c, int nd, const int64_t *n, int64_t gap, Tensor *whole) {
    Tensor t = tensor_view(NULL, c->type, nd, n);
    for (int i = nd - 2; i >= 0; i--) t.s[i] = t.s[i + 1] * t.n[i + 1] + (i == nd - 2 || i == 0 ? gap : 0);
    int64_t size = t.s[0] * t.n[0] + 2 * GUARD;
    *whole = tensor_new(c, 1, &size);
    float *host = tensor_host(c, *whole).data;
    for (int64_t i = 0; i < size; i++) host[i] = NAN;
    t.data = (char *)whole->data + dtype_bytes(t.dtype, GUARD);
    return t;
}

static int64_t offset_of(Tensor t, int64_t row) {
    int64_t offset = 0;
    for (int i = t.nd - 2; i >= 0; i--) offset += row % t.n[i] * t.s[i], row /= t.n[i];
    return offset;
}

static int64_t rows_of(Tensor t) { return tensor_count(t) / t.n[t.nd - 1]; }

static Tensor place(Ctx *c, Tensor x, int64_t gap) {
    if (x.dtype == I32 || x.nd < 2) return gpu_copy(c, x.dtype, x);
    Tensor whole, t = spread(c, x.nd, x.n, gap, &whole);
    float *host = (float *)tensor_host(c, whole).data + GUARD;
    for (int64_t r = 0; r < rows_of(x); r++)
        memcpy(host + offset_of(t, r), (const float *)x.data + offset_of(x, r), (size_t)x.n[x.nd - 1] * 4);
    tensor_push(c, whole);
    return t;
}

float *case_run(const Ctx *on, const OpCase *k, const OpData *all, Way way) {
    Ctx c = *on;
    const Ops *table = c.op;
    OpData d = way == BATCH ? *all : op_data_slice(all, 0, k->N);
    int64_t gap = way == STRIDED ? 8 : 0;
    size_t scope = scope_begin(&c);
    for (int i = 0; i < MAX_INPUTS; i++)
        if (d.in[i].data) d.in[i] = place(&c, d.in[i], gap ? gap + 8 * i : 0);
    if (d.vector.data) d.vector = place(&c, d.vector, gap);
    if (d.residual.data) d.residual = place(&c, d.residual, gap);
    Weight *weights[] = {&d.w, &d.b};
    for (int i = 0; i < 2; i++)
        if (weights[i]->t.data && table->memory) gpu_weight(&c, weights[i], false);
    Tensor whole, y = spread(&c, d.nd, d.n, gap, &whole);
    tensor_push(&c, whole);
    if (way == IN_PLACE) {
        bool self = k->kind == OP_ACTIVATION || k->kind == OP_AFFINE || k->kind == OP_PRELU ||
                    k->kind == OP_LAYER_NORM || (k->kind == OP_GROUP_NORM && !k->C2);
        if (self) y = d.in[0];
        else if (d.residual.data && k->act == ACT_NONE) y = d.residual;
        else return scope_end(&c, scope), NULL;
    }
    size_t before = c.arena->used;
    op_case_run(&c, k, &d, y);
    test_check(c.err.code == ERR_NONE && c.arena->used == before, "%s %s: no error, the arena as it was", k->name,
               table->name);
    test_note("%s", c.err.text);
    Tensor host = tensor_pull(&c, y);
    int64_t n = d.n[d.nd - 1], rows = rows_of(y), count = tensor_count(y);
    float *out = malloc((size_t)count * sizeof *out);
    if (!out) abort();
    for (int64_t r = 0; r < rows; r++)
        memcpy(out + r * n, (const float *)host.data + offset_of(y, r), (size_t)n * sizeof *out);
    if (way != IN_PLACE) { /* what is not an element of y is still NaN */
        Tensor guards = tensor_pull(&c, whole);
        int64_t numbers = 0, written = 0;
        for (int64_t i = 0; i < guards.n[0]; i++) numbers += !isnan(((const float *)guards.data)[i]);
        for (int64_t i = 0; i < count; i++) written += !isnan(out[i]);
        test_check(numbers == count && written == count, "%s %s: writes its output and nothing else", k->name,
                   table->name);
    }
    scope_end(&c, scope);
    return out;
}

bool case_same(const float *a, const float *b, const OpData *d, int64_t pictures) {
    int64_t each = tensor_count(tensor_view(NULL, F32, d->nd, d->n)) / d->n[0];
    return a && b && !memcmp(a, b, (size_t)(each * pictures) * sizeof *a);
}

bool case_large(const OpCase *k) {
    double work = k->kind == OP_LINEAR ? (double)(k->T * k->O * (k->K + k->K2))
                  : k->kind == OP_CONV ? (double)(k->Ho * k->Wo * k->O * k->k * k->k * k->I)
                                       : 0;
    return work * (double)k->N > 1e7;
}
