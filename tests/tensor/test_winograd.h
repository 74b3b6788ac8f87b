/* test_winograd.h: part of the suite "ops". */
#ifndef SD_TESTS_TENSOR_TEST_WINOGRAD_H
#define SD_TESTS_TENSOR_TEST_WINOGRAD_H

void winograd_checks(void);

#endif
