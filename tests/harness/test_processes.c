/* test_processes.c: the runner of suites itself. */
#define _XOPEN_SOURCE 700
#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* suites_run with its lines in `file`. */
static Counts run_quietly(const char *program, const Suite *s, const char *file) {
    fflush(stdout);
    int kept = dup(1), out = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    dup2(out, 1);
    Counts n = suites_run(program, &s, 1, 1);
    fflush(stdout);
    dup2(kept, 1);
    close(kept), close(out);
    return n;
}

/* A suite that time ends while a server of its own runs, as alarm() does. The server holds the pipe's end for writing:
 * all of them are gone when a reader finds the end. */
static void server_of_a_suite(void) {
    static const char SCRIPT[] = "#!/bin/sh\nsleep 60 &\nkill -ALRM $$\nsleep 60\n";
    static const Suite SLOW = {.name = "slow"};
    const char *program = test_path("suite"), *said = test_path("said");
    int ends[2];
    if (!test_check(test_write(program, SCRIPT, sizeof SCRIPT - 1) && !chmod(program, 0700) && !pipe(ends), "a suite"))
        return;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    Counts n = run_quietly(program, &SLOW, said);
    close(ends[1]);
    test_check(n.failed == 1 && !n.passed, "a suite out of time is one failed check");
    test_check(poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 10000) == 1, "its servers end with it");
    close(ends[0]);
}

SUITE(processes, .seconds = 0) { server_of_a_suite(); }
