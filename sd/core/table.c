/* table.c: the table of ops of sd_core, in place of tensor/cpu/table.c: no products of bf16, nothing backward, and no
 * prepared weights, which are copies. */
#include "tensor/cpu/fma.h"
#include "tensor/cpu/table.h"

const Ops *K(cpu_table)(void);

const Ops *K(cpu_table)(void) {
    static const Ops OPS = {
        .name = SDC_ISA_NAME,
        .exact = FUSES,
        .rows_independent = true,
        .linear = K(linear),
        .conv2d = K(conv2d),
        .attention = K(attention),
        POINTWISE_AND_NORMS,
    };
    return &OPS;
}
