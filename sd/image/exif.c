/* exif.c: a TIFF header, a directory of entries, and a second directory that one of them points to. Every offset is
 * checked against the end of the data; each directory is visited once, so loops do no harm. */
#include "exif.h"

#include "sd/text/unicode.h"

#include <stdlib.h>
#include <string.h>

enum { ORIENTATION = 0x0112, EXIF_DIRECTORY = 0x8769, USER_COMMENT = 0x9286, SHORT = 3, CODE = 8, ENTRY = 12 };

typedef struct {
    const uint8_t *p;
    size_t size;
    bool big;
} Tiff;

static uint32_t get(const Tiff *t, size_t at, int bytes) {
    uint32_t v = 0;
    for (int i = 0; i < bytes; i++) v = v << 8 | t->p[at + (size_t)(t->big ? i : bytes - 1 - i)];
    return v;
}

static bool open_tiff(Tiff *t, const uint8_t *p, size_t size) {
    if (size >= 6 && !memcmp(p, "Exif\0\0", 6)) p += 6, size -= 6;
    if (size < 8 || (memcmp(p, "II", 2) && memcmp(p, "MM", 2))) return false;
    *t = (Tiff){p, size, *p == 'M'};
    return get(t, 2, 2) == 42;
}

/* The offset of the entry with this tag in the directory at `at`; 0: none. */
static size_t find(const Tiff *t, size_t at, uint32_t tag) {
    if (at < 8 || at > t->size - 2) return 0;
    size_t count = get(t, at, 2);
    for (size_t i = 0; i < count; i++) {
        size_t entry = at + 2 + i * ENTRY;
        if (entry + ENTRY > t->size) return 0;
        if (get(t, entry, 2) == tag) return entry;
    }
    return 0;
}

int exif_orientation(const uint8_t *exif, size_t size) {
    Tiff t;
    if (!open_tiff(&t, exif, size)) return 1;
    size_t entry = find(&t, get(&t, 4, 4), ORIENTATION);
    if (!entry || get(&t, entry + 2, 2) != SHORT || get(&t, entry + 4, 4) != 1) return 1;
    uint32_t v = get(&t, entry + 8, 2);
    return v >= 1 && v <= 8 ? (int)v : 1;
}

static bool is_big(const uint8_t *p, size_t size) {
    size_t even = 0, odd = 0; /* zero bytes: high halves of Latin letters */
    for (size_t i = 0; i + 1 < size; i += 2) even += !p[i], odd += !p[i + 1];
    return even >= odd;
}

static void push_utf16(Runes *r, const uint8_t *p, size_t size) {
    bool big = is_big(p, size);
    if (size >= 2 && ((p[0] == 0xFE && p[1] == 0xFF) || (p[0] == 0xFF && p[1] == 0xFE)))
        big = p[0] == 0xFE, p += 2, size -= 2;
    for (size_t i = 0; i + 1 < size; i += 2) {
        uint32_t c = (uint32_t)p[i + !big] << 8 | p[i + big];
        if (c >= 0xD800 && c < 0xE000) {
            uint32_t low = i + 3 < size ? (uint32_t)p[i + 2 + !big] << 8 | p[i + 2 + big] : 0;
            if (c < 0xDC00 && low >= 0xDC00 && low < 0xE000)
                c = 0x10000 + ((c - 0xD800) << 10 | (low - 0xDC00)), i += 2;
            else c = 0xFFFD;
        }
        if (!c) return; /* cameras pad the field with zeros */
        runes_push(r, c);
    }
}

bool exif_user_comment(const uint8_t *exif, size_t size, char **text, Error *e) {
    *text = NULL;
    Tiff t;
    if (!open_tiff(&t, exif, size)) return true;
    size_t link = find(&t, get(&t, 4, 4), EXIF_DIRECTORY);
    size_t entry = link ? find(&t, get(&t, link + 8, 4), USER_COMMENT) : 0;
    if (!entry) return true;
    size_t n = get(&t, entry + 4, 4), at = get(&t, entry + 8, 4);
    if (n <= CODE || at > t.size || n > t.size - at) return true;
    const uint8_t *p = t.p + at + CODE;
    n -= CODE;
    const uint8_t *end = memchr(p, 0, n);
    Runes r = {0};
    if (!memcmp(p - CODE, "UNICODE", CODE)) push_utf16(&r, p, n);
    else runes_from_utf8(&r, (const char *)p, end ? (size_t)(end - p) : n);
    char *out = r.count && !r.failed ? malloc(4 * r.count + 1) : NULL;
    size_t k = 0;
    for (size_t i = 0; out && i < r.count; i++) k += utf8_encode(r.at[i], (uint8_t *)out + k);
    if (out) out[k] = 0;
    bool ok = out || (!r.count && !r.failed);
    runes_free(&r);
    *text = out;
    return ok || error_set(e, ERR_MEMORY, "cannot allocate memory for a picture's text; free some and try again");
}
