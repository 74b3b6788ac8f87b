/* crc32.c: the remainder of a polynomial division over GF(2), eight bytes at a time.
 *
 * t[0][b] is the remainder of byte b, t[k][b] that of b followed by k zero bytes, so that eight look-ups take eight
 * bytes (M. Kounavis, F. Berry, "slicing-by-8", 2005). Without global state: a call makes the tables if it is long
 * enough to profit, and goes by half bytes if not. */
#include "crc32.h"

enum { LONG_ENOUGH = 8192 };

static const uint32_t HALF[16] = {
    0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
    0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
};

static uint32_t step(uint32_t crc, uint8_t byte) {
    crc ^= byte;
    crc = crc >> 4 ^ HALF[crc & 15];
    return crc >> 4 ^ HALF[crc & 15];
}

uint32_t crc32_update(uint32_t crc, const void *bytes, size_t n) {
    const uint8_t *p = bytes;
    crc = ~crc;
    if (n >= LONG_ENOUGH) {
        uint32_t t[8][256];
        for (int b = 0; b < 256; b++) t[0][b] = step(0, (uint8_t)b);
        for (int k = 1; k < 8; k++)
            for (int b = 0; b < 256; b++) t[k][b] = t[k - 1][b] >> 8 ^ t[0][t[k - 1][b] & 255];
        for (; n >= 8; n -= 8, p += 8) {
            uint32_t a = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
            crc = t[7][a & 255] ^ t[6][a >> 8 & 255] ^ t[5][a >> 16 & 255] ^ t[4][a >> 24] ^ t[3][p[4]] ^ t[2][p[5]] ^
                  t[1][p[6]] ^ t[0][p[7]];
        }
    }
    while (n--) crc = step(crc, *p++);
    return ~crc;
}
