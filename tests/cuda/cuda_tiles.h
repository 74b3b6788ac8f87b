/* cuda_tiles.h: convolutions and attention on a GPU at the edges of its tiles and boxes, at sizes that cases.h lacks.
 */
#ifndef SD_TESTS_CUDA_CUDA_TILES_H
#define SD_TESTS_CUDA_CUDA_TILES_H

#include "tests/harness/on_gpu.h"

/* In a 16-bit type, against the GPU's plain kernels in f32: errors relative to their RMS are within the bound;
 * the second picture has the same bits alone. */
void cuda_tiles(Gpu *gpu, Arena *arena, DType type, Bound bound);
/* In F32, against a CPU's table that promises the same bits: the same shapes, and some more for Winograd's filtering.
 * The contexts are of one precision; in f32-direct only convolutions differ. */
void cuda_tiles_bits(const Ctx *gpu, const Ctx *cpu);

#endif
