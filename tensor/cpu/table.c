/* table.c: the tables of ops for this instruction set: f32, and `mixed`, in which linear layers and attention multiply
 * pairs of bf16 (pair.h). */
#include "backward.h"
#include "fma.h"
#include "table.h"

const Ops *K(cpu_table)(void), *K(cpu_table_mixed)(void);

#ifdef __wasm_relaxed_simd__
/* Whether this engine's relaxed_madd is fused on this machine, which it may choose: (1 + 2^-23)(1 - 2^-23) - 1 is
 * -2^-46 then, and 0 where the product is rounded first. */
bool K(cpu_fuses)(void);

bool K(cpu_fuses)(void) {
    volatile float more = 1 + 0x1p-23f, less = 1 - 0x1p-23f, one = 1;
    return fma1(more, less, -one) == -0x1p-46f;
}
#endif

/* What both tables share. */
#define SHARED .rows_independent = true, .conv2d = K(conv2d), POINTWISE_AND_NORMS, .backward = &K(backward_table)

const Ops *K(cpu_table)(void) {
    static const Ops OPS = {
        .name = SDC_ISA_NAME,
        .exact = FUSES,
        .prepared_bytes = weight_prepared_bytes,
        .prepare = weight_prepare,
        .linear = K(linear),
        .attention = K(attention),
        SHARED,
    };
    return &OPS;
}

const Ops *K(cpu_table_mixed)(void) {
    static const Ops OPS = {
        .name = SDC_ISA_NAME "-mixed",
        .prepared_bytes = K(prepared_bytes_mixed),
        .prepare = K(prepare_mixed),
        .linear = K(linear_mixed),
        .attention = K(attention_mixed),
        SHARED,
    };
    return &OPS;
}
