/* gather.h: copies the pixels that a block of a convolution's outputs sees next to each other. */
#ifndef SD_TENSOR_CPU_GATHER_H
#define SD_TENSOR_CPU_GATHER_H

#include "kernels.h"

typedef struct {
    Tensor x;
    Conv2d g;
    int64_t kernel_width, width; /* width: of the output */
} Gather;

/* pixels[m][taps][channels]: taps [tap, tap + taps) and channels [channel, channel + channels) of outputs
 * [pixel, pixel + m) of a picture. Padding is zeros; nearest-neighbour up-sampling is an index map, as torch computes
 * it: floor(i * (float)(in / out)). */
void K(gather)(const Gather *g, float *pixels, int64_t picture, int64_t pixel, int64_t m, int64_t tap, int64_t taps,
               int64_t channel, int64_t channels);

#endif
