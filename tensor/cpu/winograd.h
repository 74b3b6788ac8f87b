/* winograd.h: 3x3 convolutions of stride 1 with 1/4 of the multiplications; of enlarged pictures, with 1/6. */
#ifndef SD_TENSOR_CPU_WINOGRAD_H
#define SD_TENSOR_CPU_WINOGRAD_H

#include "kernels.h"

/* For convolutions of which conv_by_winograd says so (tensor/pieces.h). */
void K(winograd)(Ctx *ctx, Tensor y, Tensor x, const Weight *w, Conv2d g, CpuFinish finish);

#endif
