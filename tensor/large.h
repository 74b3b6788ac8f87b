/* large.h: large pieces of memory, on huge pages where the system has them: a map of a quarter of a gigabyte is then
 * first touched 2 MiB at a time instead of 4 KiB, and its rows do not miss the TLB. */
#ifndef SD_TENSOR_LARGE_H
#define SD_TENSOR_LARGE_H

#include <stddef.h>

/* At least `size` bytes, aligned to 4 KiB, untouched; NULL: out of memory. */
void *large_new(size_t size);
void large_free(void *p); /* NULL is fine */

#endif
