#include "exif_write.h"

#include "weights/files/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER = 8, DIRECTORY = 2 + 12 + 4, DATA = HEADER + 2 * DIRECTORY, CODE = 8 };
enum { LONG = 4, UNDEFINED = 7, EXIF_DIRECTORY = 0x8769, USER_COMMENT = 0x9286 };

static uint8_t *put(uint8_t *p, uint32_t v, int bytes) {
    for (int i = bytes - 1; i >= 0; i--) *p++ = (uint8_t)(v >> (8 * i));
    return p;
}

/* A directory of one entry, and no further one. */
static uint8_t *put_directory(uint8_t *p, uint32_t tag, uint32_t type, uint32_t count, uint32_t value) {
    p = put(put(put(p, 1, 2), tag, 2), type, 2);
    return put(put(put(p, count, 4), value, 4), 0, 4);
}

/* Big-endian; returns its end. */
static uint8_t *put_utf16(uint8_t *p, const char *text) {
    for (size_t left = strlen(text), n; left; text += n, left -= n) {
        uint32_t c;
        bool ok;
        n = utf8_decode((const uint8_t *)text, left, &c, &ok);
        if (c > 0xFFFF) p = put(p, 0xD800 + ((c - 0x10000) >> 10), 2), c = 0xDC00 + ((c - 0x10000) & 0x3FF);
        p = put(p, c, 2);
    }
    return p;
}

bool exif_make(const char *text, uint8_t **out, size_t *size, Error *e) {
    uint8_t *p = malloc(DATA + CODE + 2 * strlen(text) + 1); /* a byte of UTF-8 is two at most */
    *out = p, *size = 0;
    if (!p) return error_set(e, ERR_MEMORY, "cannot allocate memory for a picture's text; free some and try again");
    memcpy(p, "MM\0*\0\0\0\10", HEADER);
    memcpy(p + DATA, "UNICODE", CODE);
    uint8_t *end = put_utf16(p + DATA + CODE, text);
    *size = (size_t)(end - p);
    uint8_t *second = put_directory(p + HEADER, EXIF_DIRECTORY, LONG, 1, HEADER + DIRECTORY);
    put_directory(second, USER_COMMENT, UNDEFINED, (uint32_t)(*size - DATA), DATA);
    return true;
}
