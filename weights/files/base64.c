#include "base64.h"

#include <stdlib.h>

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_size(size_t size) { return (size + 2) / 3 * 4; }

void base64_write(const uint8_t *bytes, size_t size, char *out) {
    for (size_t i = 0; i < size; i += 3) {
        uint32_t left = size - i < 3 ? (uint32_t)(size - i) : 3, v = (uint32_t)bytes[i] << 16;
        if (left > 1) v |= (uint32_t)bytes[i + 1] << 8;
        if (left > 2) v |= bytes[i + 2];
        for (uint32_t k = 0; k < 4; k++) *out++ = k <= left ? DIGITS[v >> (18 - 6 * k) & 63] : '=';
    }
    *out = 0;
}

static int digit(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

uint8_t *base64_read(const char *text, size_t size, size_t *out_size, bool *memory) {
    uint8_t *out = malloc(size / 4 * 3 + 4);
    *memory = !out;
    if (!out) return NULL;
    uint32_t v = 0, bits = 0, padding = 0;
    size_t n = 0, digits = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
        if (c == '=' && padding < 2 && digits % 4 + padding >= 2) {
            padding++;
            continue;
        }
        int d = digit(c);
        if (d < 0 || padding) return free(out), NULL;
        digits++;
        v = v << 6 | (uint32_t)d, bits += 6;
        if (bits >= 8) bits -= 8, out[n++] = (uint8_t)(v >> bits);
    }
    if (digits % 4 == 1) return free(out), NULL;
    out[n] = 0;
    return *out_size = n, out;
}
