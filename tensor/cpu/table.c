/* table.c: this instruction set's table of ops. */
#include "backward.h"

const Ops *K(cpu_table)(void);

const Ops *K(cpu_table)(void) {
    static const Ops OPS = {
        .name = SDC_ISA_NAME,
        .prepared_bytes = weight_prepared_bytes,
        .prepare = weight_prepare,
        .linear = K(linear),
        .conv2d = K(conv2d),
        .group_norm = K(group_norm),
        .layer_norm = K(layer_norm),
        .attention = K(attention),
        .activation = K(activation),
        .geglu = K(geglu),
        .affine = K(affine),
        .embedding = K(embedding),
        .timestep_embedding = K(timestep_embedding),
        .gaussian = K(gaussian),
        .backward = &K(backward_table),
    };
    return &OPS;
}
