#include "byte_order.h"

void swap_numbers(void *out, const void *in, size_t width, int64_t count) {
    uint8_t *to = out, number[8];
    const uint8_t *from = in;
    for (; count > 0; count--, from += width, to += width) {
        for (size_t i = 0; i < width; i++) number[i] = from[width - 1 - i];
        memcpy(to, number, width);
    }
}

void file_numbers(void *out, const void *in, size_t width, int64_t count) {
    if (host_is_big_endian() && width > 1) swap_numbers(out, in, width, count);
    else if (out != in) memcpy(out, in, width * (size_t)count);
}

const void *in_file_order(size_t width, const void *bytes, size_t *size, uint8_t room[FILE_ORDER_ROOM]) {
    if (!host_is_big_endian() || width == 1) return bytes;
    if (*size > FILE_ORDER_ROOM) *size = FILE_ORDER_ROOM;
    size_t whole = *size / width * width;
    swap_numbers(room, bytes, width, (int64_t)(whole / width));
    memcpy(room + whole, (const uint8_t *)bytes + whole, *size - whole);
    return room;
}
