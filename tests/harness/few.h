/* few.h: SDC_TEST_FEW is set where suites that know it leave out what takes long under an emulator
 * (tools/dev/port_test.sh). */
#ifndef SD_TESTS_HARNESS_FEW_H
#define SD_TESTS_HARNESS_FEW_H

#include <stdbool.h>
#include <stdlib.h>

static inline bool test_few(void) { return getenv("SDC_TEST_FEW") != NULL; }

#endif
