/* sizes.h: sizes that a 32-bit machine cannot address stay too large instead of becoming small. */
#ifndef SD_TENSOR_SIZES_H
#define SD_TENSOR_SIZES_H

#include <stddef.h>
#include <stdint.h>

/* a + b, and a size as size_t; SIZE_MAX where it does not fit. */
static inline size_t size_sum(size_t a, size_t b) { return a > SIZE_MAX - b ? SIZE_MAX : a + b; }
static inline size_t size_of(uint64_t bytes) { return (size_t)bytes == bytes ? (size_t)bytes : SIZE_MAX; }

#endif
