/* os_bare.h: sd_core's only memory, a buffer of the caller's (sd/core/heap.c), as os_bare.c tells of it. */
#ifndef SD_TENSOR_OS_BARE_H
#define SD_TENSOR_OS_BARE_H

#include <stdbool.h>
#include <stddef.h>

enum { HEAP_ALIGN = 64 };

void heap_begin(void *bytes, size_t size);
size_t heap_size(void);
size_t heap_used(void); /* bytes that are taken now, with what lies between them */
size_t heap_peak(void); /* the most that heap_used has been */

#endif
