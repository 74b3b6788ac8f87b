/* memory.h: what this process had in memory. */
#ifndef SD_TOOLS_CLI_MEMORY_H
#define SD_TOOLS_CLI_MEMORY_H

#include <stddef.h>

/* The most bytes that it had in memory at once, mapped files included; 0 where the system does not tell. */
size_t peak_memory(void);

#endif
