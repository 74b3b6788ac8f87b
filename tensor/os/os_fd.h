/* os_fd.h: what os_fd.c tells the files of its systems. */
#ifndef SD_TENSOR_OS_FD_H
#define SD_TENSOR_OS_FD_H

#include "tensor/os.h"

/* os_random where the system has no source of chance: from the clock, and from what else tells this process apart. */
void os_random_by_clock(void *bytes, size_t size, uint64_t process);
int os_fd_at(OsFile dir); /* the descriptor that stands for a directory in openat and its kin */

#endif
