/* main.c: runs the suites and ends with one line, "N passed, N failed".
 *
 *     test [--slow] [--blas] [-jN] [SUITE...]   one suite runs in this process, several as N processes (one a core)
 *     test --list                                the suites, and how many seconds each takes
 *     test --make-model ...                      writes a checkpoint of generated weights (make_model.h)
 *     test --gen-config N, --gen-request N       runs one drawn case (tests/gen)
 *
 * SDC_TEST_VERBOSE=1 prints every check. */
#define _XOPEN_SOURCE 700
#include "harness.h"
#include "make_model.h"
#include "tests/gen/test_gen.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What all suites but the slow ones may take together, on one core. */
enum { BUDGET = 660, MAX_SUITES = 128 };

static int budget_used(void) {
    int seconds = 0;
    for (const Suite *s = suites(); s; s = s->next) seconds += s->slow ? 0 : s->seconds;
    return seconds;
}

static int list(void) {
    for (const Suite *s = suites(); s; s = s->next)
        printf("%-16s %3d s%s%s\n", s->name, s->seconds, s->blas ? " (blas)" : "", s->slow ? " (slow)" : "");
    printf("%d of %d s\n", budget_used(), BUDGET);
    return 0;
}

static const Suite *find(const char *name) {
    const Suite *s = suites();
    while (s && strcmp(s->name, name)) s = s->next;
    if (!s) fprintf(stderr, "test: no suite '%s'; --list shows them\n", name);
    return s;
}

static int finish(Counts n) {
    if (n.skipped) printf("%ld skipped\n", n.skipped);
    printf("%ld passed, %ld failed\n", n.passed, n.failed);
    return counts_status(n);
}

static int one_case(const Cases *c, const char *number) {
    harness_begin();
    int status = case_main(c, number);
    harness_end();
    return status;
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "--make-model")) return make_model_main(argc - 2, argv + 2);
    if (argc > 2 && !strcmp(argv[1], "--gen-config")) return one_case(&gen_config, argv[2]);
    if (argc > 2 && !strcmp(argv[1], "--gen-request")) return one_case(&gen_request, argv[2]);
    const Suite *chosen[MAX_SUITES];
    int count = 0, jobs = (int)sysconf(_SC_NPROCESSORS_ONLN);
    bool slow = false, blas = false;
    for (int a = 1; a < argc; a++) {
        if (!strcmp(argv[a], "--list")) return list();
        if (!strcmp(argv[a], "--slow")) slow = true;
        else if (!strcmp(argv[a], "--blas")) blas = true;
        else if (!strncmp(argv[a], "-j", 2)) jobs = atoi(argv[a] + 2);
        else if (count == MAX_SUITES || !(chosen[count++] = find(argv[a]))) return 2;
    }
    signal(SIGHUP, SIG_DFL); /* under nohup it is ignored, and so would sdc, which tests send one */
    if (count == 1) return finish(suite_run(chosen[0]));
    if (budget_used() > BUDGET) {
        fprintf(stderr, "test: suites take %d s, more than %d; make one cheaper (--list)\n", budget_used(), BUDGET);
        return 1;
    }
    for (const Suite *s = count ? NULL : suites(); s && count < MAX_SUITES; s = s->next)
        if ((!s->slow || slow) && (!blas || s->blas)) chosen[count++] = s;
    return finish(suites_run(argv[0], chosen, count, jobs > 0 ? jobs : 1));
}
