/* on_gpu.c: see on_gpu.h. */
#include "on_gpu.h"
#include "test.h"

#include <string.h>

bool gpu_or_skip(const char *suite) {
    if (gpu_count()) return true;
    test_skip("%s: no GPU, and no C++ compiler or no fma for the stand-in", suite);
    return false;
}

bool gpu_is_shim(const Gpu *gpu) { return strstr(gpu_name(gpu), "made-up") != NULL; }
