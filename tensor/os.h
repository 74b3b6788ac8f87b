/* os.h: what libsd and sdc ask of an operating system. A port to another system rewrites os_posix.c and nothing else:
 * no other file includes a header of POSIX. Each function says what a system without it may do instead. */
#ifndef SD_TENSOR_OS_H
#define SD_TENSOR_OS_H

#include <stddef.h>

/* --- time and chance --- */

/* Seconds on a clock that never jumps, from any beginning. Without one: time since the epoch. */
double os_clock(void);
/* Seconds that the calling thread has computed. Without them: os_clock; benchmarks then suffer from other programs. */
double os_thread_clock(void);
/* Random bytes, different in every process. Without a source of them: a generator seeded by the clock. They choose
 * seeds and names of temporary files and keep no secrets. */
void os_random(void *bytes, size_t size);

#endif
