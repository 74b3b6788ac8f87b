/* test_math.h: the part of the ops suite that needs no table of ops: conversions and functions. */
#ifndef SD_TESTS_TENSOR_TEST_MATH_H
#define SD_TESTS_TENSOR_TEST_MATH_H

#include "tensor/tensor.h"

void math_checks(void);
/* F16 or BF16 to f32 by arithmetic on sign, exponent and fraction, independent of tensor/half.h. */
void table_widen(float *out, const void *in, int64_t n, DType type);

#endif
