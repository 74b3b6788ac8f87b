/* bytes.h: numbers in files, of 1 to 4 bytes. */
#ifndef SD_IMAGE_BYTES_H
#define SD_IMAGE_BYTES_H

#include <stdint.h>

static inline uint32_t big_endian(const uint8_t *p, int bytes) {
    uint32_t v = 0;
    for (int i = 0; i < bytes; i++) v = v << 8 | p[i];
    return v;
}

static inline uint32_t little_endian(const uint8_t *p, int bytes) {
    uint32_t v = 0;
    for (int i = bytes - 1; i >= 0; i--) v = v << 8 | p[i];
    return v;
}

#endif
