/* os_posix_library.c: os.h for Linux, macOS and the BSDs: shared libraries, in a file of its own so that programs which
 * load none do not need the loader. */
#define _GNU_SOURCE /* a POSIX of 2008, and what the BSDs added */
#include "tensor/os.h"

#include <dlfcn.h>
#include <stdlib.h>

void *os_library_open(const char *name, const char *variable, const char *value) {
    if (variable) setenv(variable, value, 1);
    return dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

OsFunction os_library_function(void *library, const char *name) {
    union { /* ISO C has no conversion between pointers to objects and to functions; POSIX says that this works */
        void *object;
        OsFunction function;
    } p = {.object = dlsym(library, name)};
    return p.function;
}
