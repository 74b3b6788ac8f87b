/* row_ops.h: what is done to rows of weights while they are loaded, on the CPU whatever the table of ops. The same bits
 * on every instruction set, but for NaNs, which vectors quiet: products and sums are rounded one by one, in order. */
#ifndef SD_TENSOR_ROW_OPS_H
#define SD_TENSOR_ROW_OPS_H

#include "tensor.h"

/* Rows of a weight with the product of two thin matrices on top. */
typedef struct {
    const void *in; /* [rows][ld] of F32, F16 or BF16, at any byte */
    void *out;      /* likewise, on a number's boundary; may be `in` where their types are the same */
    DType from, to;
    const float *a, *b; /* [rows][lda], of which `count` count; [count][ldb], of which `columns` */
    int64_t rows, columns, ld, lda, ldb, count;
    float scale, factor;
} ThinChange;

typedef struct {
    const char *name; /* of the instruction set */
    /* out[0..n) = n numbers of F32, F16 or BF16, which may begin at any byte */
    void (*widen)(float *out, const void *in, DType type, int64_t n);
    /* The way back, as f32_to_f16 and f32_to_bf16 round (half.h); out: on a number's boundary. */
    void (*narrow)(void *out, const float *in, DType type, int64_t n);
    /* y[r * ldy + c] += sum over i of a[r * lda + i] b[i * ldb + c], added to it one after the other from i = 0 on */
    void (*add_product)(float *y, int64_t ldy, int64_t rows, int64_t columns, const float *a, int64_t lda,
                        const float *b, int64_t ldb, int64_t count);
    /* y[i] += (x[i] scale) factor */
    void (*add_scaled)(float *y, const float *x, int64_t n, float scale, float factor);
    /* What widen, add_product on zeros, add_scaled and narrow make of the rows, a tile at a time. */
    void (*change)(const ThinChange *c);
} RowOps;

/* For the widest instruction set that cpu_ops may use. */
const RowOps *cpu_row_ops(void);
/* For tests: all that this machine can run; at most 3. Returns how many. */
int cpu_row_ops_list(const RowOps **out, int max);

#endif
