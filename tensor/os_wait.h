/* os_wait.h: waiting for a socket, as os.h has the other calls of the system. */
#ifndef SD_TENSOR_OS_WAIT_H
#define SD_TENSOR_OS_WAIT_H

#include <stdbool.h>
#include <stdint.h>

/* Whether there is something to read, or the end, waiting up to `seconds` for it. Without sockets: false, at once. */
bool os_readable(intptr_t socket, double seconds);

#endif
