/* dirs.c: the test run's own directory. */
#define _XOPEN_SOURCE 700
#include "harness.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

bool harness_make_dir(char *pattern) { return mkdtemp(pattern) != NULL; }

static int drop(const char *path, const struct stat *st, int type, struct FTW *f) {
    (void)st, (void)type, (void)f;
    return remove(path);
}

void harness_remove_dir(const char *path) { nftw(path, drop, 16, FTW_DEPTH | FTW_PHYS); }
