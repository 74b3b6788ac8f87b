/* os_wait.h: what programs with sockets want of the system besides os.h. */
#ifndef SD_TENSOR_OS_WAIT_H
#define SD_TENSOR_OS_WAIT_H

#include <stdbool.h>
#include <stdint.h>

/* Whether there is something to read, or the end, waiting up to `seconds` for it. Without sockets: false, at once. */
bool os_readable(intptr_t socket, double seconds);
/* From now on writing to a socket or pipe that nobody reads any more fails, in place of ending the process: libraries
 * write to sockets of theirs without asking for that. Without signals: nothing. */
void os_ignore_sigpipe(void);

#endif
