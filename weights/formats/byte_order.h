/* byte_order.h: numbers of files are little-endian (safetensors, GGUF, PyTorch); those of this machine may not be. */
#ifndef SD_WEIGHTS_FORMATS_BYTE_ORDER_H
#define SD_WEIGHTS_FORMATS_BYTE_ORDER_H

#include "tensor/tensor.h"

#include <string.h>

/* A constant to the compiler. */
static inline bool host_is_big_endian(void) {
    const uint16_t one = 1;
    return !*(const uint8_t *)&one;
}

/* Bytes that stand in the order of the file: a number's, or half of a complex one's; 1 for blocks, which every machine
 * reads alike. */
static inline size_t dtype_order(DType t) { return t == C64 ? 4 : dtype_block(t) > 1 ? 1 : dtype_bytes(t, 1); }

/* Copies one number of `width` bytes from a file's order to this machine's, or back. */
static inline void file_number(void *out, const void *in, size_t width) {
    if (!host_is_big_endian()) memcpy(out, in, width);
    else
        for (size_t i = 0; i < width; i++) ((uint8_t *)out)[i] = ((const uint8_t *)in)[width - 1 - i];
}

/* The same for many side by side; in and out are the same or do not overlap. */
void file_numbers(void *out, const void *in, size_t width, int64_t count);
/* What it does where the orders differ. */
void swap_numbers(void *out, const void *in, size_t width, int64_t count);

/* The bytes of whole numbers, as a file has them: `bytes` itself where the orders are the same, else as many of the
 * *size bytes as `room` holds, in it. *size: how many. */
enum { FILE_ORDER_ROOM = 4096 };
const void *in_file_order(size_t width, const void *bytes, size_t *size, uint8_t room[FILE_ORDER_ROOM]);

#endif
