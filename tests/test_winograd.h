/* test_winograd.h: part of the suite "ops". */
#ifndef SD_TEST_WINOGRAD_H
#define SD_TEST_WINOGRAD_H

void winograd_checks(void);

#endif
