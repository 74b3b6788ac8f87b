/* on_gpu.h: tensors and weights of cases in the memory of a GPU's table. */
#ifndef SD_TOOLS_LEDGER_ON_GPU_H
#define SD_TOOLS_LEDGER_ON_GPU_H

#include "nn/bind.h"
#include "tensor/ops.h"

/* A tensor of the arena, of the context's type or `type`, with the numbers of x (on the host, f32 or i32, any strides).
 */
Tensor gpu_copy(Ctx *c, DType type, Tensor x);
/* w, whose numbers lie in the host's memory, prepared into the arena by the context's table; w keeps nothing of the
 * host's, whose memory is freed when `owned`. */
void gpu_weight(Ctx *c, Weight *w, bool owned);
void gpu_weights(Ctx *c, WeightList *l); /* all of them, owned */

#endif
