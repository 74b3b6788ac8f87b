/* utf8.c: see utf8.h. */
#include "utf8.h"

#include <stdlib.h>

size_t utf8_decode(const uint8_t *p, size_t size, uint32_t *c, bool *ok) {
    uint8_t b = p[0];
    *ok = true;
    if (b < 0x80) return *c = b, 1;
    /* The second byte's range is what keeps out long forms, surrogates and numbers beyond U+10FFFF. */
    size_t length = b >= 0xF0 ? 4 : b >= 0xE0 ? 3 : 2;
    uint8_t low = b == 0xE0 ? 0xA0 : b == 0xF0 ? 0x90 : 0x80, high = b == 0xED ? 0x9F : b == 0xF4 ? 0x8F : 0xBF;
    uint32_t value = b & (0x7Fu >> length);
    size_t i = 1;
    if (b >= 0xC2 && b <= 0xF4) {
        for (; i < length && i < size && p[i] >= low && p[i] <= high; i++) {
            value = value << 6 | (p[i] & 0x3Fu);
            low = 0x80, high = 0xBF;
        }
        if (i == length) return *c = value, length;
    }
    *ok = false;
    *c = 0xFFFD;
    return i;
}

size_t utf8_encode(uint32_t c, uint8_t out[4]) {
    if (c < 0x80) return out[0] = (uint8_t)c, 1;
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; --i; c >>= 6) out[i] = (uint8_t)(0x80 | (c & 0x3F));
    out[0] = (uint8_t)(0xF00u >> n | c);
    return n;
}

size_t utf8_good(const void *text, size_t size) {
    const uint8_t *p = text;
    size_t at = 0;
    for (bool ok = true; at < size;) {
        uint32_t c;
        size_t n = utf8_decode(p + at, size - at, &c, &ok);
        if (!ok) break;
        at += n;
    }
    return at;
}

bool utf8_is_valid(const void *text, size_t size) { return utf8_good(text, size) == size; }

static unsigned unit(const uint8_t *p, bool big) {
    return big ? (unsigned)(p[0] << 8 | p[1]) : (unsigned)(p[1] << 8 | p[0]);
}

size_t utf16_decode(const uint8_t *p, size_t left, bool big, uint32_t *c, const char **why) {
    *why = "half a character at its end";
    if (left < 2) return 0;
    *c = unit(p, big);
    *why = "a NUL";
    if (!*c) return 0;
    if (*c < 0xD800 || *c > 0xDFFF) return 2;
    *why = "an unpaired surrogate";
    unsigned low = left >= 4 && *c < 0xDC00 ? unit(p + 2, big) : 0;
    if (low < 0xDC00 || low > 0xDFFF) return 0;
    *c = 0x10000 + ((*c - 0xD800) << 10) + (low - 0xDC00);
    return 4;
}

size_t utf8_whole(const char *text, size_t most) {
    size_t n = 0;
    while (n < most && text[n]) n++;
    if (text[n])
        while (n && ((unsigned char)text[n] & 0xC0) == 0x80) n--;
    return n;
}

char *utf8_valid(const char *text, size_t size) {
    char *out = size < SIZE_MAX / 3 ? malloc(3 * size + 1) : NULL; /* U+FFFD takes three bytes and may stand for one */
    if (!out) return NULL;
    size_t n = 0;
    for (size_t i = 0; i < size;) {
        uint32_t c;
        bool ok;
        i += utf8_decode((const uint8_t *)text + i, size - i, &c, &ok);
        n += utf8_encode(ok && c ? c : 0xFFFD, (uint8_t *)out + n);
    }
    out[n] = 0;
    return out;
}
