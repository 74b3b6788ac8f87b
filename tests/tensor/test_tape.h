/* test_tape.h: what the gradients suite's files share. */
#ifndef SD_TESTS_TENSOR_TEST_TAPE_H
#define SD_TESTS_TENSOR_TEST_TAPE_H

/* The tape's own rules: memory that is written twice, views, frozen parameters (test_tape.c). */
void tape_checks(void);

#endif
