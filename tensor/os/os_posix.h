/* os_posix.h: what the files os_posix*.c tell each other. */
#ifndef SD_TENSOR_OS_POSIX_H
#define SD_TENSOR_OS_POSIX_H

#include <stddef.h>

/* A file was mapped, or is about to be unmapped: for the handler of bus errors. */
void os_posix_mapped(const void *map, size_t size, const char *name);
void os_posix_unmapped(const void *map);

/* The descriptor that /dev/stdout stands for: 1, unless it was diverted. */
int os_posix_stdout(void);

#endif
