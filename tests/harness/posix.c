/* posix.c: directories for files, and the time that tests take. */
#define _XOPEN_SOURCE 700
#include "harness.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

void harness_make_dir(char path[HARNESS_DIR]) {
    const char *base = getenv("TMPDIR");
    snprintf(path, HARNESS_DIR, "%s/sdc-test-XXXXXX", base && *base ? base : "/tmp");
    if (mkdtemp(path)) return;
    fprintf(stderr, "test: cannot make the directory %s; set TMPDIR to one that can be written\n", path);
    exit(1);
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *f) {
    (void)st, (void)type, (void)f;
    return remove(path);
}

void harness_remove_dir(const char *path) { nftw(path, drop, 16, FTW_DEPTH | FTW_PHYS); }

static double seconds(int who) {
    struct rusage u = {0};
    getrusage(who, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

double test_seconds(void) { return seconds(RUSAGE_SELF) + seconds(RUSAGE_CHILDREN); }
