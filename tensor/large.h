/* large.h: large pieces of memory, on huge pages where the system has them: a map of a quarter of a gigabyte is first
 * touched 2 MiB at a time and not 4 KiB, and its rows do not miss the TLB. */
#ifndef SD_TENSOR_LARGE_H
#define SD_TENSOR_LARGE_H

#include <stddef.h>

/* At least size bytes on 4 KiB, untouched; NULL: memory is out. Freed by free(). */
void *large_new(size_t size);

#endif
