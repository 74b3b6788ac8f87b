/* winograd.h: 3x3 convolutions of stride 1 with 1/4 of the multiplications; of enlarged pictures, with 1/6. */
#ifndef SD_TENSOR_CPU_WINOGRAD_H
#define SD_TENSOR_CPU_WINOGRAD_H

#include "kernels.h"

/* Whether K(winograd) can compute this convolution, and faster than the direct form. A fixed rule of the layer and one
 * picture's size, so that results depend neither on the batch nor on a clock; all parts of a picture that are 8x8 or
 * larger are computed the same way. */
bool K(winograd_serves)(Tensor y, const Weight *w, Conv2d g);
void K(winograd)(Ctx *ctx, Tensor y, Tensor x, const Weight *w, Conv2d g, CpuFinish finish);

#endif
