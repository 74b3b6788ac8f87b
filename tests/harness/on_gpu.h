/* on_gpu.h: running tests on a GPU: a real one in a build with CUDA, else the shim (cuda/shim/shim.h), where it
 * could be compiled. */
#ifndef SD_TESTS_HARNESS_ON_GPU_H
#define SD_TESTS_HARNESS_ON_GPU_H

#include "tensor/ops.h"
#include "nn/bind.h"

/* False, and the suite counts as skipped, without either. */
bool gpu_or_skip(const char *suite);
bool gpu_is_shim(const Gpu *gpu);

/* A tensor of the arena, of the context's type or `type`, with the numbers of x (on the host, f32 or i32, any strides).
 */
Tensor gpu_copy(Ctx *c, DType type, Tensor x);
/* w, whose numbers lie in the host's memory, prepared into the arena by the context's table; w keeps nothing of the
 * host's, whose memory is freed when `owned`. */
void gpu_weight(Ctx *c, Weight *w, bool owned);
void gpu_weights(Ctx *c, WeightList *l); /* all of them, owned */

/* The blocks of test_blocks.c on this table; the worst error of 16-bit tables is bound by rms and max (0: the goldens'
 * own rule). */
void gpu_blocks(const Ops *table, Gpu *gpu, double rms, double max);

#endif
