/* suites.c: the list of suites, and one of them in this process. */
#include "harness.h"

#include "tensor/os.h"

#include <stdio.h>
#include <string.h>

static Suite *first;

void suite_register(Suite *s) {
    Suite **at = &first;
    while (*at && strcmp((*at)->name, s->name) < 0) at = &(*at)->next;
    s->next = *at;
    *at = s;
}

Suite *suites(void) { return first; }

Counts suite_run(const Suite *s) {
    double start = os_clock();
    harness_begin();
    s->run();
    Counts n = harness_end();
    printf("%-16s %5ld passed, %ld failed", s->name, n.passed, n.failed);
    if (n.skipped) printf(", %ld skipped", n.skipped);
    printf("  (%.1f s)\n", os_clock() - start);
    return n;
}
