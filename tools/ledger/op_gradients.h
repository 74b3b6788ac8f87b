/* op_gradients.h: the gradients of a case of cases.h, by recording it on a tape and going backwards. */
#ifndef SD_TOOLS_LEDGER_OP_GRADIENTS_H
#define SD_TOOLS_LEDGER_OP_GRADIENTS_H

#include "ledger.h"
#include "op_cases.h"

enum { GRADIENT_PARTS = 7 };

/* The gradients of one run, dense: of inputs, vector, residual, weight, bias; NULL: there is none. */
typedef struct {
    float *at[GRADIENT_PARTS];
    Tensor like[GRADIENT_PARTS];
    const char *name[GRADIENT_PARTS];
    Error err;
} OpGradients;

/* gap: unused elements after each row of inputs and output; times: runs, whose gradients of parameters add up. The
 * arena is used from its beginning. */
OpGradients op_gradients(const Ops *table, ThreadPool *pool, Arena *arena, const OpCase *k, const OpData *from,
                         int64_t gap, int times);
void op_gradients_free(OpGradients *g);
/* Compares each with the golden. */
void op_gradients_enter(const Ledger *l, const LedgerTable *t, const Golden *golden, const OpCase *k,
                        const OpGradients *g);

#endif
