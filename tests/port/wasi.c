/* wasi.c: what tests/harness/posix.c does, by tensor/os.h alone: directories for files, and the time that tests take.
 */
#include "tests/harness/harness.h"

#include "tensor/os.h"

#include <stdio.h>
#include <stdlib.h>

void harness_make_dir(char path[HARNESS_DIR]) {
    const char *base = getenv("TMPDIR");
    uint64_t number;
    os_random(&number, sizeof number);
    snprintf(path, HARNESS_DIR, "%s/sdc-test-%016llx", base && *base ? base : "/tmp", (unsigned long long)number);
    if (os_make_directory(path, true)) return;
    fprintf(stderr, "test: cannot make the directory %s; set TMPDIR to one that can be written\n", path);
    exit(1);
}

static bool drop(void *folder, const char *name) {
    char path[2 * OS_PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", (const char *)folder, name);
    if (os_kind(path) == OS_DIRECTORY) harness_remove_dir(path);
    else remove(path);
    return true;
}

void harness_remove_dir(const char *path) {
    os_list(path, drop, (void *)(uintptr_t)path);
    remove(path);
}

double test_seconds(void) { return os_thread_clock(); }
