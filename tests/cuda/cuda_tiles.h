/* cuda_tiles.h: convolutions and attention on a GPU at sizes where its tiles and boxes have their edges, beyond those
 * of cases.h. */
#ifndef SD_TESTS_CUDA_CUDA_TILES_H
#define SD_TESTS_CUDA_CUDA_TILES_H

#include "tests/harness/on_gpu.h"

/* In a type of 16 bits, against the GPU's plain kernels in f32: errors relative to their RMS within `rms` and `max`;
 * the second picture has the same bits alone. */
void cuda_tiles(Gpu *gpu, Arena *arena, DType type, double rms, double max);

#endif
