/* cpu.c: the one table of ops that sd_core is compiled with, in place of tensor/cpu.c, which asks what the machine can
 * do. SDC_ISA names it. */
#include "tensor/cpu/isa.h"
#include "tensor/ops.h"
#include "tensor/row_ops.h"

const Ops *K(cpu_table)(void);
const RowOps *K(row_ops)(void);

const Ops *cpu_ops(Error *e) { return (void)e, K(cpu_table)(); }

const Ops *cpu_ops_exact(Error *e) {
    const Ops *ops = K(cpu_table)();
    if (ops->exact) return ops;
    error_set(e, ERR_ARGUMENT, "exact: this processor has no fma; compile sd_core with SDC_EMULATE_FMA");
    return NULL;
}

const Ops *cpu_table_emulating(void) { return NULL; }
const Ops *cpu_ops_mixed(void) { return NULL; }
const RowOps *cpu_row_ops(void) { return K(row_ops)(); }
