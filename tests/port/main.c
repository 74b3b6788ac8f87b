/* main.c: runs the suites that it is linked with, in this process, for machines that are emulated; `port-test all`: the
 * slow ones too. Ends with "N passed, N failed". */
#include "tests/harness/harness.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    Counts all = {0}; /* test.c goes on counting from one suite to the next */
    for (const Suite *s = suites(); s; s = s->next)
        if (!s->slow || (argc > 1 && !strcmp(argv[1], "all"))) all = suite_run(s);
    printf("%ld passed, %ld failed\n", all.passed, all.failed);
    return counts_status(all);
}
