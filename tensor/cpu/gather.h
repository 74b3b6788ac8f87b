/* gather.h: the pixels that a block of a convolution's outputs sees, side by side. */
#ifndef SD_TENSOR_CPU_GATHER_H
#define SD_TENSOR_CPU_GATHER_H

#include "kernels.h"

typedef struct {
    Tensor x;
    Conv2d g;
    int64_t kernel_width, width; /* of the kernel; of the output */
} Gather;

/* pixels[m][taps][channels]: taps [tap, tap + taps) and channels [channel, channel + channels) of outputs
 * [pixel, pixel + m) of a picture. Padding is zeros; up-sampling by nearest neighbour is an index map, as torch
 * computes it: floor(i * (float)(in / out)). */
void K(gather)(const Gather *g, float *pixels, int64_t picture, int64_t pixel, int64_t m, int64_t tap, int64_t taps,
               int64_t channel, int64_t channels);

#endif
