/* main.c: runs the suites that it is linked with, in this process, for machines that are emulated: `port-test
 * [SUITE...]`, all but the slow ones if none is named. Ends with "N passed, N failed". */
#include "tests/harness/harness.h"

#include <stdio.h>
#include <string.h>

static bool run(const char *name, Counts *all) {
    bool found = false;
    for (const Suite *s = suites(); s; s = s->next)
        if (name ? !strcmp(s->name, name) : !s->slow) *all = suite_run(s), found = true; /* test.c goes on counting */
    return found;
}

int main(int argc, char **argv) {
    Counts all = {0};
    if (argc < 2) run(NULL, &all);
    for (int i = 1; i < argc; i++)
        if (!run(argv[i], &all)) {
            fprintf(stderr, "port-test: there is no suite '%s'\n", argv[i]);
            return 2;
        }
    printf("%ld passed, %ld failed\n", all.passed, all.failed);
    return counts_status(all);
}
