/* os_fd.h: what os_fd.c tells the files of its systems. */
#ifndef SD_TENSOR_OS_FD_H
#define SD_TENSOR_OS_FD_H

#include "tensor/os.h"

int os_fd_at(OsFile dir); /* the descriptor that stands for a directory in openat and its kin */

#endif
