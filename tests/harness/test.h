/* test.h: the smallest harness that counts. A suite is a function; every golden, hostile file and prompt is one check.
 */
#ifndef SD_TESTS_HARNESS_TEST_H
#define SD_TESTS_HARNESS_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counts one check under the name that format gives, and prints the name when it failed (or with SDC_TEST_VERBOSE set).
 * Returns ok. */
bool test_check(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line of explanation under the last check; printed as check lines are: always after a failure, else when verbose. */
void test_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A check that cannot run here (no such instruction set, no tool): counted apart, and never as passed. */
void test_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A directory for this run's files; removed with everything in it at the end. */
const char *test_dir(void);
/* test_dir()/name in one of a few rotating buffers. */
const char *test_path(const char *name);
/* The whole file, NUL-terminated, malloc'ed; NULL when it cannot be read. size may be NULL. */
char *test_read(const char *path, size_t *size);
bool test_write(const char *path, const void *bytes, size_t size);
/* Counter-generated numbers in [-1, 1): the project's generated weights (tests/harness/generated.h) use the same
 * mixing. */
double test_uniform(uint32_t seed, uint64_t index);

/* Whether memory and time are those of a program under AddressSanitizer. */
#if defined __SANITIZE_ADDRESS__
#define TEST_SANITIZED true
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define TEST_SANITIZED true
#endif
#endif
#ifndef TEST_SANITIZED
#define TEST_SANITIZED false
#endif

/* The suites; tests/harness/main.c lists them. */
void suite_files(void);
void suite_tokenizer(void);
void suite_prompt(void);
void suite_noise(void);
void suite_samplers(void);
void suite_schedules(void);
void suite_micro_samplers(void);
void suite_png(void);
void suite_image(void);
void suite_shapes(void);
void suite_builtin(void);
void suite_ops(void);
void suite_gradients(void);
void suite_blocks(void);
void suite_cuda(void);
void suite_cuda_pictures(void);
void suite_pipeline(void);
void suite_training(void);
void suite_memory(void);
void suite_cli(void);
void suite_bench(void);
void suite_full_size(void);
void suite_full_training(void);

#endif
