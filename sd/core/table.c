/* table.c: the table of ops of sd_core, in place of tensor/cpu/table.c: no products of bf16, nothing backward, and no
 * prepared weights, which are copies. */
#include "tensor/cpu/fma.h"
#include "tensor/cpu/kernels.h"

const Ops *K(cpu_table)(void);

const Ops *K(cpu_table)(void) {
    static const Ops OPS = {
        .name = SDC_ISA_NAME,
        .exact = FUSES,
        .rows_independent = true,
        .linear = K(linear),
        .conv2d = K(conv2d),
        .group_norm = K(group_norm),
        .group_sums = K(group_sums),
        .group_stats = K(group_stats),
        .group_apply = K(group_apply),
        .layer_norm = K(layer_norm),
        .attention = K(attention),
        .activation = K(activation),
        .geglu = K(geglu),
        .affine = K(affine),
        .accumulate = K(accumulate),
        .prelu = K(prelu),
        .embedding = K(embedding),
        .timestep_embedding = K(timestep_embedding),
        .gaussian = K(gaussian),
    };
    return &OPS;
}
