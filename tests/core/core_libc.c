/* core_libc.c: what sd_core has in place of libc's, compiled as it is there, beside the real one. */
#include "sd/core/libc.h"

#include "sd/core/heap.c"
#include "sd/core/number.c"
#include "sd/core/print.c"
