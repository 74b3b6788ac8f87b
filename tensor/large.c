#define _GNU_SOURCE
#include "large.h"

#include <stdlib.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

enum { PAGE = 4096, HUGE = 2 << 20 };

void *large_new(size_t size) {
    size_t unit = size >= 4 * (size_t)HUGE ? HUGE : PAGE;
    size = size ? (size + unit - 1) & ~(unit - 1) : unit;
    void *p = aligned_alloc(unit, size);
#if defined __linux__ && defined MADV_HUGEPAGE
    if (p && unit == HUGE) (void)madvise(p, size, MADV_HUGEPAGE); /* a wish */
#endif
    return p;
}
