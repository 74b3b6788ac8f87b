/* op_compute.h: a case on any table, also a GPU's. */
#ifndef SD_TOOLS_LEDGER_OP_COMPUTE_H
#define SD_TOOLS_LEDGER_OP_COMPUTE_H

#include "op_cases.h"

/* The case's result, dense on the host until the scope ends; its inputs and weights go to the table's memory. */
Tensor op_case_compute(Ctx *c, const OpCase *k, const OpData *of);

#endif
