/* test_conv_few.h: part of the suite "ops". */
#ifndef SD_TESTS_TENSOR_TEST_CONV_FEW_H
#define SD_TESTS_TENSOR_TEST_CONV_FEW_H

void conv_few_checks(void);

#endif
