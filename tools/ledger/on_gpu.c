/* on_gpu.c: see on_gpu.h. */
#include "on_gpu.h"

#include <stdlib.h>
#include <string.h>

Tensor gpu_copy(Ctx *c, DType type, Tensor x) {
    Tensor t = tensor_new_typed(c, type, x.nd, x.n), host = tensor_host(c, t);
    int64_t n = x.n[x.nd - 1], rows = tensor_count(x) / n;
    for (int64_t r = 0; r < rows; r++) {
        int64_t offset = 0, rest = r;
        for (int i = x.nd - 2; i >= 0; i--) offset += rest % x.n[i] * x.s[i], rest /= x.n[i];
        memcpy((char *)host.data + r * n * 4, (const char *)x.data + offset * 4, (size_t)n * 4);
    }
    tensor_push(c, t);
    return t;
}

void gpu_weight(Ctx *c, Weight *w, bool owned) {
    void *mine = w->t.data;
    size_t bytes = c->op->prepared_bytes(w, w->t.dtype);
    Tensor buffer = tensor_new_typed(c, U8, 1, SHAPE((int64_t)bytes));
    c->op->prepare(w, w->t.dtype, mine, false, buffer.data);
    w->t.data = NULL;
    if (owned) free(mine);
}

void gpu_weights(Ctx *c, WeightList *l) {
    for (int64_t i = 0; i < l->count; i++) gpu_weight(c, l->w[i], true);
}
