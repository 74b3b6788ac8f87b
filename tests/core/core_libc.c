/* core_libc.c: what sd_core has in place of libc's, compiled as it is there, beside the real one. */
#include "core/libc.h"

#include "core/heap.c"
#include "core/number.c"
#include "core/print.c"
