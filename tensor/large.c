/* large.c: see large.h. */
#include "large.h"
#include "os.h"

#include <stdint.h>
#include <stdlib.h>

enum { HUGE = 2 << 20 };

void *large_new(size_t size) {
    size_t unit = size >= 4 * (size_t)HUGE ? HUGE : os_page_size();
    if (size > SIZE_MAX - unit) return NULL;
    size = size ? (size + unit - 1) & ~(unit - 1) : unit;
    void *p = aligned_alloc(unit, size);
    if (p && unit == HUGE) os_huge_pages(p, size);
    return p;
}

void large_free(void *p) { free(p); }
