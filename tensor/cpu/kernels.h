/* kernels.h: what the files of the CPU backend share. */
#ifndef SD_TENSOR_CPU_KERNELS_H
#define SD_TENSOR_CPU_KERNELS_H

#include "tensor/ops.h"
#include "tensor/pieces.h"
#include "tensor/prepare.h"
#include "isa.h"

#include <assert.h>

/* Outputs [column, column + PANEL) and steps [from, from + k) of K of w, as an f32 panel [k][PANEL] (panel.h): made in
 * `buffer` (k * PANEL floats, 64-byte aligned), or where the weight is. column: a multiple of PANEL. */
const float *K(panel_of)(float *buffer, const Weight *w, int64_t column, int64_t from, int64_t k);

/* The same as a panel of pairs of bf16, [(k + 1) / 2][PANEL] words (pair.h). from: even. */
const uint32_t *K(pairs_of)(uint32_t *buffer, const Weight *w, int64_t column, int64_t from, int64_t k);

/* Where the weight's own form holds the numbers of that panel contiguously; NULL: nowhere. */
const void *K(panel_place)(const Weight *w, int64_t column, int64_t from, int64_t k, size_t *bytes);

/* Preparation for the tables whose linear layers multiply pairs: those weights, unless keep_f32, become WEIGHT_PAIRS;
 * all others as by weight_prepare. */
size_t K(prepared_bytes_mixed)(const Weight *w, DType type);
void K(prepare_mixed)(Weight *w, DType type, const void *from, bool torch_order, void *to);

/* What follows a product: bias and epilogue. */
typedef struct {
    const float *bias; /* NULL: none */
    Epilogue e;
    bool in_place; /* the residual is y itself: products are added to it, and K(finish) does not add it again */
} CpuFinish;

static inline CpuFinish finish_of(Tensor y, const Weight *b, Epilogue e) {
    CpuFinish f = {b ? b->t.data : NULL, e, e.residual && e.residual->data == y.data};
    assert(!f.in_place || e.act == ACT_NONE);
    return f;
}

/* Finishes rows [0, m) x columns [0, n) of a tile of y whose first row is row `row` of picture `picture` and whose
 * first column is `column`. */
void K(finish)(const CpuFinish *f, float *y, int64_t ldy, int64_t picture, int64_t row, int64_t m, int64_t column,
               int64_t n);

/* x[0..n) = act(x) */
void K(activate)(float *x, int64_t n, Act act);
/* y[0..n) = (x + bias) gelu(gate + gate_bias); bias NULL: neither. y may be x. */
void K(geglu_row)(float *y, const float *x, const float *gate, const float *bias, const float *gate_bias, int64_t n);

void K(linear)(Ctx *, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue e);
void K(linear_mixed)(Ctx *, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue e);
void K(conv2d)(Ctx *, Tensor y, Tensor x, const Weight *w, const Weight *b, Conv2d g, Epilogue e);
void K(group_norm)(Ctx *, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Tensor parts,
                   float eps, Act act);
void K(group_sums)(Ctx *, Tensor parts, Tensor x, const Tensor *x2);
void K(group_stats)(Ctx *, Tensor stats, Tensor parts, int64_t pixels, int64_t width, float eps);
void K(group_apply)(Ctx *, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Tensor stats,
                    Act act);
void K(layer_norm)(Ctx *, Tensor y, Tensor x, const Weight *w, const Weight *b, float eps);
void K(attention)(Ctx *, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal);
void K(attention_mixed)(Ctx *, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal);
void K(activation)(Ctx *, Tensor y, Tensor x, Act act);
void K(geglu)(Ctx *, Tensor y, Tensor x);
void K(affine)(Ctx *, Tensor y, Tensor x, float scale, float offset);
void K(accumulate)(Ctx *, Tensor y, Tensor x, float scale);
void K(prelu)(Ctx *, Tensor y, Tensor x, const Weight *slope);
void K(embedding)(Ctx *, Tensor y, Tensor ids, const Weight *table, const Weight *positions);
void K(timestep_embedding)(Ctx *, Tensor y, Tensor t);
void K(gaussian)(Ctx *, Tensor z, Tensor moments, Tensor noise, float scale);

/* Blocks of products: a piece of K is a panel of 40 KiB, and 330 KiB of PRODUCT_ROWS rows of x. */
enum {
    PRODUCT_ROWS = 264, /* most rows of one picture */
    PRODUCT_N = 320,    /* most outputs */
};

static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

static inline float *at2(Tensor t, int64_t i, int64_t j) { return (float *)t.data + i * t.s[0] + j * t.s[1]; }

#endif
