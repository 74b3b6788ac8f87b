/* op_cases.h: tools/ledger/cases.h as data: a table of cases, their inputs, and one function that runs any of them.
 *
 * Inputs are made for at least MIN_PICTURES pictures (a case's own come first), so that every case is also a batch. */
#ifndef SD_TOOLS_LEDGER_OP_CASES_H
#define SD_TOOLS_LEDGER_OP_CASES_H

#include "tensor/ops.h"

enum { MIN_PICTURES = 3, MAX_INPUTS = 3 };

typedef enum {
    OP_LINEAR,
    OP_CONV,
    OP_GROUP_NORM,
    OP_LAYER_NORM,
    OP_ATTENTION,
    OP_ACTIVATION,
    OP_GEGLU,
    OP_AFFINE,
    OP_ADD,
    OP_PRELU,
    OP_TIMESTEP,
    OP_EMBEDDING,
} OpKind;

/* Whether a tape can record it. */
bool op_kind_trains(OpKind kind);
const char *op_kind_name(OpKind kind); /* "linear" */

typedef struct {
    OpKind kind;
    const char *name;
    int64_t N;
    /* the columns of cases.h that a kind has */
    int64_t T, K, O, K2, H, W, I, k, Ho, Wo, C, C2, S, d, V;
    Conv2d geometry;
    int bias, vector, residual, groups, heads, causal;
    Act act;
    double eps, xscale, xmean, scale, offset, t[5];
} OpCase;

extern const OpCase OP_CASES[];
extern const int OP_CASE_COUNT;

/* The tensors of a case. Slots of `in`: x, x2 | q, k, v | ids | t; then the epilogue's. data NULL: there is none. */
typedef struct {
    int64_t pictures;
    Tensor in[MAX_INPUTS], vector, residual;
    Weight w, b; /* b.t.data NULL: none. An embedding's: table and positions */
    int nd;      /* of the output */
    int64_t n[MAX_DIMS];
} OpData;

/* False: out of memory. */
bool op_data_make(OpData *d, const OpCase *k);
void op_data_free(OpData *d);
/* Views of pictures [first, first + count) of d. */
OpData op_data_slice(const OpData *d, int64_t first, int64_t count);
void op_case_run(Ctx *c, const OpCase *k, const OpData *d, Tensor y);

#endif
