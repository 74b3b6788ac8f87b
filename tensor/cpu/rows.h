/* rows.h: elementwise work on tensors of any rank, as [rows][n], in blocks of about PIECE elements: block i has rows
 * from i * rows_at_once(t) on. */
#ifndef SD_TENSOR_CPU_ROWS_H
#define SD_TENSOR_CPU_ROWS_H

#include "kernels.h"

enum { PIECE = 32768 };

static inline int64_t rows_of(Tensor t) { return t.n[t.nd - 1] ? tensor_count(t) / t.n[t.nd - 1] : 0; }
static inline int64_t rows_at_once(Tensor t) { return 1 + PIECE / (t.n[t.nd - 1] + 1); }

static inline void run_rows(Ctx *c, Tensor shape, void *work, void (*fn)(void *, int64_t, void *)) {
    int64_t step = rows_at_once(shape);
    pool_run(c->pool, (rows_of(shape) + step - 1) / step, fn, work);
}

#endif
