/* conv_few.h: convolutions to few outputs (conv_few.c). */
#ifndef SD_TENSOR_CPU_CONV_FEW_H
#define SD_TENSOR_CPU_CONV_FEW_H

#include "kernels.h"

void K(conv_few)(Ctx *, Tensor y, Tensor x, const Weight *w, Conv2d g, CpuFinish finish);

#endif
