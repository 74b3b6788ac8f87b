/* few_cases.h: what of the table of op cases runs under an emulator (tests/harness/few.h), so that each kind of check
 * still runs on each op: large cases are computed once and compared with their golden, those with the weights of whole
 * models are left out. */
#ifndef SD_TESTS_TENSOR_FEW_CASES_H
#define SD_TESTS_TENSOR_FEW_CASES_H

#include "tests/harness/few.h"
#include "tools/ledger/op_cases.h"

typedef enum { CASE_WHOLE, CASE_ONCE, CASE_LEFT_OUT } FewCase;

/* By the numbers of weights and of multiplications. */
static inline FewCase few_case(const OpCase *k) {
    enum { WEIGHTS = 400000, PRODUCTS = 2000000 };
    int64_t weights = k->kind == OP_LINEAR ? k->K * k->O : k->kind == OP_CONV ? k->I * k->O * k->k * k->k : 0;
    int64_t each = k->kind == OP_LINEAR ? k->T : k->Ho * k->Wo;
    int64_t products = k->kind == OP_ATTENTION ? 2 * k->T * k->S * k->heads * k->d : weights * each;
    if (!test_few()) return CASE_WHOLE;
    if (weights > WEIGHTS) return CASE_LEFT_OUT;
    return k->N * products > PRODUCTS ? CASE_ONCE : CASE_WHOLE;
}

#endif
