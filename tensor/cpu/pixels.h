/* pixels.h: where a convolution reads. */
#ifndef SD_TENSOR_CPU_PIXELS_H
#define SD_TENSOR_CPU_PIXELS_H

#include "kernels.h"

/* For a picture of `in` rows (or columns) read as if resized to `up` rows by nearest neighbour: the row that row i
 * comes from, as torch computes it: floor(i * (float)(in / up)). up 0: no resizing. -1: outside the picture. */
static inline int64_t nearest_source(int64_t i, int64_t in, int64_t up) {
    if (!up) return i >= 0 && i < in ? i : -1;
    if (i < 0 || i >= up) return -1;
    return min64((int64_t)((float)i * ((float)in / (float)up)), in - 1);
}

static inline float *at3(Tensor t, int64_t i, int64_t j, int64_t k) {
    return (float *)t.data + i * t.s[0] + j * t.s[1] + k * t.s[2];
}

#endif
