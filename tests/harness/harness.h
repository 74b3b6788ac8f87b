/* harness.h: what tests/harness/main.c needs of the harness besides test.h. */
#ifndef SD_TESTS_HARNESS_HARNESS_H
#define SD_TESTS_HARNESS_HARNESS_H

#include <stdbool.h>

void harness_begin(void);
void harness_end(void);
long harness_passed(void);
long harness_failed(void);
long harness_skipped(void);
bool harness_make_dir(char *pattern); /* mkdtemp */
void harness_remove_dir(const char *path);

#endif
