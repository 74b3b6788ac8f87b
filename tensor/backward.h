/* backward.h: the backward twins of the ops, a second table that a backend may have. The tape (tape.h) calls them;
 * layers never do.
 *
 * dy is the gradient of an op's output; a twin may overwrite it, since it is not needed again. The gradient of an input
 * goes Into a tensor: it is added if the tensor already holds a gradient, else written. The gradient of a weight is
 * always added to w->grad, in an order that depends on shapes only; a weight without w->grad is frozen and costs
 * nothing. Ops never allocate: `work` is memory that the tape provides for the call, of the size given in the comment.
 */
#ifndef SD_TENSOR_BACKWARD_H
#define SD_TENSOR_BACKWARD_H

#include "ops.h"

typedef struct {
    Tensor t; /* data NULL: not wanted */
    bool add;
} Into;

struct BackwardOps {
    void (*zero)(Ctx *, Tensor t);
    /* y (+)= scale x; any shape, the same for both */
    void (*add)(Ctx *, Into y, Tensor x, float scale);
    /* sums[N,C]: dy[N,T,C] over T; their sum over pictures is added to the gradient of bias (may be NULL) */
    void (*row_sums)(Ctx *, Tensor sums, const Weight *bias, Tensor dy);
    /* work: F32 [O * K], with K of the wider source, rounded up to PANEL_OUTPUTS */
    void (*linear_dx)(Ctx *, Into dx, const Into *dx2, Tensor dy, const Weight *w, Tensor work);
    void (*linear_dw)(Ctx *, const Weight *w, Tensor dy, Tensor x, const Tensor *x2);
    /* filters: F32 [O kh kw I], with I rounded up to FILTER_OUTPUTS; spread: [N,stride(Ho-1)+1,stride(Wo-1)+1,O], only
     * for strides above 1; wide: [N,up_h,up_w,I], only if the convolution up-samples */
    void (*conv2d_dx)(Ctx *, Into dx, Tensor dy, const Weight *w, Conv2d g, Tensor filters, Tensor spread, Tensor wide);
    /* work: F32 [conv2d_dw_work], or data NULL if that is 0 */
    void (*conv2d_dw)(Ctx *, const Weight *w, Tensor dy, Tensor x, Conv2d g, Tensor work);
    /* parts: as the forward op left them; work: F32 [N,blocks,2,C+C2] */
    void (*group_norm)(Ctx *, Into dx, const Into *dx2, Tensor dy, Tensor x, const Tensor *x2, const Weight *w,
                       const Weight *b, Tensor parts, Tensor work, Act act);
    /* work: F32 [N ceil(T / LAYER_NORM_ROWS),2,C] */
    void (*layer_norm)(Ctx *, Into dx, Tensor dy, Tensor x, const Weight *w, const Weight *b, Tensor work, float eps);
    /* work: F32 [N,heads,T,3] */
    void (*attention)(Ctx *, Into dq, Into dk, Into dv, Tensor dy, Tensor o, Tensor q, Tensor k, Tensor v, Tensor work,
                      int heads, bool causal);
    void (*activation)(Ctx *, Into dx, Tensor dy, Tensor x, Act act);
    void (*geglu)(Ctx *, Into dx, Tensor dy, Tensor x);
    void (*embedding)(Ctx *, Tensor dy, Tensor ids, const Weight *table, const Weight *positions);
    /* of op_gaussian */
    void (*gaussian)(Ctx *, Into dmoments, Tensor dz, Tensor moments, Tensor noise, float scale);
};

enum {
    LAYER_NORM_ROWS = 32,
    DW_TILES = 1024, /* 4x4 tiles whose transforms are held at once */
};

/* How many floats conv2d_dw needs to use Winograd's transforms; 0: it does not use them. A fixed rule of the layer and
 * the picture's size, in f32 only: 3x3 kernels of stride 1 whose transformed sums (36 numbers per pair of channels)
 * are small enough, if little is wasted at the edges of tiles. */
static inline int64_t conv2d_dw_work(const Ctx *c, const Weight *w, Tensor dy, Conv2d g) {
    enum { MOST_SUMS = 36 << 17 };
    int64_t in = w->t.n[3], out = w->t.n[0], rows = (dy.n[1] + 3) / 4, columns = (dy.n[2] + 3) / 4;
    bool fits = w->t.n[1] == 3 && w->t.n[2] == 3 && g.stride == 1 && in >= 16 && out >= 16;
    bool fewer = 36 * rows * columns * 5 < 9 * dy.n[1] * dy.n[2] * 3;
    int64_t tiles = dy.n[0] * rows * columns;
    in = (in + 15) / 16 * 16;
    out = (out + 31) / 32 * 32;
    if (c->precision != PRECISION_F32 || !fits || !fewer || 36 * in * out > MOST_SUMS) return 0;
    return 36 * ((tiles < DW_TILES ? tiles : DW_TILES) * (in + out) + in * out);
}

#endif
