/* test.h: the smallest harness that counts. A suite is a function; each golden, hostile file and prompt is one check.
 */
#ifndef SD_TESTS_HARNESS_TEST_H
#define SD_TESTS_HARNESS_TEST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counts one check, named by the format, and prints the name if it failed (or with SDC_TEST_VERBOSE set). Returns ok.
 */
bool test_check(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line of explanation for the last check; printed when that failed (or with SDC_TEST_VERBOSE set). */
void test_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One check: n numbers are as far as `tolerance` from those wanted, of numbers above 1 relatively. */
void test_floats(const char *name, const float *x, const float *want, int n, float tolerance);
/* A check that cannot run here (no such instruction set, no tool): counted separately, never as passed. */
void test_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A line that begins with `front`, printed at once. */
void test_line(const char *front, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* This suite's own directory, which is removed at the end. */
const char *test_dir(void);
/* A file in it, in one of eight rotating buffers. */
const char *test_path(const char *name);
/* The whole file, NUL-terminated, malloc'ed; NULL when it cannot be read. size may be NULL. */
char *test_read(const char *path, size_t *size);
bool test_write(const char *path, const void *bytes, size_t size);
/* Number `index` of sequence `seed`, in [-1, 1); mixed like the generated weights (generated.h). */
double test_uniform(uint32_t seed, uint64_t index);

/* Seconds that this process, and the programs that it ran, have computed: other suites run at the same time. */
double test_seconds(void);

/* AddressSanitizer or ThreadSanitizer is on: time and memory are not the program's own. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define TEST_SANITIZED true
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TEST_SANITIZED true
#endif
#endif
#ifndef TEST_SANITIZED
#define TEST_SANITIZED false
#endif

/* A suite is registered where it is written:
 *
 *     SUITE(files, .seconds = 3) {
 *         round_trip();
 *     }
 *
 * Suites run as processes side by side (suites.c), so that a suite shares no state with another. */
typedef struct Suite {
    const char *name;
    int seconds; /* that it takes on one core, about: the longest starts first, and all of them have a budget (main.c)
                  */
    bool slow;   /* runs only with --slow, or when named */
    bool blas;   /* BLAS=none may change its results: --blas runs these alone */
    void (*run)(void);
    struct Suite *next;
} Suite;

#define SUITE(name_, ...)                                                                                              \
    static void name_##_suite(void);                                                                                   \
    __attribute__((constructor)) static void name_##_register(void) {                                                  \
        static Suite s = {.name = #name_, .run = name_##_suite, __VA_ARGS__};                                          \
        suite_register(&s);                                                                                            \
    }                                                                                                                  \
    static void name_##_suite(void)

void suite_register(Suite *s);

#endif
