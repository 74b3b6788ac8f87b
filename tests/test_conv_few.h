/* test_conv_few.h: part of the suite "ops". */
#ifndef SD_TEST_CONV_FEW_H
#define SD_TEST_CONV_FEW_H

void conv_few_checks(void);

#endif
