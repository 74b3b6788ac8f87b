/* backward.h: the CPU's backward ops, as its files and table share them. */
#ifndef SD_TENSOR_CPU_BACKWARD_H
#define SD_TENSOR_CPU_BACKWARD_H

#include "tensor/backward.h"
#include "kernels.h"

void K(zero)(Ctx *, Tensor t);
void K(add)(Ctx *, Into y, Tensor x, float scale);
void K(row_sums)(Ctx *, Tensor sums, const Weight *bias, Tensor dy);
void K(linear_dx)(Ctx *, Into dx, const Into *dx2, Tensor dy, const Weight *w, Tensor work);
void K(linear_dw)(Ctx *, const Weight *w, Tensor dy, Tensor x, const Tensor *x2);
void K(conv2d_dx)(Ctx *, Into dx, Tensor dy, const Weight *w, Conv2d g, Tensor filters, Tensor spread, Tensor wide);
void K(conv2d_dw)(Ctx *, const Weight *w, Tensor dy, Tensor x, Conv2d g, Tensor work);
void K(winograd_dw)(Ctx *, const Weight *w, Tensor dy, Tensor x, Conv2d g, Tensor work);
void K(group_norm_backward)(Ctx *, Into dx, const Into *dx2, Tensor dy, Tensor x, const Tensor *x2, const Weight *w,
                            const Weight *b, Tensor parts, Tensor work, Act act);
void K(layer_norm_backward)(Ctx *, Into dx, Tensor dy, Tensor x, const Weight *w, const Weight *b, Tensor work,
                            float eps);
void K(attention_backward)(Ctx *, Into dq, Into dk, Into dv, Tensor dy, Tensor o, Tensor q, Tensor k, Tensor v,
                           Tensor work, int heads, bool causal);
void K(activation_backward)(Ctx *, Into dx, Tensor dy, Tensor x, Act act);
void K(geglu_backward)(Ctx *, Into dx, Tensor dy, Tensor x);
void K(embedding_backward)(Ctx *, Tensor dy, Tensor ids, const Weight *table, const Weight *positions);
void K(gaussian_backward)(Ctx *, Into dmoments, Tensor dz, Tensor moments, Tensor noise, float scale);

extern const BackwardOps K(backward_table);

#endif
