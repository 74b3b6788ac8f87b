/* harness.h: running suites, for main.c. */
#ifndef SD_TESTS_HARNESS_HARNESS_H
#define SD_TESTS_HARNESS_HARNESS_H

#include "test.h"

typedef struct {
    long passed, failed, skipped;
} Counts;

/* test.c: the checks of this process, and the directory for its files (under TMPDIR). */
void harness_begin(void);
Counts harness_end(void); /* removes the directory */

int counts_status(Counts n); /* the exit status: 0 when some passed and none failed */

/* posix.c: makes an empty directory under TMPDIR, or ends the program. */
enum { HARNESS_DIR = 512 };
void harness_make_dir(char path[HARNESS_DIR]);
void harness_remove_dir(const char *path);

/* suites.c: all suites, by name. */
Suite *suites(void);
/* One suite in this process; its last lines are what suites_run reads: its counts. */
Counts suite_run(const Suite *s);
/* processes.c: each suite of `list` (count of them) as a process of its own, `jobs` at a time, the longest first; slow
 * ones last and alone, because they need the memory. Prints what each printed once it has ended. A suite that crashes,
 * or takes far longer than it says, is one failed check. program: argv[0], which runs one suite when given its name. */
Counts suites_run(const char *program, const Suite *const *list, int count, int jobs);

#endif
